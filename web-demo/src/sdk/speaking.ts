// Who is speaking, read from the media: the packets' CSRC names the speaker, the forwarded
// RFC 6464 level says how loud. No message of the server is involved, however large the room.
//
// `SpeakingMeter` is pure; media.ts feeds it from the receivers ten times a second.

import type { SpeakerNumber } from '../protocol.gen';

/** What a receiver reports: the part of RTCRtpContributingSource that is used. */
export interface Source {
  /** The CSRC: a speaker's number. */
  source: number;
  /** Linear, 0 to 1; browsers leave it out when the packet carried none. */
  audioLevel?: number;
  /** When its last packet was played, on the clock of `now`. */
  timestamp: number;
}

/** Speaker's number to loudness, 0 to 1. */
export type Speaking = ReadonlyMap<SpeakerNumber, number>;

/** Browsers keep reporting a source long after its last packet. */
const STALE_AFTER_MS = 500;
/** Linear level over which somebody is heard to speak: -50 dBov, above breath and room noise. */
const AUDIBLE_LEVEL = 0.003;
/** A ring stays over the gap between two words. */
const HOLD_MS = 400;
/** Loudness is shown in steps, so that nothing is redrawn for a change that nobody sees. */
const STEPS = 8;

export class SpeakingMeter {
  readonly #heardAtMs = new Map<SpeakerNumber, number>();
  #speaking: Speaking = new Map();

  get speaking(): Speaking {
    return this.#speaking;
  }

  /** Takes a reading; the new state when something visible changed. */
  update(nowMs: number, sources: Iterable<Source>): Speaking | undefined {
    const levels = new Map<SpeakerNumber, number>();
    for (const { source, audioLevel = 0, timestamp } of sources) {
      if (nowMs - timestamp > STALE_AFTER_MS || audioLevel < AUDIBLE_LEVEL) continue;
      this.#heardAtMs.set(source, nowMs);
      levels.set(source, Math.max(levels.get(source) ?? 0, loudness(audioLevel)));
    }
    for (const [number, heardAtMs] of this.#heardAtMs) {
      if (nowMs - heardAtMs > HOLD_MS) this.#heardAtMs.delete(number);
      else if (!levels.has(number)) levels.set(number, 1 / STEPS);
    }
    if (same(this.#speaking, levels)) return undefined;
    this.#speaking = levels;
    return levels;
  }
}

/** A linear level as loudness: -50 dBov to -10 dBov over 1 to STEPS steps, 0 to 1. */
export function loudness(level: number): number {
  const dbov = 20 * Math.log10(Math.max(level, 1e-6));
  const part = Math.min(Math.max((dbov + 50) / 40, 0), 1);
  return Math.max(1, Math.ceil(part * STEPS)) / STEPS;
}

function same(a: Speaking, b: Speaking): boolean {
  if (a.size !== b.size) return false;
  for (const [number, level] of a) if (b.get(number) !== level) return false;
  return true;
}
