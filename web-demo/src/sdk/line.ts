// The line to the server: who one is, and the socket on which that is said. It knows rooms only so far as one must
// be left.

import type { ClientMessage, DirectEvent, ErrorCode, Event, Person, Reply, Welcome } from '../protocol.gen';
import { Emitter } from './emitter';
import { PalcoError, codeOf } from './errors';
import type { ClientOptions } from './events';
import { Api } from './http';
import { Memory, type Remembered } from './memory';
import { Socket, type SocketState } from './socket';
import { Renewal, sameHolder } from './token';

/** A refusal for haste is waited out, but not for longer than this. */
const HASTE_MAX_MS = 10_000;
/** What says nothing of what the server did. */
const UNANSWERED: ReadonlySet<string> = new Set(['timeout', 'unreachable', 'closed']);

export interface LineEvents {
  state: undefined;
  welcome: Welcome;
  message: Event | DirectEvent;
  /** It will not come back by itself. */
  ended: ErrorCode;
}

export class Line extends Emitter<LineEvents> {
  /** The HTTP API, asked as the person this is. */
  readonly api: Api;
  /** Another token can be had when the one at hand has ended. */
  readonly renewal: Renewal | undefined;
  readonly #server: string;
  readonly #memory: Memory;
  #socket: Socket | undefined;
  /** The server has us in a room, as far as is known. */
  #seated = false;
  /** How many `join`s are not answered yet. */
  #joins = 0;
  /** The `leave` that is not answered yet. */
  #leaving: Promise<void> | undefined;
  #closed = false;

  constructor({ server = location.origin, token, storage }: ClientOptions) {
    super();
    this.#server = new URL(server).origin;
    this.#memory = new Memory(this.#server, storage);
    this.api = new Api(this.#server, () => this.#memory.values.token);
    if (typeof token === 'function') this.renewal = new Renewal(token, (next) => this.use(next));
    else if (token !== undefined) this.use(token);
  }

  get state(): 'idle' | SocketState['is'] {
    return this.#socket?.state.is ?? 'idle';
  }

  get remembered(): Readonly<Remembered> {
    return this.#memory.values;
  }

  /** In which room, so that a reload finds it; undefined for none. */
  remember(room: string | undefined, link?: string): void {
    this.#memory.set({ room, link });
  }

  async ask(message: ClientMessage): Promise<Reply> {
    if (this.#closed) throw new PalcoError('closed');
    const asked = this.#connect().request(message);
    if (message.type !== 'join') return asked;
    // Until the server refuses: one that does not answer may have done it.
    const before = this.#seated;
    this.#seated = true;
    this.#joins += 1;
    return asked
      .catch((error: unknown) => {
        const code = codeOf(error);
        if (!UNANSWERED.has(code)) this.#seated = before || code === 'already_joined';
        throw error;
      })
      .finally(() => (this.#joins -= 1));
  }

  /** Something suggests that the line is broken. */
  check(): void {
    this.#socket?.check();
  }

  /** Something was lost on the way: only a fresh snapshot helps. */
  resync(): void {
    this.#socket?.reconnect();
  }

  /** Another token: the same person's next one, or another person: what the one before was in is theirs. */
  use(token: string | undefined): void {
    if (token !== undefined && this.#memory.values.token === token) return;
    if (token !== undefined && this.holds(token)) {
      this.#memory.set({ token });
      this.#socket?.renew(token);
      return;
    }
    this.#part();
    this.#memory.set({ token, person: undefined, session: undefined, room: undefined, link: undefined });
  }

  /** Whether it is another token of the person this is. */
  holds(token: string): boolean {
    return sameHolder(token, this.#memory.values.token);
  }

  become(token: string | undefined, person: Person): void {
    this.use(token);
    this.#memory.set({ person });
  }

  /** From now on this is nobody. */
  signOut(): void {
    this.#part();
    this.#memory.set({ token: undefined, person: undefined, session: undefined });
  }

  /** Out of every room. Resolves once the server knows, or cannot be told: then it notices by itself. */
  goodbye(): Promise<void> {
    const socket = this.#socket;
    if (this.#seated && socket && socket.state.is !== 'closed') {
      this.#seated = false;
      const done = farewell(socket).finally(() => {
        if (this.#leaving === done) this.#leaving = undefined;
      });
      this.#leaving = done;
    }
    return this.left;
  }

  /** Resolves when the `leave` under way, if any, is answered. */
  get left(): Promise<void> {
    return this.#leaving ?? Promise.resolve();
  }

  /** The server knows already. */
  unseated(): void {
    this.#seated = false;
  }

  close(): void {
    this.#part();
    this.#closed = true;
    this.renewal?.stop();
    this.#memory.release();
  }

  /** From the server, at once: what was sent before a socket closes still arrives. */
  #part(): void {
    const socket = this.#socket;
    if (this.#seated && socket?.state.is === 'open') socket.request({ type: 'leave' }).catch(() => undefined);
    this.#socket = undefined;
    this.#seated = false;
    this.#leaving = undefined;
    socket?.close();
    if (socket) this.emit('state', undefined);
  }

  #connect(): Socket {
    if (this.#socket && this.#socket.state.is !== 'closed') return this.#socket;
    const url = new URL('/ws', this.#server);
    url.protocol = url.protocol.replace('http', 'ws');
    const { token, session } = this.#memory.values;
    const socket = new Socket({ url: url.href, token, session });
    this.#socket = socket;
    socket.on('state', (state) => {
      if (this.#socket !== socket) return;
      this.emit('state', undefined);
      if (state.is === 'closed') this.#ended(state.code);
    });
    socket.on('welcome', (welcome) => {
      this.#memory.set({ session: welcome.session, person: welcome.person });
      this.renewal?.proved();
      this.#seated = welcome.room !== undefined || this.#joins > 0;
      this.emit('welcome', welcome);
    });
    socket.on('message', (message) => this.emit('message', message));
    this.emit('state', undefined);
    return socket;
  }

  #ended(code: ErrorCode | undefined): void {
    if (code === undefined) return;
    this.#seated = false;
    if ((code === 'unauthorized' || code === 'token_expired') && !this.renewal) {
      this.#memory.set({ token: undefined, person: undefined, session: undefined });
    }
    if (code === 'taken_over' || code === 'removed')
      this.#memory.set({ session: undefined, room: undefined });
    this.emit('ended', code);
  }
}

/** Tells the server that one leaves; a refusal for haste would leave a ghost in the room. */
async function farewell(socket: Socket): Promise<void> {
  for (;;) {
    try {
      await socket.request({ type: 'leave' });
      return;
    } catch (error) {
      const waitMs = error instanceof PalcoError ? error.retryAfterMs : undefined;
      if (waitMs === undefined) return;
      await new Promise((resolve) => setTimeout(resolve, Math.min(waitMs, HASTE_MAX_MS)));
    }
  }
}
