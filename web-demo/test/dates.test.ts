import { beforeAll, expect, it } from 'vitest';
import { speak } from '../src/app/i18n';
import { distance, formatDistance, formatDuration, HOUR_MS, MINUTE_MS } from '../src/app/i18n/dates';

beforeAll(() => speak('en'));

it('says how far off a moment is, and when its words change', () => {
  const now = 1_000_000_000_000;
  expect(distance(now + 90 * MINUTE_MS, now)).toEqual({
    value: 1,
    unit: 'hour',
    changesInMs: 30 * MINUTE_MS + 1,
  });
  expect(distance(now + 900, now)).toEqual({ value: 0, unit: 'second', changesInMs: 901 });
  expect(distance(now - 61_000, now)).toEqual({ value: -1, unit: 'minute', changesInMs: 59_000 });
});

it('counts the days of the calendar: 47 hours away is not tomorrow', () => {
  const at = (day: number, hour: number): number => new Date(2026, 10, day, hour).getTime();
  expect(distance(at(28, 14), at(26, 15))).toEqual({ value: 2, unit: 'day', changesInMs: 9 * HOUR_MS });
  expect(distance(at(27, 16), at(26, 15))).toEqual({ value: 1, unit: 'day', changesInMs: HOUR_MS + 1 });
  expect(distance(at(24, 23), at(26, 15))).toEqual({ value: -2, unit: 'day', changesInMs: 9 * HOUR_MS });
});

it('counts down to the very moment without skipping it', () => {
  const start = 1_000_000_000_000;
  const seen: string[] = [];
  for (let now = start - 3_500; now <= start;) {
    const away = distance(start, now);
    seen.push(`${away.value} ${away.unit}`);
    now += away.changesInMs;
  }
  expect(seen).toEqual(['3 second', '2 second', '1 second', '0 second']);
});

it('speaks the reader’s language', async () => {
  expect(formatDistance({ value: 3, unit: 'hour' })).toBe('in 3 hours');
  expect([formatDuration(2 * HOUR_MS), formatDuration(90 * MINUTE_MS)]).toEqual(['2 hours', '90 minutes']);
  await speak('it');
  expect([formatDistance({ value: -1, unit: 'day' }), formatDuration(HOUR_MS)]).toEqual(['ieri', '1 ora']);
  await speak('en');
});
