// What an application's token says of itself, and the way to the next one. Read only to know when to ask, and
// whether two are one person's: whether it is good is the server's to say.

import { PalcoError } from './errors';

/** A token, or where to get one: asked when one is needed, and again before it ends. */
export type TokenSource = string | (() => Promise<string> | string);

/** So long before its end another one is asked for; of one that ends sooner, at half of its time. */
const EARLY_MS = 60_000;
/** A machine sleeps and its clock is set: rather than one long timer, a look now and then. */
const LOOK_MS = 10_000;

interface Claims {
  /** Whose, in the terms of whoever signed it. */
  holder: string;
  endsAtMs: number;
}

/** Undefined for guests' tokens and those of accounts: they say nothing to a client. */
function claimsOf(token: string): Claims | undefined {
  try {
    const body = token.split('.')[1] ?? '';
    const { iss, sub, exp } = JSON.parse(atob(body.replaceAll('-', '+').replaceAll('_', '/'))) as {
      iss?: unknown;
      sub?: unknown;
      exp?: unknown;
    };
    if (typeof iss !== 'string' || typeof sub !== 'string' || typeof exp !== 'number') return undefined;
    return { holder: JSON.stringify([iss, sub]), endsAtMs: exp * 1000 };
  } catch {
    return undefined;
  }
}

/** Whether one token is the next one of the other's person. */
export function sameHolder(token: string | undefined, other: string | undefined): boolean {
  const holder = token && claimsOf(token)?.holder;
  return holder !== undefined && holder === (other && claimsOf(other)?.holder);
}

export class Renewal {
  readonly #source: () => Promise<string> | string;
  readonly #take: (token: string) => void;
  #asking: Promise<void> | undefined;
  /** Fetched, and the server has not greeted anybody with it yet: if it refuses it, another one is no better. */
  #unproven = false;
  /** One is at hand that may be good. */
  #known = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(source: () => Promise<string> | string, take: (token: string) => void) {
    this.#source = source;
    this.#take = take;
  }

  /** Unless one was asked for already on this page. Rejects with `unauthorized` when none is to be had. */
  first(): Promise<void> {
    if (this.#known) return Promise.resolve();
    this.#unproven = false;
    return this.now();
  }

  /** Another one, because the one at hand has ended. */
  now(): Promise<void> {
    if (this.#unproven) {
      // Until somebody tries again.
      this.#known = false;
      return Promise.reject(new PalcoError('token_expired'));
    }
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  /** The server took it. */
  proved(): void {
    this.#unproven = false;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #ask(): Promise<void> {
    let token: string;
    try {
      token = await this.#source();
    } catch (error) {
      throw new PalcoError('unauthorized', String(error));
    }
    this.#known = true;
    this.#unproven = true;
    this.#watch(token);
    this.#take(token);
  }

  #watch(token: string): void {
    this.stop();
    const leftMs = (claimsOf(token)?.endsAtMs ?? 0) - Date.now();
    // Over as it comes: this clock is wrong. Then the server says when it ends.
    if (leftMs <= 0) return;
    const dueAtMs = Date.now() + Math.max(leftMs - EARLY_MS, leftMs / 2);
    this.#timer = setInterval(() => {
      if (Date.now() >= dueAtMs) this.now().catch(() => undefined);
    }, LOOK_MS);
  }
}
