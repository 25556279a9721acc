// Dates and durations in the reader's language and time zone.

import { language, tn } from './index';

/** The chosen language as it is written where the reader is: `en-GB` has the day before the month. */
function locale(): string {
  const wishes: readonly string[] = typeof navigator === 'undefined' ? [] : navigator.languages;
  return wishes.find((wish) => wish.slice(0, 2).toLowerCase() === language.value) ?? language.value;
}

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** `Thursday 26 November, 18:30`; the year where it is another one. */
export function formatMoment(ms: number): string {
  const year = new Date(ms).getFullYear() === new Date().getFullYear() ? undefined : 'numeric';
  return new Intl.DateTimeFormat(locale(), {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    year,
    hour: 'numeric',
    minute: '2-digit',
  }).format(ms);
}

/** For a leaf of the calendar: `Nov`, `26`. */
export function formatLeaf(ms: number): { month: string; day: string } {
  const part = (options: Intl.DateTimeFormatOptions): string =>
    new Intl.DateTimeFormat(locale(), options).format(ms);
  return { month: part({ month: 'short' }), day: part({ day: 'numeric' }) };
}

export interface Distance {
  value: number;
  unit: 'second' | 'minute' | 'hour' | 'day';
  /** How long until the words change. */
  changesInMs: number;
}

/** The beginning of a day here, so many days on. */
function midnight(ms: number, days = 0): number {
  const date = new Date(ms);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days).getTime();
}

/**
 * How far off a moment is, negative in the past, in the largest unit of which it is at least one. Days are the
 * calendar's: what is 47 hours away is not tomorrow.
 */
export function distance(toMs: number, nowMs: number): Distance {
  const awayMs = Math.abs(toMs - nowMs);
  if (awayMs >= DAY_MS) {
    // Rounded, for days of 23 and 25 hours.
    const value = Math.round((midnight(toMs) - midnight(nowMs)) / DAY_MS);
    const untilMidnight = midnight(nowMs, 1) - nowMs;
    const changesInMs = toMs < nowMs ? untilMidnight : Math.min(untilMidnight, awayMs - DAY_MS + 1);
    return { value, unit: 'day', changesInMs };
  }
  const [unit, unitMs] = (
    [
      ['hour', HOUR_MS],
      ['minute', MINUTE_MS],
      ['second', SECOND_MS],
    ] as const
  ).find(([, one]) => awayMs >= one) ?? ['second', SECOND_MS];
  const count = Math.floor(awayMs / unitMs);
  const past = toMs < nowMs;
  // Ahead the distance shrinks, in the past it grows.
  const changesInMs = past ? (count + 1) * unitMs - awayMs : awayMs - count * unitMs + 1;
  return { value: past ? -count : count, unit, changesInMs };
}

/** `in 3 hours`, `yesterday`. */
export function formatDistance({ value, unit }: Pick<Distance, 'value' | 'unit'>): string {
  return new Intl.RelativeTimeFormat(language.value, { numeric: 'auto' }).format(value, unit);
}

/** `2 hours`, `45 minutes`. */
export function formatDuration(ms: number): string {
  return ms >= HOUR_MS && ms % HOUR_MS === 0
    ? tn('plan.hours', ms / HOUR_MS)
    : tn('plan.minutes', Math.round(ms / MINUTE_MS));
}

/** `3 min`, where there is little room. */
export function formatMinutes(count: number): string {
  const format = { style: 'unit', unit: 'minute', unitDisplay: 'short' } as const;
  return new Intl.NumberFormat(language.value, format).format(count);
}

/** The name of a language in the reader's. */
export function languageName(code: string): string {
  try {
    return new Intl.DisplayNames(language.value, { type: 'language' }).of(code) ?? code;
  } catch {
    return code;
  }
}
