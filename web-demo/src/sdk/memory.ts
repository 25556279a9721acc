// What survives a reload of the page, and only that: who I am, my session, my room. One tab's own
// (sessionStorage): two tabs are two people, as two browsers are.

import type { Person, RoomId } from '../protocol.gen';

export interface Remembered {
  token?: string;
  person?: Person;
  /** The secret that resumes the session. */
  session?: string;
  /** The room this tab was in. */
  room?: RoomId;
  /** The secret of the link by which it was entered. */
  link?: string;
}

const KEY = 'palco.session';

export class Memory {
  #values: Remembered;
  #storage: Storage | null = null;

  /** Without storage (null, or a browser that forbids it) it lasts as long as the page. */
  constructor(storage?: Storage | null) {
    this.#values = {};
    try {
      this.#storage = storage === undefined ? sessionStorage : storage;
      this.#values = JSON.parse(this.#storage?.getItem(KEY) ?? '{}') as Remembered;
    } catch {
      // Forbidden or unreadable: start anew.
    }
  }

  get values(): Readonly<Remembered> {
    return this.#values;
  }

  /** Undefined forgets a value. */
  set(values: { [Name in keyof Remembered]: Remembered[Name] | undefined }): void {
    const merged = { ...this.#values, ...values };
    this.#values = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined));
    try {
      this.#storage?.setItem(KEY, JSON.stringify(this.#values));
    } catch {
      // Full or forbidden: a reload will ask for the name again, nothing else is lost.
    }
  }
}
