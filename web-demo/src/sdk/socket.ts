// The signalling connection: requests with ids, `hello` with resume, reconnection, signs of life.
//
// Owned by one client (index.ts). It knows nothing of rooms or media: what the server says unasked
// goes to `message`, and what became of the session after a reconnect to `welcome`.

import {
  SUBPROTOCOL,
  type ClientMessage,
  type DirectEvent,
  type ErrorCode,
  type Event,
  type Reply,
  type ServerMessage,
  type Welcome,
} from '../protocol.gen';
import { Emitter } from './emitter';
import { FINAL_CLOSE_CODES, FINAL_CODES, PalcoError } from './errors';

export type SocketState =
  | { is: 'connecting' }
  | { is: 'open' }
  /** Lost; tried again by itself after so long. */
  | { is: 'waiting'; delayMs: number }
  /** Will not come back by itself; `code` when the server said why. */
  | { is: 'closed'; code?: ErrorCode };

export interface SocketEvents {
  state: SocketState;
  welcome: Welcome;
  message: Event | DirectEvent;
}

export interface SocketOptions {
  url: string;
  /** Without one the browser's session cookie says who this is. */
  token?: string | undefined;
  /** The secret of a session to continue. */
  session?: string | undefined;
  /** Only tests change these. */
  timing?: Partial<typeof TIMING>;
}

export const TIMING = {
  /** A server on another continent answers in well under this; then the connection is taken for dead. */
  requestTimeoutMs: 8_000,
  /** Shorter than the server's 30 s reconnect grace, so that a dead socket is noticed within it. */
  pingAfterQuietMs: 15_000,
  /** First retry almost at once: most losses are a change of network. */
  backoffFirstMs: 250,
  backoffMaxMs: 5_000,
};

interface Waiting {
  text: string;
  /** How much had been heard when it was sent; undefined until then. */
  sentAt: number | undefined;
  resolve: (reply: Reply) => void;
  reject: (error: PalcoError) => void;
  timer: ReturnType<typeof setTimeout>;
}

type ReplyMessage = Extract<ServerMessage, { re: number }>;

export class Socket extends Emitter<SocketEvents> {
  readonly #url: string;
  #token: string | undefined;
  readonly #timing: typeof TIMING;
  #session: string | undefined;
  #ws: WebSocket | undefined;
  #state: SocketState = { is: 'connecting' };
  /**
   * Ids stay unique over a page reload that resumes the session, without being stored: they start at
   * the hundredths of a second since 1970 (in 32 bits), and nobody makes 100 requests a second.
   */
  #nextId = Math.floor(Date.now() / 10) % 2 ** 32;
  /** Tries since a connection last lasted: one that breaks as soon as it is there is not tried faster. */
  #attempt = 0;
  /** Messages heard on the connection that is open. */
  #heard = 0;
  #lastHeard = instant();
  #openTimer: ReturnType<typeof setTimeout> | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #lifeTimer: ReturnType<typeof setInterval> | undefined;
  /** Unanswered requests by id. Bounded by their timeout: nothing waits longer. */
  readonly #waiting = new Map<number, Waiting>();

  constructor(options: SocketOptions) {
    super();
    this.#url = options.url;
    this.#token = options.token;
    this.#session = options.session;
    this.#timing = { ...TIMING, ...options.timing };
    this.#open();
  }

  get state(): SocketState {
    return this.#state;
  }

