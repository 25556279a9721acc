// What crosses: leaving while one enters, wishes while the socket is away, a microphone that comes too late. The
// answers come when the test says so.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Palco, codeOf, type ClientOptions, type RoomState } from '../src/sdk';
import { FakeConnection, FakeTrack, givePage, settled, type Page } from './page';
import { RoomServer, me, snapshot } from './room-server';

let page: Page;
let server: RoomServer;
let clients: Palco[];

beforeEach(async () => {
  page = givePage();
  server = await RoomServer.start();
  clients = [];
});
afterEach(async () => {
  for (const client of clients) client.close();
  await server.stop();
  vi.unstubAllGlobals();
});

function open(options: ClientOptions = {}): Palco {
  const client = new Palco({ server: server.url, token: 'T', ...options });
  clients.push(client);
  return client;
}

const refusal = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'fulfilled', codeOf);

/** In a room, on stage if there is a place for that. */
async function enter(client: Palco, room = 'A', stage = [] as ReturnType<typeof me>[]): Promise<RoomState> {
  const joined = client.join(room);
  server.admit(await server.next('join'), snapshot(room, 1, stage));
  return joined;
}

/** On stage and heard. */
async function speak(client: Palco): Promise<FakeTrack> {
  await enter(client, 'A', [me()]);
  const unmuted = client.unmute();
  await settled();
  const track = allow(0);
  page.asked = [];
  server.ok(await server.next('unmute'));
  server.say({ seq: 2, type: 'stage_updated', member: me({ muted: false }) });
  await unmuted;
  await vi.waitFor(() => expect(client.onStage?.muted).toBe(false));
  return track;
}

const sent = (): FakeTrack | null | undefined => FakeConnection.all.at(-1)?.sender.track;

/** The person allows the microphone that was asked for so many times before. */
function allow(at: number): FakeTrack {
  const asked = page.asked[at];
  if (!asked) throw new Error('no microphone was asked for');
  return asked.allow();
}

