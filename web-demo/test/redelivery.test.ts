import type { AddressInfo } from 'node:net';
import { afterAll, expect, it, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { Notification, Request, Unread } from '../src/protocol.gen';

// A real server over real sockets: it says the same notice before and after the socket broke.
const server = new WebSocketServer({ port: 0, handleProtocols: (offered) => [...offered][0] ?? false });
await new Promise((resolve) => server.once('listening', resolve));
const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
vi.stubGlobal('WebSocket', WebSocket);
vi.stubGlobal('location', { pathname: '/', search: '', hash: '', origin });
vi.stubGlobal('addEventListener', () => undefined);
vi.stubGlobal('navigator', {});
vi.stubGlobal('document', { addEventListener: () => undefined });
vi.stubGlobal('window', {});
vi.stubGlobal('localStorage', { getItem: () => null, setItem: () => undefined, removeItem: () => undefined });
const { arrived, newest, unread } = await import('../src/app/store/notifications');
const { palco } = await import('../src/app/store/client');

const person = { id: 'u2', name: 'Bob', handle: 'bob', guest: false };
const by = { id: 'u1', name: 'Mina', handle: 'mina', guest: false };
const room = { id: 'r1', title: 'Radio', path: '/r/r1' };
const notice = (id: string): Notification => ({ id, kind: 'live', by, room, created_at_ms: 0, read: false });

/** What the server has told, and what it says waits when a socket comes. */
let waits: Unread;
let sockets = 0;
server.on('connection', (ws) => {
  sockets += 1;
  ws.on('message', (data: Buffer) => {
    const { id, type } = JSON.parse(data.toString()) as Request;
    const answer =
      type === 'hello'
        ? { type: 'welcome', session: 's', person, reconnect_grace_ms: 30_000, notices: waits }
        : { type: 'ok' };
    ws.send(JSON.stringify({ re: id, ...answer }));
  });
});

function tell(notification: Notification): void {
  for (const ws of server.clients) ws.send(JSON.stringify({ type: 'notice', notification, quiet: false }));
}

afterAll(async () => {
  palco.close();
  for (const ws of server.clients) ws.terminate();
  await new Promise((resolve) => server.close(resolve));
});

it('shows and counts a notice once that comes again after the socket broke', async () => {
  const shown: (string | undefined)[] = [];
  arrived.subscribe((notification) => shown.push(notification?.id));
  waits = { unread: 1, newest: 'n1' };
  await palco.connect('T');
  expect(unread.value).toBe(1);
  tell(notice('n2'));
  await vi.waitFor(() => expect(unread.value).toBe(2));

  // Its receipt was never said: the server counts it, and tells it again.
  waits = { unread: 2, newest: 'n2' };
  for (const ws of server.clients) ws.terminate();
  await vi.waitFor(() => expect(sockets).toBe(2), 10_000);
  await palco.connect();
  tell(notice('n2'));
  tell(notice('n3'));
  await vi.waitFor(() => expect(newest.value).toBe('n3'));
  expect(unread.value).toBe(3);
  expect(shown).toEqual([undefined, 'n2', 'n3']);
});