  /**
   * Asks and waits for the answer; an error answer rejects with its code. Requests made while the
   * connection is away are sent when the session is back, within the request's own timeout: then
   * `unreachable` for what was never sent, `timeout` for what may have been done.
   */
  request(message: ClientMessage): Promise<Reply> {
    if (this.#state.is === 'closed') return Promise.reject(new PalcoError('closed'));
    const id = this.#takeId();
    const text = JSON.stringify({ id, ...message });
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new PalcoError(waiting.sentAt === undefined ? 'unreachable' : 'timeout'));
        // Nothing but silence since: the connection is dead, whatever the browser thinks. A server that
        // says other things meanwhile is only slow, and would be slower for another connection.
        if (this.#state.is === 'open' && waiting.sentAt === this.#heard) this.#lost();
      }, this.#timing.requestTimeoutMs);
      const waiting: Waiting = { text, sentAt: undefined, resolve, reject, timer };
      this.#waiting.set(id, waiting);
      if (this.#state.is === 'open') this.#send(waiting);
    });
  }

  /** Something suggests that the network changed: find out now rather than at the next ping. */
  check(): void {
    if (this.#state.is === 'waiting') this.#open();
    else if (this.#state.is === 'open') void this.request({ type: 'ping' }).catch(() => undefined);
  }

  /** Lets the socket go and resumes: brings a fresh snapshot. At once, unless that was just done. */
  reconnect(): void {
    if (this.#state.is === 'closed') return;
    if (this.#attempt > 0) this.#lost();
    else {
      this.#attempt = 1;
      this.#open();
    }
  }

  /** The same person's next token: it is shown from now on, and the session goes on with it. */
  renew(token: string): void {
    this.#token = token;
    this.reconnect();
  }

  close(): void {
    this.#end({ is: 'closed' });
  }

  #takeId(): number {
    const id = this.#nextId;
    this.#nextId = (id + 1) % 2 ** 32;
    return id;
  }

  #send(waiting: Waiting): void {
    waiting.sentAt = this.#heard;
    this.#ws?.send(waiting.text);
  }

  #open(): void {
    clearTimeout(this.#retryTimer);
    this.#abandon();
    this.#set({ is: 'connecting' });
    let ws: WebSocket;
    try {
      ws = new WebSocket(this.#url, SUBPROTOCOL);
    } catch {
      // The page's policy forbids it, or the browser takes no more of them now.
      this.#lost();
      return;
    }
    this.#ws = ws;
    const current = (): boolean => this.#ws === ws;
    this.#openTimer = setTimeout(() => this.#lost(), this.#timing.requestTimeoutMs);
    const helloId = this.#takeId();
    ws.onopen = () => {
      const resume = this.#session === undefined ? undefined : { session: this.#session };
      // Undefined fields are left out.
      ws.send(JSON.stringify({ id: helloId, type: 'hello', token: this.#token, resume }));
    };
    ws.onmessage = (event) => {
      if (!current()) return;
      this.#heard += 1;
      this.#lastHeard = instant();
      const message = read(event.data);
      if (!message) return;
      if ('re' in message && message.re === helloId) {
        clearTimeout(this.#openTimer);
        this.#greeted(message, ws);
      } else this.#receive(message);
    };
    ws.onclose = (event) => {
      if (!current()) return;
      const code = FINAL_CLOSE_CODES.get(event.code);
      if (code) this.#end({ is: 'closed', code });
      else this.#lost();
    };
  }

  #greeted(reply: ReplyMessage, ws: WebSocket): void {
    if (reply.type !== 'welcome') {
      const code = reply.type === 'error' ? reply.error.code : undefined;
      if (code !== undefined && FINAL_CODES.has(code)) this.#end({ is: 'closed', code });
      else this.#lost();
      return;
    }
    const resumed = reply.room !== undefined || this.#session === reply.session;
    this.#session = reply.session;
    this.#state = { is: 'open' };
    this.#lifeTimer = setInterval(() => this.#signOfLife(), this.#timing.pingAfterQuietMs / 3);
    // Before anybody is told: what is asked from then on belongs to this connection, and is sent by itself.
    // The same id sent twice is answered as if sent once, so a resumed session simply repeats what is
    // unanswered. In a fresh one, what was sent before would act on a state that is gone.
    for (const [id, waiting] of this.#waiting) {
      if (resumed || waiting.sentAt === undefined) this.#send(waiting);
      else {
        this.#waiting.delete(id);
        clearTimeout(waiting.timer);
        waiting.reject(new PalcoError('unreachable'));
      }
    }
    this.emit('state', this.#state);
    // Unless whoever heard that closed it.
    if (this.#ws === ws) this.emit('welcome', reply);
  }

  #receive(message: ServerMessage): void {
    if (!('re' in message)) {
      this.emit('message', message);
      return;
    }
    const waiting = this.#waiting.get(message.re);
    if (!waiting) return;
    this.#waiting.delete(message.re);
    clearTimeout(waiting.timer);
    if (message.type === 'error') waiting.reject(PalcoError.from(message.error));
    else waiting.resolve(message);
  }

  #signOfLife(): void {
    this.#attempt = 0;
    if (since(this.#lastHeard) >= this.#timing.pingAfterQuietMs) this.check();
  }

  #lost(): void {
    this.#abandon();
    // Full jitter over the upper half: ten thousand clients must not come back in the same moment.
    const ceiling = Math.min(this.#timing.backoffFirstMs * 2 ** this.#attempt, this.#timing.backoffMaxMs);
    const delayMs = ceiling / 2 + (Math.random() * ceiling) / 2;
    this.#attempt += 1;
    this.#retryTimer = setTimeout(() => this.#open(), delayMs);
    this.#set({ is: 'waiting', delayMs });
  }

  #end(state: SocketState): void {
    if (this.#state.is === 'closed') return;
    clearTimeout(this.#retryTimer);
    this.#abandon();
    const code = state.is === 'closed' ? state.code : undefined;
    for (const waiting of this.#waiting.values()) {
      clearTimeout(waiting.timer);
      waiting.reject(new PalcoError(code ?? 'closed'));
    }
    this.#waiting.clear();
    this.#set(state);
  }

  /** Lets go of the browser's socket without waiting for its close. */
  #abandon(): void {
    clearInterval(this.#lifeTimer);
    clearTimeout(this.#openTimer);
    this.#heard = 0;
    const ws = this.#ws;
    this.#ws = undefined;
    if (ws) {
      ws.onopen = ws.onmessage = ws.onclose = null;
      ws.close();
    }
  }

  #set(state: SocketState): void {
    this.#state = state;
    this.emit('state', state);
  }
}

/** Undefined for what is no message at all: whoever sent it, it is not for us. */
function read(data: unknown): ServerMessage | undefined {
  if (typeof data !== 'string') return undefined;
  try {
    const message = JSON.parse(data) as ServerMessage | null;
    return typeof message === 'object' && message !== null ? message : undefined;
  } catch {
    return undefined;
  }
}

interface Instant {
  steadyMs: number;
  wallMs: number;
}

function instant(): Instant {
  return { steadyMs: performance.now(), wallMs: Date.now() };
}

/** By the clock that says more: one may stand still while the machine sleeps, the other is set now and then. */
function since({ steadyMs, wallMs }: Instant): number {
  return Math.max(performance.now() - steadyMs, Date.now() - wallMs);
}