describe('in and out', () => {
  it('leaves a room that one is still entering: its door opens for nobody', async () => {
    const client = open();
    const rooms: (string | undefined)[] = [];
    client.on('room', (room) => rooms.push(room?.room.id));
    const joined = refusal(client.join('A'));
    const request = await server.next('join');
    const left = client.leave();
    server.admit(request, snapshot('A', 1));
    server.ok(await server.next('leave'));
    await left;
    expect(await joined).toBe('aborted');
    expect(client.room).toBeUndefined();
    expect(rooms).toEqual([]);
    expect(client.connection.media).toBe('idle');
    expect(FakeConnection.all.map((one) => one.connectionState)).toEqual(['closed']);
  });

  it('is aborted by a signal, as by `leave`', async () => {
    const client = open();
    const abort = new AbortController();
    const joined = refusal(client.join('A', { signal: abort.signal }));
    const request = await server.next('join');
    abort.abort();
    server.admit(request, snapshot('A', 1));
    server.ok(await server.next('leave'));
    expect(await joined).toBe('aborted');
    expect(await refusal(client.join('A', { signal: abort.signal }))).toBe('aborted');
  });

  it('goes where it was told last, and hears nothing of the room before', async () => {
    const client = open();
    const first = refusal(client.join('A'));
    const toA = await server.next('join');
    const second = client.join('B');
    server.admit(toA, snapshot('A', 500));
    const leave = await server.next('leave');
    server.say({ seq: 501, type: 'counts', counts: { listeners: 77, hands: 0 } });
    server.ok(leave);
    const toB = await server.next('join');
    expect(toB.room).toBe('B');
    server.admit(toB, snapshot('B', 3));
    expect((await second).room.id).toBe('B');
    expect(await first).toBe('aborted');
    expect(client.room).toMatchObject({ seq: 3, counts: { listeners: 1 } });
    expect(server.heard).toEqual(['join A', 'leave', 'join B']);
    expect(server.hellos.length).toBe(1);
  });

  it('takes the room out of the way in which a resumed session still is, with its late news', async () => {
    const client = open();
    const joined = client.join('B');
    server.refuse(await server.next('join'), 'already_joined');
    const leave = await server.next('leave');
    server.say({ seq: 501, type: 'counts', counts: { listeners: 77, hands: 0 } });
    server.ok(leave);
    server.admit(await server.next('join'), snapshot('B', 3));
    expect((await joined).counts.listeners).toBe(1);
    await settled();
    expect(server.hellos.length).toBe(1);
  });

  it('takes a second tap for the same visit', async () => {
    const client = open();
    const taps = [client.join('A'), client.join('A')];
    server.admit(await server.next('join'), snapshot('A', 1));
    const [one, two] = await Promise.all(taps);
    expect(one).toBe(two);
    expect(await client.join('A')).toBe(client.room);
    expect(server.heard).toEqual(['join A']);
  });

  it('knows of no invitation that may have been answered while it was away', async () => {
    const client = open();
    await enter(client);
    server.say({ type: 'invitation_updated', person: { id: 'b', name: 'Ben', guest: true }, state: 'sent' });
    await vi.waitFor(() => expect(client.room?.invitations.has('b')).toBe(true));
    server.extra = { room: { room: 'A', snapshot: snapshot('A', 9) } };
    server.drop();
    await vi.waitFor(() => expect(client.room?.seq).toBe(9), 10_000);
    expect(client.room?.invitations.size).toBe(0);
  });

  it('leaves when the server can be told again what it missed', async () => {
    const client = open();
    await enter(client);
    server.drop();
    await vi.waitFor(() => expect(client.connection.socket).toBe('waiting'));
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const left = client.leave();
    // The request is given up before the server is back.
    vi.advanceTimersByTime(10_000);
    vi.useRealTimers();
    await left;
    server.extra = { room: { room: 'A', snapshot: snapshot('A', 9) } };
    server.ok(await server.next('leave'));
    expect(client.room).toBeUndefined();
  });

  it('says that it leaves again when that was too soon', async () => {
    const client = open();
    await enter(client);
    const left = client.leave();
    server.refuse(await server.next('leave'), 'rate_limited', { retry_after_ms: 5 });
    server.ok(await server.next('leave'));
    await left;
  });

  it('keeps the place of a page that was loaded again, and connects before it enters', async () => {
    page.storage.set(
      `palco.session ${server.url}`,
      JSON.stringify({
        token: 'T',
        person: { id: 'me', name: 'Ada', guest: true },
        session: 'S1',
        room: 'A',
      }),
    );
    server.extra = { room: { room: 'A', snapshot: snapshot('A', 9) } };
    const client = open();
    expect(client.rememberedRoom).toBe('A');
    await client.connect();
    await enter(client);
    expect(server.heard).toEqual(['join A']);
  });

  it('has left nothing behind once it is closed', async () => {
    const client = open();
    const track = await speak(client);
    client.close();
    await server.next('leave');
    await vi.waitFor(() => expect(server.sockets).toBe(0));
    expect(track.readyState).toBe('ended');
    expect(FakeConnection.all.map((one) => one.connectionState)).toEqual(['closed']);
    expect(page.elements.filter(({ inPage, srcObject }) => inPage || srcObject !== null)).toEqual([]);
    expect([...page.listening.values()].filter((count) => count !== 0)).toEqual([]);
    expect(await refusal(client.join('A'))).toBe('closed');
    expect(await refusal(client.connect())).toBe('closed');
    client.prepareAudio();
    expect(FakeConnection.all.length).toBe(1);
  });

  it('tells of reactions, and of the room only what changed in it', async () => {
    const client = open();
    await enter(client);
    const told: string[] = [];
    client.on('event', ({ type }) => told.push(type));
    client.on('room', () => told.push('room'));
    server.say({ seq: 2, type: 'reactions', reactions: [['clap', 3]] });
    server.say({ seq: 3, type: 'counts', counts: { listeners: 2, hands: 0 } });
    await vi.waitFor(() => expect(client.room?.counts.listeners).toBe(2));
    expect(told).toEqual(['reactions', 'room', 'counts']);
    expect(client.room?.seq).toBe(3);
  });

  it('is silent and out of the room once signed out', async () => {
    const client = open();
    const track = await speak(client);
    const rooms: unknown[] = [];
    client.on('room', (room) => rooms.push(room));
    client.signOut();
    await server.next('leave');
    expect(track.readyState).toBe('ended');
    expect(rooms).toEqual([undefined]);
    expect(client.connection).toMatchObject({ socket: 'idle', media: 'idle' });
    expect(client.person).toBeUndefined();
  });

  it('enters by a new connection when the session is gone, and again when that is refused for now', async () => {
    const client = open();
    await enter(client);
    server.session = 'S2';
    server.drop();
    const again = await server.next('join');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    server.refuse(again, 'media_unavailable');
    await settled();
    vi.advanceTimersByTime(5_000);
    vi.useRealTimers();
    server.admit(await server.next('join'), snapshot('A', 40));
    await vi.waitFor(() => expect(client.room?.seq).toBe(40));
    expect(FakeConnection.all.map((one) => one.connectionState)).toEqual(['closed', 'closed', 'new']);
  });

  it('is told that it is over when the door stays shut', async () => {
    const client = open();
    await enter(client);
    const closed: string[] = [];
    client.on('closed', (code) => closed.push(code));
    server.session = 'S2';
    server.drop();
    server.refuse(await server.next('join'), 'banned');
    await vi.waitFor(() => expect(closed).toEqual(['banned']));
    expect(client.connection.media).toBe('idle');
  });
});

