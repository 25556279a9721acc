// Palco from any page, by one import:
//
//   const palco = new Palco({ server: 'https://rooms.example.org' });
//   button.onclick = () => palco.join(roomId, { name: 'Ada' });
//   palco.on('room', (room) => …);
//
// No framework. docs/protocol.md describes what it speaks to the server.

export { Palco } from './client';
export type { ClientEvents, ClientOptions, Connection, JoinOptions } from './events';
export { PalcoError, codeOf } from './errors';
export type { ClientErrorCode } from './errors';
export type { MediaQuality, MediaState } from './media';
export { Microphone } from './microphone';
export type { MicrophoneSettings } from './microphone';
export { fromSnapshot, isModerator, memberOf, reduce } from './room';
export type { RoomState } from './room';
export { loudness } from './speaking';
export type { Speaking } from './speaking';
export type * from '../protocol.gen';
export { LIMITS } from '../protocol.gen';
