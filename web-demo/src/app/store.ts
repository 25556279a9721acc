// What the pages look at: the client's state as signals. The client (sdk) owns it; nothing here is
// written from anywhere else.

import { computed, signal } from '@preact/signals';
import {
  Palco,
  codeOf,
  isModerator,
  memberOf,
  type Connection,
  type ErrorCode,
  type RoomState,
  type Speaking,
} from '../sdk';
import { t, type Key } from './i18n';

export const palco = new Palco();

declare global {
  interface Window {
    /** The client of this page, for the console and for tests. */
    palco: Palco;
  }
}
window.palco = palco;

export const room = signal<RoomState | undefined>(undefined);
export const connection = signal<Connection>(palco.connection);
export const speaking = signal<Speaking>(palco.speaking);
/** Why the session is over, when it will not heal by itself. */
export const closedBy = signal<ErrorCode | undefined>(undefined);
export const online = signal(navigator.onLine);

palco.on('room', (state) => {
  room.value = state;
  if (state && !state.ended && !state.removed) closedBy.value = undefined;
});
palco.on('connection', (state) => (connection.value = state));
palco.on('speaking', (levels) => (speaking.value = levels));
palco.on('closed', (code) => (closedBy.value = code));
addEventListener('online', () => (online.value = true));
addEventListener('offline', () => (online.value = false));

export const me = computed(() => {
  const state = room.value;
  return state && memberOf(state, state.you.person.id);
});
export const moderates = computed(() => room.value !== undefined && isModerator(room.value));
/** Host or acting host. */
export const hosts = computed(() => room.value?.you.role === 'host');
/** The host whose room it is: only the owner hands it over or ends it. */
export const owns = computed(
  () => room.value !== undefined && room.value.room.owner === room.value.you.person.id,
);

// Notices: shown for a few seconds and read out by screen readers.

export interface Notice {
  id: number;
  text: string;
  bad: boolean;
}

export const notices = signal<Notice[]>([]);
const NOTICE_MS = 5_000;
/** More at a time would cover the page; the oldest goes. */
const NOTICES_MAX = 3;
let nextNotice = 1;

export function notify(text: string, bad = false): void {
  const notice = { id: nextNotice++, text, bad };
  notices.value = [...notices.value.filter((other) => other.text !== text), notice].slice(-NOTICES_MAX);
  setTimeout(() => (notices.value = notices.value.filter((other) => other !== notice)), NOTICE_MS);
}

export function errorText(error: unknown): string {
  return t(`error.${codeOf(error)}` satisfies Key);
}

/** Runs what a button asked for; a refusal is told in words. True when it was done. */
export async function attempt(action: () => Promise<unknown>): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    notify(errorText(error), true);
    return false;
  }
}

// The name is remembered on this device, so that the next link needs one tap.

const NAME = 'palco.name';

export function rememberedName(): string {
  return palco.person?.name ?? localStorage.getItem(NAME) ?? '';
}

export function rememberName(name: string): void {
  localStorage.setItem(NAME, name);
}
