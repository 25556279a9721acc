// What a client is told, and what it tells.

import type { DirectEvent, Event, Welcome } from '../protocol.gen';
import type { PalcoError } from './errors';
import type { MediaState } from './media';
import type { Quality } from './quality';
import type { RoomState } from './room';
import type { SocketState } from './socket';
import type { Speaking } from './speaking';
import type { TokenSource } from './token';

export interface ClientOptions {
  /** Where Palco is; the page's own origin unless told otherwise. */
  server?: string;
  /**
   * An application's token, for pages of other products; else `join` takes a guest's name. A function is asked for
   * one when one is needed, and for the next one a minute before it ends: then the visit goes on.
   */
  token?: TokenSource;
  /**
   * Where to remember the session over a reload; null for nowhere. Default: sessionStorage, for the first client
   * of a page; further ones remember nothing.
   */
  storage?: Storage | null;
}

export interface Connection {
  socket: 'idle' | SocketState['is'];
  media: 'idle' | MediaState;
  /** The browser wants a tap before it plays: call `resumeAudio` from one. */
  audioBlocked: boolean;
  /** The server is about to stop: when (`Date.now`) the rooms that are live end at the latest. */
  drainsAtMs?: number | undefined;
}

export interface ClientEvents {
  /** Connected, or connected again: who you are, and what waits for you. */
  welcome: Welcome;
  /** The room changed; undefined when you left it. */
  room: RoomState | undefined;
  connection: Connection;
  /** Your connection became better or worse; good until this says otherwise. */
  quality: Quality;
  /** Who is speaking, by number, and how loudly (0 to 1); you too, while unmuted. */
  speaking: Speaking;
  /**
   * Every event of the room and of yours, after it was folded into the state: for effects and notices.
   * Yours come outside of rooms too, once connected.
   */
  event: Event | DirectEvent;
  /**
   * The microphone went away while you were speaking. Undefined: another one took its place. Else no other could be
   * opened without asking, and you are muted: why, a `microphone_…` code; `unmute` asks again.
   */
  microphoneLost: PalcoError['code'] | undefined;
  /** The session is over and will not heal by itself: why. */
  closed: PalcoError['code'];
}

export interface JoinOptions {
  /** Enter as a guest of this name, unless you are that already. */
  name?: string;
  /** The secret after `#` in the address. */
  link?: string | undefined;
  /** Aborted before one is in: as `leave`. */
  signal?: AbortSignal;
}
