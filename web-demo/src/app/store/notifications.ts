// Notifications as they arrive over the socket, on every page: how many wait, and the one to show now.

import { computed, signal } from '@preact/signals';
import type { Notification, Unread } from '../../sdk';
import * as api from '../api';
import { palco } from './client';

const waiting = signal<Unread>({ unread: 0 });
export const unread = computed(() => waiting.value.unread);
/** The id of the newest one that is known. */
export const newest = computed(() => waiting.value.newest);
/** More than this the server does not count. */
export const UNREAD_MAX = 99;

/** Just arrived, and may disturb. */
export const arrived = signal<Notification | undefined>(undefined);

/**
 * What waits once this notice was heard. It may come twice, and after the count that it is in: ids grow, so
 * that one which is not greater than the newest is no news.
 */
export function withNotice(before: Unread, notice: Pick<Notification, 'id'>): Unread {
  if (before.newest !== undefined && notice.id <= before.newest) return before;
  return { unread: before.unread + 1, newest: notice.id };
}

palco.on('welcome', ({ notices }) => {
  if (notices) waiting.value = notices;
});

palco.on('event', (event) => {
  if (event.type === 'notices_read') waiting.value = event.notices;
  else if (event.type === 'notice') {
    const { notification, quiet } = event;
    const before = waiting.value;
    waiting.value = withNotice(before, notification);
    const here = palco.room !== undefined && palco.room.room.id === notification.room?.id;
    if (waiting.value !== before && !quiet && !here) arrived.value = notification;
  }
});

/** Everything up to the newest that is known was seen. */
export async function markAllRead(): Promise<void> {
  const { newest } = waiting.value;
  if (newest === undefined || unread.value === 0) return;
  waiting.value = await api.markRead({ up_to: newest });
}

/** Nobody's: after signing out. */
export function forgetNotifications(): void {
  waiting.value = { unread: 0 };
  arrived.value = undefined;
}

/** Where a notification leads. */
export function placeOf({ by, room }: Notification): string {
  if (room) return room.path;
  return by.handle === undefined ? '/' : `/@${by.handle}`;
}

/** One tap goes into the room, rather than to the page before it. */
export function isCall({ kind, room }: Notification): boolean {
  if (!room) return false;
  // A reminder comes before the room and when it begins: who is early comes to its page instead.
  if (kind === 'reminder') return true;
  // One may be invited into a room that is only planned.
  return kind === 'live' || kind === 'pinged' || (kind === 'invited' && room.starts_at_ms === undefined);
}
