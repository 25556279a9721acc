// When media that broke is mended, and how hard: first new ICE credentials, then a new connection.
//
// Decides only when; the client does the work.

import type { MediaState } from './media';

export interface Remedies {
  /** Without signalling nothing can be agreed: then it waits. */
  signalling: () => boolean;
  /** New ICE credentials on the same connection. */
  restart: () => Promise<void>;
  /** A new connection. */
  renew: () => Promise<void>;
}

/** A change of network usually settles in this time; then new ICE credentials are tried. */
const PATIENCE_MS = 1_500;
/** Each restart gets this long. */
const RETRY_MS = 5_000;
/** After so many restarts the connection is made anew. */
const RESTARTS = 2;

export class Healing {
  readonly #remedies: Remedies;
  #state: MediaState = 'connecting';
  #restarts = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(remedies: Remedies) {
    this.#remedies = remedies;
  }

  mediaChanged(state: MediaState): void {
    this.#state = state;
    // Checks that began anew are the restart at work: it has its time, and then the next thing is tried.
    if (state === 'connecting') return;
    clearTimeout(this.#timer);
    if (state === 'connected') this.#restarts = 0;
    else if (state === 'interrupted') this.#try(PATIENCE_MS);
    else this.#try(0);
  }

  /** The browser says so before the connection notices. */
  networkChanged(): void {
    this.#try(PATIENCE_MS);
  }

  /** A renewal did not work, for a reason that may pass. */
  renewLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#remedies.renew(), RETRY_MS);
  }

  /** Media is new, or gone: nothing to mend. */
  reset(): void {
    clearTimeout(this.#timer);
    this.#restarts = 0;
    this.#state = 'connecting';
  }

  #try(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#state === 'connected') return;
      if (!this.#remedies.signalling()) this.#try(PATIENCE_MS);
      else if (this.#restarts >= RESTARTS) void this.#remedies.renew();
      else {
        this.#restarts += 1;
        this.#try(RETRY_MS);
        // A failed restart is followed by the next try.
        this.#remedies.restart().catch(() => undefined);
      }
    }, delayMs);
  }
}
