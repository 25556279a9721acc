// Everything that can fail, by its stable code: the server's own codes and those of this side.

import type { ErrorBody, ErrorCode } from '../protocol.gen';

/** What only a client can say. */
export type ClientErrorCode =
  /** No answer, or no server there. */
  | 'unreachable'
  /** No answer to this request in time; the connection is being looked after. */
  | 'timeout'
  /** The client was closed while the request waited. */
  | 'closed'
  /** The person or the browser's settings refused the microphone. */
  | 'microphone_refused'
  /** There is no microphone. */
  | 'microphone_missing'
  /** Another programme holds the microphone, or it failed. */
  | 'microphone_failed'
  /** This browser cannot do real-time audio. */
  | 'browser_too_old';

export class PalcoError extends Error {
  readonly code: ErrorCode | ClientErrorCode;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode | ClientErrorCode, message: string = code, retryAfterMs?: number) {
    super(message);
    this.name = 'PalcoError';
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }

  static from(body: ErrorBody): PalcoError {
    return new PalcoError(body.code, body.message, body.retry_after_ms);
  }
}

/** The code of anything thrown here; `internal` for what should not have been. */
export function codeOf(error: unknown): ErrorCode | ClientErrorCode {
  return error instanceof PalcoError ? error.code : 'internal';
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
