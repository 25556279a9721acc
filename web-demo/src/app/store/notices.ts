// Notices: shown for a few seconds and read out by screen readers; what failed, in words.

import { signal } from '@preact/signals';
import { PalcoError, codeOf } from '../../sdk';
import { hasWords, t, type Key } from '../i18n';

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

/** What was asked for is done: the words for it go. */
export function withdraw(text: string): void {
  notices.value = notices.value.filter((notice) => notice.text !== text);
}

export function errorText(error: unknown): string {
  const key: Key = `error.${codeOf(error)}`;
  // A newer server has codes that this page has no words for.
  return t(hasWords(key) ? key : 'error.internal');
}

/** Runs what a button asked for; a refusal is told in words. True when it was done. */
export async function attempt(action: () => Promise<unknown>): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    // Something else was asked meanwhile: nobody waits for this one.
    if (error instanceof PalcoError && error.advice === 'none') return false;
    notify(errorText(error), true);
    return false;
  }
}
