// Everything that can fail, by its stable code: the server's own codes and those of this side.

import type { ErrorBody, ErrorCode, TakenField } from '../protocol.gen';

/** What only a client can say. */
export type ClientErrorCode =
  /** No server there, or one that does not answer this page (its origin is not allowed). */
  | 'unreachable'
  /** No answer to this request in time: it may have been done all the same. The connection is being looked after. */
  | 'timeout'
  /** The client was closed. */
  | 'closed'
  /** Something else was asked meanwhile (`leave`, another `join`, `mute`, an abort): there is nothing to tell. */
  | 'aborted'
  /** The person or the browser's settings refused the microphone. */
  | 'microphone_refused'
  /** There is no microphone. */
  | 'microphone_missing'
  /** Another programme holds the microphone, or it failed. */
  | 'microphone_failed'
  /** This browser cannot do real-time audio. */
  | 'browser_too_old';

/**
 * What to do about an error. `retry`: the same again in a moment, after `retryAfterMs` where it is given.
 * `identify`: come with another token or name. `browser`: the person must allow or change something there.
 * `none`: you did something else meanwhile. `accept`: that is how it is; tell the person.
 */
export type Advice = 'retry' | 'identify' | 'browser' | 'none' | 'accept';

/** Codes of a newer server are not here: they are accepted. */
const ADVICE: Partial<Record<ErrorCode | ClientErrorCode, Advice>> = {
  unreachable: 'retry',
  timeout: 'retry',
  internal: 'retry',
  busy: 'retry',
  rate_limited: 'retry',
  slow_mode: 'retry',
  slow_reader: 'retry',
  hello_timeout: 'retry',
  draining: 'retry',
  storage_unavailable: 'retry',
  media_unavailable: 'retry',
  unauthorized: 'identify',
  token_expired: 'identify',
  microphone_refused: 'browser',
  microphone_missing: 'browser',
  microphone_failed: 'browser',
  browser_too_old: 'browser',
  aborted: 'none',
};

export class PalcoError extends Error {
  /** Stable, for programs. */
  readonly code: ErrorCode | ClientErrorCode;
  /** When to try again, in milliseconds from now, where the server said so. */
  readonly retryAfterMs: number | undefined;
  /** What somebody else has, with `taken`. */
  readonly field: TakenField | undefined;

  constructor(
    code: ErrorCode | ClientErrorCode,
    message: string = code,
    retryAfterMs?: number,
    field?: TakenField,
  ) {
    super(message);
    this.name = 'PalcoError';
    this.code = code;
    this.retryAfterMs = retryAfterMs;
    this.field = field;
  }

  /** What to do about it. */
  get advice(): Advice {
    return ADVICE[this.code] ?? 'accept';
  }

  static from(body: ErrorBody): PalcoError {
    return new PalcoError(body.code, body.message, body.retry_after_ms);
  }
}

/** The code of anything thrown here; `internal` for what should not have been. */
export function codeOf(error: unknown): ErrorCode | ClientErrorCode {
  return error instanceof PalcoError ? error.code : 'internal';
}

/** What somebody else has, of a sign-up or a change refused with `taken`. */
export function takenOf(error: unknown): TakenField | undefined {
  return error instanceof PalcoError ? error.field : undefined;
}

/** WebSocket close codes that end a session; every other close is a lost connection. */
export const FINAL_CLOSE_CODES: ReadonlyMap<number, ErrorCode> = new Map([
  [4000, 'bad_message'],
  [4001, 'too_large'],
  [4003, 'unauthorized'],
  [4004, 'token_expired'],
  [4006, 'taken_over'],
  [4008, 'removed'],
  [4009, 'suspended'],
]);

export const FINAL_CODES: ReadonlySet<ErrorCode> = new Set(FINAL_CLOSE_CODES.values());
