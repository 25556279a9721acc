import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { Request, Welcome } from '../src/protocol.gen';
import { PalcoError } from '../src/sdk/errors';
import { Socket, type SocketState } from '../src/sdk/socket';

// A real server over real sockets. Node 20 has no WebSocket of its own; that of `ws` behaves as browsers' do.
Object.assign(globalThis, { WebSocket });

const timing = { requestTimeoutMs: 10_000, pingAfterQuietMs: 60, backoffFirstMs: 10, backoffMaxMs: 40 };

interface Peer {
  send: (message: object) => void;
  write: (text: string) => void;
  /** The next request, in order. */
  next: () => Promise<Request>;
  close: (code: number) => void;
  kill: () => void;
}

let server: WebSocketServer;
let sockets: Socket[];
let arrivals: Peer[];
let waitingForPeer: ((peer: Peer) => void)[];

beforeEach(async () => {
  sockets = [];
  arrivals = [];
  waitingForPeer = [];
  server = new WebSocketServer({ port: 0, handleProtocols: (offered) => [...offered][0] ?? false });
  server.on('connection', (ws) => {
    const peer = peerOf(ws);
    const waiter = waitingForPeer.shift();
    if (waiter) waiter(peer);
    else arrivals.push(peer);
  });
  await new Promise((resolve) => server.once('listening', resolve));
});

afterEach(async () => {
  for (const socket of sockets) socket.close();
  for (const client of server.clients) client.terminate();
  await new Promise((resolve) => server.close(resolve));
});

function peerOf(ws: WebSocket): Peer {
  const requests: Request[] = [];
  const waiters: ((request: Request) => void)[] = [];
  ws.on('message', (data: Buffer) => {
    const request = JSON.parse(data.toString()) as Request;
    const waiter = waiters.shift();
    if (waiter) waiter(request);
    else requests.push(request);
  });
  return {
    send: (message) => ws.send(JSON.stringify(message)),
    write: (text) => ws.send(text),
    next: () => {
      const request = requests.shift();
      return request ? Promise.resolve(request) : new Promise((resolve) => waiters.push(resolve));
    },
    close: (code) => ws.close(code),
    kill: () => ws.terminate(),
  };
}

function peer(): Promise<Peer> {
  const there = arrivals.shift();
  return there ? Promise.resolve(there) : new Promise((resolve) => waitingForPeer.push(resolve));
}

function open(session?: string, changes: Partial<typeof timing> = {}): Socket {
  const { port } = server.address() as AddressInfo;
  const socket = new Socket({
    url: `ws://127.0.0.1:${port}/ws`,
    token: 'T',
    session,
    timing: { ...timing, ...changes },
  });
  sockets.push(socket);
  return socket;
}

const welcome = (session: string): Welcome => ({
  session,
  person: { id: 'me', name: 'Me', guest: true },
  reconnect_grace_ms: 30_000,
});

async function greet(other: Peer, session: string, extra: object = {}): Promise<Request> {
  const hello = await other.next();
  other.send({ re: hello.id, type: 'welcome', ...welcome(session), ...extra });
  return hello;
}

function until(socket: Socket, is: SocketState['is']): Promise<SocketState> {
  if (socket.state.is === is) return Promise.resolve(socket.state);
  return new Promise((resolve) => {
    const stop = socket.on('state', (state) => {
      if (state.is !== is) return;
      stop();
      resolve(state);
    });
  });
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return error instanceof PalcoError ? error.code : String(error);
  }
  return 'fulfilled';
}

