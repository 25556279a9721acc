// The room as the pages look at it: the client's state as signals. The client (sdk) owns it; nothing here
// is written from anywhere else.

import { computed, signal } from '@preact/signals';
import {
  isModerator,
  memberOf,
  type Connection,
  type PalcoError,
  type Quality,
  type RoomState,
  type Speaking,
} from '../../sdk';
import { palco } from './client';

export const room = signal<RoomState | undefined>(undefined);
export const connection = signal<Connection>(palco.connection);
export const quality = signal<Quality>(palco.quality);
export const speaking = signal<Speaking>(palco.speaking);
/** Why the session is over, when it will not heal by itself. */
export const closedBy = signal<PalcoError['code'] | undefined>(undefined);
export const online = signal(navigator.onLine);

palco.on('room', (state) => {
  room.value = state;
  if (state && !state.ended && !state.removed) closedBy.value = undefined;
});
palco.on('connection', (state) => (connection.value = state));
palco.on('quality', (measured) => (quality.value = measured));
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
