// Who is signed in. The session is a cookie that no script can read; kept here is only whom it belongs to,
// on this device, so that pages need not ask before they draw.

import { computed, effect, signal } from '@preact/signals';
import { codeOf, type Account, type Person } from '../../sdk';
import * as api from '../api';
import { keep, kept } from '../device';
import { address } from '../router';
import { palco } from './client';
import { forgetNotifications } from './notifications';

const STORED = 'palco.member';

function stored(): Person | undefined {
  try {
    return (JSON.parse(kept(STORED) ?? 'null') as Person | null) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Somebody with an account; undefined for guests and strangers. */
export const member = signal<Person | undefined>(stored());
/** Their handle; every account has one. */
export const ownHandle = computed(() => member.value?.handle ?? '');

/** Why the session is over, when it was not this page that ended it; undefined again with the next one. */
export const signedOut = signal<'signed_out' | 'suspended' | undefined>(undefined);
/** This page is about to end it: then its end is no news. */
let leaving = false;

/** The page of one's own profile. */
export const profilePath = (handle: string): string => `/@${handle}`;

function known(person: Person | undefined): void {
  member.value = person;
  keep(STORED, person && JSON.stringify(person));
}

/** The account as the server just said it. */
export function accountIs({ person }: Account): void {
  known(person);
}

export async function signUp(...[account]: Parameters<typeof api.signUp>): Promise<void> {
  enter((await api.signUp(account)).account.person);
}

export async function signIn(login: string, password: string): Promise<void> {
  enter((await api.signIn(login, password)).account.person);
}

function enter(person: Person): void {
  palco.signInByCookie(person);
  known(person);
  signedOut.value = undefined;
  repairPush();
}

/** What closed browsers are told: only where it was allowed once. */
function repairPush(): void {
  if (!('Notification' in window) || Notification.permission !== 'granted') return;
  // Else the next page does it.
  void import('../settings/push').then((push) => push.repairPush()).catch(() => undefined);
}

export const signOut = (): Promise<void> =>
  leaveBy(async () => {
    // Whoever uses this browser next is not told what is theirs.
    await import('../settings/push').then(({ stopPush }) => stopPush()).catch(() => undefined);
    await api.signOut();
  });
export const deleteAccount = (password: string): Promise<void> => leaveBy(() => api.deleteAccount(password));

async function leaveBy(request: () => Promise<void>): Promise<void> {
  leaving = true;
  try {
    await request();
    leave();
  } finally {
    leaving = false;
  }
}

function leave(): void {
  forgetNotifications();
  known(undefined);
  if (palco.person?.guest === false) palco.signOut();
}

/** Signed out elsewhere, expired, or suspended. */
function ended(code: ReturnType<typeof codeOf>): void {
  if (code !== 'unauthorized' && code !== 'token_expired' && code !== 'suspended') return;
  if (!leaving) signedOut.value = code === 'suspended' ? code : 'signed_out';
  leave();
}

/** Once, when the page starts. */
export function startAccount(): void {
  // A guest's visit to a room goes on until they leave it, whoever signed in in another tab.
  const adopt = (): void => {
    if (member.value && palco.rememberedRoom === undefined && palco.person?.id !== member.value.id)
      palco.signInByCookie(member.value);
  };
  adopt();
  if (member.value) {
    api.myAccount().then(
      (account) => {
        accountIs(account);
        repairPush();
      },
      (error: unknown) => ended(codeOf(error)),
    );
  }
  palco.on('welcome', ({ person }) => {
    if (!person.guest) known(person);
  });
  palco.on('closed', (code) => {
    if (member.value) ended(code);
  });
  addEventListener('storage', ({ key }) => {
    if (key !== STORED) return;
    member.value = stored();
    if (member.value) {
      adopt();
      signedOut.value = undefined;
    } else ended('unauthorized');
  });
  // On every page, so that news arrive. A socket that the server closed for good (another device took
  // over) stays away until the next page.
  effect(() => {
    if (!member.value || address.value.path === '') return;
    const { socket } = palco.connection;
    if (socket === 'idle' || socket === 'closed') palco.connect().catch(() => undefined);
  });
}
