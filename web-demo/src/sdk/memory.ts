// What survives a reload of the page, and only that: who I am, my session, my room. One tab's own
// (sessionStorage): two tabs are two people, as two browsers are. So are two clients of one page: the first
// remembers, the others live as long as the page. What one server gave is shown to no other.

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

/** Servers whose memory in this page's sessionStorage is some client's already. */
const taken = new Set<string>();

export class Memory {
  #values: Remembered;
  #storage: Storage | null = null;
  readonly #key: string;
  readonly #own: boolean;

  /** Without storage (null, or a browser that forbids it) it lasts as long as the page. */
  constructor(server: string, storage?: Storage | null) {
    this.#values = {};
    this.#key = `palco.session ${server}`;
    this.#own = storage === undefined && !taken.has(this.#key);
    if (this.#own) taken.add(this.#key);
    try {
      this.#storage = storage ?? (this.#own ? sessionStorage : null);
      this.#values = JSON.parse(this.#storage?.getItem(this.#key) ?? '{}') as Remembered;
    } catch {
      // Forbidden or unreadable: start anew.
    }
  }

  get values(): Readonly<Remembered> {
    return this.#values;
  }

  /** Another client of this page may have it. */
  release(): void {
    if (this.#own) taken.delete(this.#key);
    this.#storage = null;
  }

  /** Undefined forgets a value. */
  set(values: { [Name in keyof Remembered]: Remembered[Name] | undefined }): void {
    const merged = { ...this.#values, ...values };
    this.#values = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined));
    try {
      this.#storage?.setItem(this.#key, JSON.stringify(this.#values));
    } catch {
      // Full or forbidden: a reload will ask for the name again, nothing else is lost.
    }
  }
}