describe('the first connection', () => {
  it('says hello first, then what was asked meanwhile, and matches answers by id', async () => {
    const socket = open();
    const first = socket.request({ type: 'raise_hand' });
    const second = socket.request({ type: 'audience' });
    const other = await peer();
    const hello = await other.next();
    expect(hello).toEqual({ id: hello.id, type: 'hello', token: 'T' });
    other.send({ re: hello.id, type: 'welcome', ...welcome('S') });
    const [hand, audience] = [await other.next(), await other.next()];
    expect([hand.type, audience.type]).toEqual(['raise_hand', 'audience']);
    expect(new Set([hello.id, hand.id, audience.id]).size).toBe(3);
    other.send({ re: audience.id, type: 'audience', people: [] });
    other.send({ re: hand.id, type: 'ok' });
    expect(await first).toMatchObject({ type: 'ok' });
    expect(await second).toMatchObject({ type: 'audience', people: [] });
  });

  it('rejects with the code of an error answer', async () => {
    const socket = open();
    const answer = codeOf(socket.request({ type: 'raise_hand' }));
    const other = await peer();
    await greet(other, 'S');
    const { id } = await other.next();
    other.send({ re: id, type: 'error', error: { code: 'hands_off', message: 'no' } });
    expect(await answer).toBe('hands_off');
  });

  it('passes on events, with and without a sequence number', async () => {
    const socket = open();
    const heard: string[] = [];
    const all = new Promise<void>((resolve) => {
      socket.on('message', (message) => {
        heard.push(message.type);
        if (heard.length === 2) resolve();
      });
    });
    const other = await peer();
    await greet(other, 'S');
    other.send({ seq: 1, type: 'counts', counts: { listeners: 1, hands: 0 } });
    other.send({ type: 'media_connected' });
    await all;
    expect(heard).toEqual(['counts', 'media_connected']);
  });

  it('is over when the token is refused', async () => {
    const socket = open();
    const asked = codeOf(socket.request({ type: 'ping' }));
    const other = await peer();
    const hello = await other.next();
    other.send({ re: hello.id, type: 'error', error: { code: 'token_expired', message: 'old' } });
    expect(await until(socket, 'closed')).toEqual({ is: 'closed', code: 'token_expired' });
    expect(await asked).toBe('token_expired');
    expect(await codeOf(socket.request({ type: 'ping' }))).toBe('closed');
  });
});

describe('whoever listens', () => {
  it('may ask as soon as there is a connection, also in the first session', async () => {
    const socket = open();
    const answers: Promise<string>[] = [];
    socket.on('state', ({ is }) => is === 'open' && answers.push(codeOf(socket.request({ type: 'leave' }))));
    socket.on('welcome', () => answers.push(codeOf(socket.request({ type: 'raise_hand' }))));
    const other = await peer();
    await greet(other, 'S');
    for (const type of ['leave', 'raise_hand']) {
      const request = await other.next();
      expect(request.type).toBe(type);
      other.send({ re: request.id, type: 'ok' });
    }
    expect(await Promise.all(answers)).toEqual(['fulfilled', 'fulfilled']);
  });

  it('may close it at once', async () => {
    const socket = open();
    const welcomed: unknown[] = [];
    socket.on('state', ({ is }) => is === 'open' && socket.close());
    socket.on('welcome', (welcome) => welcomed.push(welcome));
    await greet(await peer(), 'S');
    await until(socket, 'closed');
    expect(welcomed).toEqual([]);
  });
});

it('passes over what is no message, and goes on', async () => {
  const socket = open();
  const heard: unknown[] = [];
  socket.on('message', (message) => heard.push(message));
  const other = await peer();
  await greet(other, 'S');
  for (const text of ['no json', '5', 'null', '"text"', '{"re":99,"type":"ok"}']) other.write(text);
  other.send({ type: 'of_a_newer_server', field: 1 });
  await until(socket, 'open');
  const answer = socket.request({ type: 'raise_hand' });
  const { id } = await other.next();
  other.send({ re: id, type: 'ok', field: 'of a newer server' });
  expect(await answer).toMatchObject({ type: 'ok' });
  expect(heard).toEqual([{ type: 'of_a_newer_server', field: 1 }]);
});