describe('a voice', () => {
  it('stays silent after `mute`, though the server did not hear of it and a state from before comes back', async () => {
    const client = open();
    await speak(client);
    expect(sent()).toBeInstanceOf(FakeTrack);
    server.drop();
    await vi.waitFor(() => expect(client.connection.socket).toBe('waiting'));
    const muted = refusal(client.mute());
    await settled();
    expect(sent()).toBeNull();
    const stage = [me({ muted: false })];
    server.extra = { room: { room: 'A', snapshot: snapshot('A', 9, stage) } };
    const first = await server.next('mute');
    expect([client.onStage?.muted, sent()]).toEqual([false, null]);
    server.refuse(first, 'busy');
    expect(await muted).toBe('busy');
    // Others still think they hear us.
    server.ok(await server.next('mute'));
    server.say({ seq: 10, type: 'stage_updated', member: me({ muted: false, present: true }) });
    await vi.waitFor(() => expect(client.room?.seq).toBe(10));
    expect(sent()).toBeNull();
  });

  it('is not raised by a microphone that comes after `mute`', async () => {
    const client = open();
    await enter(client, 'A', [me()]);
    const unmuted = refusal(client.unmute());
    await settled();
    const muted = client.mute();
    server.ok(await server.next('mute'));
    await muted;
    allow(0);
    expect(await unmuted).toBe('aborted');
    await settled();
    expect([sent(), server.heard]).toEqual([null, ['join A', 'mute']]);
  });

  it('closes a microphone that was allowed after one left', async () => {
    const client = open();
    await enter(client, 'A', [me()]);
    const unmuted = refusal(client.unmute());
    await settled();
    const left = client.leave();
    server.ok(await server.next('leave'));
    await left;
    const track = allow(0);
    expect(await unmuted).toBe('aborted');
    expect([track.readyState, client.microphone.track]).toEqual(['ended', undefined]);
  });

  it('goes on with another microphone when one is pulled out', async () => {
    const client = open();
    const track = await speak(client);
    const lost: unknown[] = [];
    client.on('microphoneLost', (why) => lost.push(why));
    track.end();
    await vi.waitFor(() => expect(page.asked.length).toBe(1));
    expect(sent()).toBeNull();
    const other = allow(0);
    await vi.waitFor(() => expect(sent()).toBe(other));
    await vi.waitFor(() => expect(lost).toEqual([undefined]));
    expect(server.heard).toEqual(['join A', 'unmute']);
  });

  it.each([
    ['denied', 'microphone_refused', 0],
    ['granted', 'microphone_missing', 1],
  ] as const)('is muted, and says why, when the microphone is gone (%s)', async (permission, code, asked) => {
    const client = open();
    const track = await speak(client);
    const lost: unknown[] = [];
    client.on('microphoneLost', (why) => lost.push(why));
    page.permission = permission;
    track.end();
    await settled();
    expect(page.asked.length).toBe(asked);
    page.asked[0]?.refuse('NotFoundError');
    server.ok(await server.next('mute'));
    expect(lost).toEqual([code]);
  });
});

