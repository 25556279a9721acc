// A server of one room for the client's tests: real sockets, and every answer in the test's hand. It greets by itself.

import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Person, Request, RoomId, Snapshot, StageMember } from '../src/protocol.gen';

export const ME: Person = { id: 'me', name: 'Ada', guest: true };

export const me = (changes: Partial<StageMember> = {}): StageMember => ({
  person: ME,
  number: 1,
  role: 'speaker',
  muted: true,
  muted_by_moderator: false,
  present: true,
  since_ms: 0,
  ...changes,
});

export function snapshot(id: RoomId, seq: number, stage: StageMember[] = []): Snapshot {
  const room = {
    id,
    title: id,
    description: '',
    kind: 'open' as const,
    hand_policy: 'everyone' as const,
    locked: false,
    owner: 'host',
    slow_mode_ms: 0,
    turn_ms: 0,
    max_speakers: 13,
  };
  const counts = { listeners: 1, hands: 0 };
  return { seq, now_ms: 1_000, room, stage, counts, chat: [], you: { person: ME, role: 'listener' } };
}

type Hello = Extract<Request, { type: 'hello' }>;

export class RoomServer {
  readonly #server: WebSocketServer;
  #socket: WebSocket | undefined;
  readonly #requests: Request[] = [];
  #wanting: (() => void) | undefined;
  /** What sockets said first. */
  readonly hellos: Hello[] = [];
  /** What each request was, in order, but for the greetings and signs of life. */
  readonly heard: string[] = [];
  /** The next `welcome`: its session, and what more it says. */
  session = 'S1';
  extra: object = {};
  /** Refuses the next greetings so, by token. */
  readonly refused = new Map<string | undefined, string>();

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#socket = socket;
      socket.on('message', (data: Buffer) => this.#receive(socket, JSON.parse(data.toString()) as Request));
    });
  }

  static async start(): Promise<RoomServer> {
    const server = new WebSocketServer({ port: 0, handleProtocols: (offered) => [...offered][0] ?? false });
    await new Promise((resolve) => server.once('listening', resolve));
    return new RoomServer(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get sockets(): number {
    return this.#server.clients.size;
  }

  /** The next request, which must be of this type; signs of life are answered. */
  async next<Type extends Request['type']>(type: Type): Promise<Extract<Request, { type: Type }>> {
    let request = this.#requests.shift();
    while (!request) {
      await new Promise<void>((resolve) => (this.#wanting = resolve));
      request = this.#requests.shift();
    }
    if (request.type !== type) throw new Error(`expected ${type}, got ${request.type}`);
    return request as Extract<Request, { type: Type }>;
  }

  say(message: object): void {
    this.#socket?.send(JSON.stringify(message));
  }

  ok(request: Request): void {
    this.say({ re: request.id, type: 'ok' });
  }

  refuse(request: Request, code: string, more: object = {}): void {
    this.say({ re: request.id, type: 'error', error: { code, message: code, ...more } });
  }

  admit(request: Request, state: Snapshot): void {
    this.say({ re: request.id, type: 'joined', answer: `answer ${request.id}`, snapshot: state });
  }

  /** The socket breaks, or is closed with a code. */
  drop(code?: number): void {
    if (code === undefined) this.#socket?.terminate();
    else this.#socket?.close(code);
  }

  async stop(): Promise<void> {
    for (const client of this.#server.clients) client.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #receive(socket: WebSocket, request: Request): void {
    const answer = (message: object): void => socket.send(JSON.stringify({ re: request.id, ...message }));
    if (request.type === 'hello') {
      this.hellos.push(request);
      const code = this.refused.get(request.token);
      if (code !== undefined) answer({ type: 'error', error: { code, message: code } });
      else
        answer({
          type: 'welcome',
          session: this.session,
          person: ME,
          reconnect_grace_ms: 30_000,
          ...this.extra,
        });
    } else if (request.type === 'ping') answer({ type: 'ok' });
    else {
      this.heard.push(request.type === 'join' ? `join ${request.room}` : request.type);
      this.#requests.push(request);
      this.#wanting?.();
    }
  }
}