describe('a lost connection', () => {
  it('comes back by itself with the session, and repeats what is unanswered under the same id', async () => {
    const socket = open('S0');
    const before = await peer();
    const hello = await greet(before, 'S1');
    expect(hello).toMatchObject({ resume: { session: 'S0' } });
    const answer = socket.request({ type: 'raise_hand' });
    const sent = await before.next();
    before.kill();
    expect((await until(socket, 'waiting')).is).toBe('waiting');
    const after = await peer();
    expect(await greet(after, 'S1')).toMatchObject({ resume: { session: 'S1' } });
    const again = await after.next();
    expect(again).toEqual(sent);
    after.send({ re: again.id, type: 'ok' });
    expect(await answer).toMatchObject({ type: 'ok' });
  });

  it('does not repeat in a new session what was sent in the one that is gone', async () => {
    const socket = open();
    const before = await peer();
    await greet(before, 'S1');
    const old = codeOf(socket.request({ type: 'raise_hand' }));
    await before.next();
    before.kill();
    await until(socket, 'waiting');
    const fresh = socket.request({ type: 'ping' });
    const after = await peer();
    await greet(after, 'S2');
    expect(await old).toBe('unreachable');
    const next = await after.next();
    expect(next.type).toBe('ping');
    after.send({ re: next.id, type: 'ok' });
    expect(await fresh).toMatchObject({ type: 'ok' });
  });

  it('keeps trying, and waits longer each time up to its limit', async () => {
    const socket = open();
    const delays: number[] = [];
    socket.on('state', (state) => {
      if (state.is === 'waiting') delays.push(state.delayMs);
    });
    for (let attempt = 0; attempt < 5; attempt++) (await peer()).kill();
    await greet(await peer(), 'S');
    await until(socket, 'open');
    const ceilings = [10, 20, 40, 40, 40];
    expect(delays.length).toBe(5);
    delays.forEach((delay, attempt) => {
      expect(delay).toBeGreaterThanOrEqual((ceilings[attempt] ?? 0) / 2);
      expect(delay).toBeLessThanOrEqual(ceilings[attempt] ?? 0);
    });
  });

  it.each([
    [4006, 'taken_over'],
    [4008, 'removed'],
  ])('is not tried again after close code %i', async (closeCode, code) => {
    const socket = open();
    const other = await peer();
    await greet(other, 'S');
    other.close(closeCode);
    expect(await until(socket, 'closed')).toEqual({ is: 'closed', code });
  });

  it.each([4005, 4007, 1011])('is tried again after close code %i', async (closeCode) => {
    const socket = open();
    const other = await peer();
    await greet(other, 'S');
    other.close(closeCode);
    await greet(await peer(), 'S');
    expect((await until(socket, 'open')).is).toBe('open');
  });
});

describe('a server in trouble', () => {
  it('that only answers late keeps its connection: another one would make it later', async () => {
    const socket = open(undefined, { requestTimeoutMs: 300, pingAfterQuietMs: 60_000 });
    const other = await peer();
    await greet(other, 'S');
    const slow = codeOf(socket.request({ type: 'raise_hand' }));
    await other.next();
    other.send({ seq: 1, type: 'reactions', reactions: [] });
    expect(await slow).toBe('timeout');
    expect(socket.state.is).toBe('open');
    // With nothing heard at all it is dead.
    const dead = codeOf(socket.request({ type: 'raise_hand' }));
    expect(await dead).toBe('timeout');
    expect(socket.state.is).toBe('waiting');
  });

  it('is not hammered: who has just resumed waits before the next time, and longer each time', async () => {
    const socket = open(undefined, { pingAfterQuietMs: 60_000, backoffFirstMs: 20, backoffMaxMs: 10_000 });
    const delays: number[] = [];
    socket.on('state', (state) => state.is === 'waiting' && delays.push(state.delayMs));
    for (let time = 0; time < 5; time++) {
      await greet(await peer(), 'S');
      await until(socket, 'open');
      socket.reconnect();
    }
    expect(delays.length).toBe(4);
    expect(delays[3]).toBeGreaterThan(delays[0] ?? Infinity);
  });

  it('that is not there is unreachable', async () => {
    const socket = open(undefined, { requestTimeoutMs: 300 });
    expect(await codeOf(socket.request({ type: 'raise_hand' }))).toBe('unreachable');
  });
});

describe('signs of life', () => {
  it('are given by a clock that nobody sets', async () => {
    const socket = open();
    const other = await peer();
    await greet(other, 'S');
    await until(socket, 'open');
    const before = Date.now();
    const set = vi.spyOn(Date, 'now').mockReturnValue(before - 3_600_000);
    expect((await other.next()).type).toBe('ping');
    set.mockRestore();
  });

  it('pings a quiet connection, and takes one that does not answer for lost', async () => {
    const socket = open(undefined, { requestTimeoutMs: 500 });
    const other = await peer();
    await greet(other, 'S');
    expect((await other.next()).type).toBe('ping');
    await until(socket, 'waiting');
    await greet(await peer(), 'S');
    expect((await until(socket, 'open')).is).toBe('open');
  });
});
