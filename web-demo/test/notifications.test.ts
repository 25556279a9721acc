import { expect, it, vi } from 'vitest';

vi.stubGlobal('location', { pathname: '/', search: '', hash: '', origin: 'http://localhost' });
vi.stubGlobal('addEventListener', () => undefined);
vi.stubGlobal('navigator', {});
vi.stubGlobal('document', { addEventListener: () => undefined });
vi.stubGlobal('window', {});
vi.stubGlobal('localStorage', { getItem: () => null, setItem: () => undefined, removeItem: () => undefined });
const { isCall, placeOf, withNotice } = await import('../src/app/store/notifications');

const by = { id: 'u1', name: 'Mina', handle: 'mina', guest: false };
const room = { id: 'r1', title: 'Radio', path: '/r/r1' };
const notification = { id: 'n1', by, room, created_at_ms: 0, read: false };

it('counts a notice once, however often and late it comes', () => {
  const first = withNotice({ unread: 2, newest: '0191-a' }, { id: '0191-b' });
  expect(first).toEqual({ unread: 3, newest: '0191-b' });
  expect(withNotice(first, { id: '0191-b' })).toBe(first);
  expect(withNotice(first, { id: '0191-a' })).toBe(first);
});

it('counts the first notice of somebody who never had one', () => {
  expect(withNotice({ unread: 0 }, { id: '0191-a' })).toEqual({ unread: 1, newest: '0191-a' });
});

it('leads into the room, to its page, or to the person', () => {
  expect(placeOf({ ...notification, kind: 'live' })).toBe('/r/r1');
  expect(placeOf({ ...notification, kind: 'cancelled' })).toBe('/r/r1');
  expect(placeOf({ id: 'n2', by, kind: 'followed', created_at_ms: 0, read: false })).toBe('/@mina');
  expect(isCall({ ...notification, kind: 'live' })).toBe(true);
  expect(isCall({ ...notification, kind: 'reminder' })).toBe(true);
  expect(isCall({ ...notification, kind: 'invited' })).toBe(true);
  expect(isCall({ ...notification, kind: 'invited', room: { ...room, starts_at_ms: 1 } })).toBe(false);
});