describe('a microphone', () => {
  it('ends as the last of several changes says', async () => {
    const { microphone } = open();
    void microphone.open();
    allow(0);
    await settled();
    const changes = ['a', 'b', 'c'].map((deviceId) => microphone.change({ deviceId }));
    for (let at = 1; at < 4; at++) {
      await settled();
      page.asked[at]?.allow();
    }
    await Promise.all(changes);
    expect(microphone.settings.deviceId).toBe('c');
    expect(page.asked.length).toBe(3);
    expect(microphone.track?.readyState).toBe('live');
  });

  it('goes on as it was when the other device does not start', async () => {
    const { microphone } = open();
    void microphone.open();
    const before = allow(0);
    await settled();
    const changed = refusal(microphone.change({ deviceId: 'a' }));
    page.asked[1]?.refuse('NotReadableError');
    await settled();
    const again = allow(2);
    expect(await changed).toBe('microphone_failed');
    expect(before.readyState).toBe('ended');
    expect(microphone.track).toBe(again);
    expect(microphone.settings.deviceId).toBeUndefined();
  });

  it('is lost, and known to be, when neither the other device starts nor the one before', async () => {
    const { microphone } = open();
    const told: unknown[] = [];
    microphone.on('track', (track) => told.push(track?.readyState));
    microphone.on('lost', () => told.push('lost'));
    void microphone.open();
    allow(0);
    await settled();
    const changed = refusal(microphone.change({ deviceId: 'a' }));
    page.asked[1]?.refuse('NotReadableError');
    await settled();
    page.asked[2]?.refuse('NotReadableError');
    expect(await changed).toBe('microphone_failed');
    expect(told).toEqual(['live', undefined, 'lost']);
  });

  it('is the system’s choice when the chosen one is not there any more', async () => {
    const { microphone } = open();
    await microphone.change({ deviceId: 'a' });
    const opened = microphone.open();
    page.asked[0]?.refuse('OverconstrainedError');
    await settled();
    const track = allow(1);
    expect(await opened).toBe(track);
  });
});

describe('a page', () => {
  it('may fail in a listener: the client and the others go on', async () => {
    const client = open();
    const uncaught: unknown[] = [];
    vi.stubGlobal('queueMicrotask', (throws: () => void) => {
      try {
        throws();
      } catch (error) {
        uncaught.push(error);
      }
    });
    client.on('welcome', () => {
      throw new Error('a page’s own');
    });
    const rooms: (string | undefined)[] = [];
    client.on('room', (room) => rooms.push(room?.room.id));
    await enter(client);
    expect(rooms).toEqual(['A']);
    expect(uncaught).toEqual([new Error('a page’s own')]);
  });

  it('holds two clients: neither finds the other’s session, and no server another’s', () => {
    const first = open();
    first.signIn('secret', { id: 'u1', name: 'Ada', guest: true });
    const second = new Palco({ server: server.url });
    expect(second.person).toBeUndefined();
    const elsewhere = new Palco({ server: 'http://elsewhere.example' });
    expect(elsewhere.person).toBeUndefined();
    first.close();
    const next = new Palco({ server: server.url });
    expect(next.person?.id).toBe('u1');
    clients.push(second, elsewhere, next);
  });

  it('that is looked at again plays on what the system had paused', async () => {
    const client = open();
    await enter(client);
    const before = page.elements.map(({ played }) => played);
    page.happens('visibilitychange');
    expect(page.elements.map(({ played }) => played)).toEqual(before.map((played) => played + 1));
  });
});
