// What the pages ask of the HTTP API, by the server's own types (docs/protocol.md, from section 18 on).
// Every one rejects with a PalcoError.

import type {
  Account,
  ChangePassword,
  CreateAccount,
  CreateScheduled,
  Hallway,
  MarkRead,
  NoticePreferences,
  Notifications,
  People,
  Profile,
  PushKey,
  RoomCreated,
  RoomId,
  Scheduled,
  ScheduledRooms,
  SignedIn,
  Unread,
  UpdateAccount,
  UpdateScheduled,
  UserId,
  Wanted,
} from '../sdk';
import { palco } from './store/client';

const { api } = palco;

/** What is undefined or empty is not asked for. */
function query(values: Record<string, string | undefined>): string {
  const given = Object.entries(values).filter((pair): pair is [string, string] => !!pair[1]);
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}

// Accounts: the answers bring or take away the session cookie.

export const signUp = (account: CreateAccount): Promise<SignedIn> => api.ask('POST', 'accounts', account);
export const signIn = (login: string, password: string): Promise<SignedIn> =>
  api.ask('POST', 'session', { login, password });
export const signOut = (): Promise<void> => api.ask('DELETE', 'session');
export const requestReset = (login: string): Promise<void> => api.ask('POST', 'password-resets', { login });
export const resetPassword = (token: string, password: string): Promise<void> =>
  api.ask('POST', `password-resets/${encodeURIComponent(token)}`, { password });

export const myAccount = (): Promise<Account> => api.ask('GET', 'me');
export const updateAccount = (changes: UpdateAccount): Promise<Account> => api.ask('PATCH', 'me', changes);
export const changePassword = (change: ChangePassword): Promise<void> =>
  api.ask('POST', 'me/password', change);
export const deleteAccount = (password: string): Promise<void> => api.ask('DELETE', 'me', { password });
export const setAvatar = (picture: Blob): Promise<Account> => api.ask('PUT', 'me/avatar', picture);
export const removeAvatar = (): Promise<void> => api.ask('DELETE', 'me/avatar');
export const blockedPeople = (cursor?: string): Promise<People> =>
  api.ask('GET', `me/blocks${query({ cursor })}`);
/** A file to download, by the browser itself. */
export const EXPORT_ADDRESS = '/api/v1/me/export';

// People, by handle or id.

const at = (person: string): string => `people/${encodeURIComponent(person)}`;
export const profile = (person: string): Promise<Profile> => api.ask('GET', at(person));
export const follow = (person: string): Promise<void> => api.ask('PUT', `${at(person)}/follow`);
export const unfollow = (person: string): Promise<void> => api.ask('DELETE', `${at(person)}/follow`);
export const block = (person: string): Promise<void> => api.ask('PUT', `${at(person)}/block`);
export const unblock = (person: string): Promise<void> => api.ask('DELETE', `${at(person)}/block`);
export const setWanted = (person: string, notices: Wanted): Promise<void> =>
  api.ask('PUT', `${at(person)}/notices`, { notices });
export const followers = (person: string, cursor?: string): Promise<People> =>
  api.ask('GET', `${at(person)}/followers${query({ cursor })}`);
export const following = (person: string, cursor?: string): Promise<People> =>
  api.ask('GET', `${at(person)}/following${query({ cursor })}`);
export const searchPeople = (text: string): Promise<People> => api.ask('GET', `people${query({ q: text })}`);
export const suggestions = (): Promise<People> => api.ask('GET', 'people/suggestions');

// Rooms, now and later.

export const hallway = (text?: string): Promise<Hallway> => api.ask('GET', `hallway${query({ q: text })}`);
export const inviteToRoom = (room: RoomId, people: UserId[]): Promise<void> =>
  api.ask('POST', `rooms/${room}/guests`, { people });

const plan = (room: RoomId): string => `scheduled/${encodeURIComponent(room)}`;
export const schedule = (room: CreateScheduled): Promise<Scheduled> => api.ask('POST', 'scheduled', room);
export const scheduledBy = (person: string): Promise<ScheduledRooms> =>
  api.ask('GET', `scheduled${query({ by: person })}`);
export const scheduled = (room: RoomId): Promise<Scheduled> => api.ask('GET', plan(room));
export const updateScheduled = (room: RoomId, changes: UpdateScheduled): Promise<Scheduled> =>
  api.ask('PATCH', plan(room), changes);
export const callOff = (room: RoomId): Promise<void> => api.ask('DELETE', plan(room));
export const sayYes = (room: RoomId): Promise<Scheduled> => api.ask('PUT', `${plan(room)}/rsvp`);
export const takeBackYes = (room: RoomId): Promise<Scheduled> => api.ask('DELETE', `${plan(room)}/rsvp`);
export const attendees = (room: RoomId, cursor?: string): Promise<People> =>
  api.ask('GET', `${plan(room)}/attendees${query({ cursor })}`);
export const startScheduled = (room: RoomId): Promise<RoomCreated> => api.ask('POST', `${plan(room)}/start`);
export const calendarAddress = (room: RoomId): string => `/api/v1/${plan(room)}.ics`;

// Notifications.

export const notifications = (cursor?: string): Promise<Notifications> =>
  api.ask('GET', `notifications${query({ cursor })}`);
export const markRead = (what: MarkRead): Promise<Unread> => api.ask('POST', 'notifications/read', what);
export const preferences = (): Promise<NoticePreferences> => api.ask('GET', 'notifications/preferences');
export const setPreferences = (wanted: NoticePreferences): Promise<void> =>
  api.ask('PUT', 'notifications/preferences', wanted);
export const pushKey = (): Promise<PushKey> => api.ask('GET', 'push/key');
export const subscribePush = (subscription: PushSubscriptionJSON): Promise<void> =>
  api.ask('PUT', 'push/subscriptions', subscription);
export const endPush = (endpoint: string): Promise<void> =>
  api.ask('DELETE', 'push/subscriptions', { endpoint });
