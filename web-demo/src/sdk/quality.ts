// How good the connection is: the server measures both ways and says when it changes.

import type { DirectEvent, Grade } from '../protocol.gen';

/** How well you hear and are heard, as the server measures it. */
export interface Quality {
  grade: Grade;
  /** Lost on the way to you and from you, 0 to 1. */
  loss: number;
  lossUp: number;
  jitterMs: number;
  roundTripMs?: number;
}

/** Until the server says otherwise. */
export const GOOD: Quality = { grade: 'good', loss: 0, lossUp: 0, jitterMs: 0 };

export function qualityOf(event: Extract<DirectEvent, { type: 'quality' }>): Quality {
  return {
    grade: event.grade,
    loss: event.loss_permille / 1000,
    lossUp: event.loss_up_permille / 1000,
    jitterMs: event.jitter_ms,
    ...(event.rtt_ms === undefined ? {} : { roundTripMs: event.rtt_ms }),
  };
}
