// Tokens that end, and where the next one comes from.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Palco, codeOf } from '../src/sdk';
import { givePage, settled } from './page';
import { RoomServer, snapshot } from './room-server';

let server: RoomServer;
let clients: Palco[];

beforeEach(async () => {
  givePage();
  server = await RoomServer.start();
  clients = [];
});
afterEach(async () => {
  vi.useRealTimers();
  for (const client of clients) client.close();
  await server.stop();
  vi.unstubAllGlobals();
});

const client = (token: string | (() => Promise<string>)): Palco => {
  const made = new Palco({ server: server.url, token });
  clients.push(made);
  return made;
};

/** As a product signs it, good for so many seconds. */
function signed(seconds: number, sub = 'user-17', jti = 0): string {
  const claims = { iss: 'key', sub, exp: Math.floor(Date.now() / 1000) + seconds, jti };
  return `h.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.s`;
}

async function enter(palco: Palco): Promise<void> {
  const joined = palco.join('A');
  server.admit(await server.next('join'), snapshot('A', 1));
  await joined;
}

const refusal = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'fulfilled', codeOf);

describe('a source of tokens', () => {
  it('is asked when a token is needed, and again a minute before it ends: the visit goes on', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
    const given = [signed(600), signed(1200)];
    let asked = 0;
    const palco = client(() => Promise.resolve(given[asked++] ?? ''));
    expect(asked).toBe(0);
    await enter(palco);
    expect([asked, server.hellos[0]?.token]).toEqual([1, given[0]]);
    vi.advanceTimersByTime(539_000);
    await settled();
    expect(asked).toBe(1);
    server.extra = { room: { room: 'A', snapshot: snapshot('A', 7) } };
    vi.advanceTimersByTime(11_000);
    vi.useRealTimers();
    await vi.waitFor(() => expect(palco.room?.seq).toBe(7));
    expect([asked, server.hellos[1]]).toMatchObject([2, { token: given[1], resume: { session: 'S1' } }]);
    expect(server.heard).toEqual(['join A']);
  });

  it('brings back who was put out because the token had ended', async () => {
    const given = [signed(600), signed(1200)];
    const palco = client(() => Promise.resolve(given.shift() ?? ''));
    const closed: string[] = [];
    palco.on('closed', (code) => closed.push(code));
    await enter(palco);
    server.session = 'S2';
    server.drop(4004);
    server.admit(await server.next('join'), snapshot('A', 9));
    await vi.waitFor(() => expect(palco.room?.seq).toBe(9));
    expect(closed).toEqual([]);
  });

  it('whose tokens are refused is not asked for ever', async () => {
    const given = [signed(600), signed(601), signed(602)];
    server.refused.set(given[0], 'token_expired');
    let asked = 0;
    const palco = client(() => Promise.resolve(given[asked++] ?? ''));
    const closed: string[] = [];
    palco.on('closed', (code) => closed.push(code));
    expect(await refusal(palco.join('A'))).toBe('token_expired');
    await settled();
    expect([asked, closed]).toEqual([1, ['token_expired']]);
    await enter(palco);
    expect(asked).toBe(2);
  });

  it('that fails is the reason why one does not come in', async () => {
    const palco = client(() => Promise.reject(new Error('signed out')));
    expect(await refusal(palco.join('A'))).toBe('unauthorized');
    expect(server.hellos).toEqual([]);
  });

  it('is not troubled by tokens that seem over as they come: this clock is wrong, not the server', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
    let asked = 0;
    const palco = client(() => Promise.resolve(signed(-3600, 'user-17', ++asked)));
    await enter(palco);
    vi.advanceTimersByTime(600_000);
    await settled();
    expect(asked).toBe(1);
  });
});

describe('another token', () => {
  it('of the same person goes on with the visit', async () => {
    const palco = client(signed(600));
    await enter(palco);
    server.extra = { room: { room: 'A', snapshot: snapshot('A', 7) } };
    const next = signed(1200);
    await palco.connect(next);
    await vi.waitFor(() => expect(palco.room?.seq).toBe(7));
    expect(server.hellos[1]).toMatchObject({ token: next, resume: { session: 'S1' } });
  });

  it('of another person ends it', async () => {
    const palco = client(signed(600));
    await enter(palco);
    await palco.connect(signed(600, 'user-18'));
    expect(palco.room).toBeUndefined();
    expect(server.hellos[1]?.resume).toBeUndefined();
    await server.next('leave');
  });
});

it('who gives a name comes as somebody new when the guest they were is no more', async () => {
  const palco = client('old');
  palco.signIn('old', { id: 'me', name: 'Ada', guest: true });
  server.refused.set('old', 'token_expired');
  const guest = { token: 'new', person: { id: 'me', name: 'Ada', guest: true } };
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify(guest))));
  const closed: string[] = [];
  palco.on('closed', (code) => closed.push(code));
  const joined = palco.join('A', { name: 'Ada' });
  server.admit(await server.next('join'), snapshot('A', 1));
  expect((await joined).room.id).toBe('A');
  expect([server.hellos.map(({ token }) => token), closed]).toEqual([['old', 'new'], []]);
});
