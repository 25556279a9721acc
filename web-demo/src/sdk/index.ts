// Palco from any page, by one import:
//
//   import { Palco } from 'https://rooms.example.org/sdk/palco.js';
//   const palco = new Palco({ server: 'https://rooms.example.org' });
//   button.onclick = () => palco.join(roomId, { name: 'Ada' });
//   palco.on('room', (room) => …);
//
// No framework. docs/embed.md shows it in a page of another product, docs/protocol.md what it speaks.

export { Palco } from './client';
export type { ClientEvents, ClientOptions, Connection, JoinOptions } from './events';
export { canChooseOutput, listDevices, onDevicesChanged } from './devices';
export type { DeviceKind } from './devices';
export { PalcoError, codeOf, takenOf } from './errors';
export type { Advice, ClientErrorCode } from './errors';
export type { MediaState } from './media';
export { Microphone } from './microphone';
export type { MicrophoneSettings } from './microphone';
export type { Quality } from './quality';
export { fromSnapshot, isModerator, memberOf, reduce } from './room';
export type { RoomState } from './room';
export { loudness } from './speaking';
export type { Speaking } from './speaking';
export type { TokenSource } from './token';
export type * from '../protocol.gen';
export { LIMITS } from '../protocol.gen';
