import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Healing } from '../src/sdk/healing';

let done: string[];
let signalling: boolean;
let healing: Healing;

beforeEach(() => {
  vi.useFakeTimers();
  done = [];
  signalling = true;
  healing = new Healing({
    signalling: () => signalling,
    restart: () => {
      done.push('restart');
      return Promise.resolve();
    },
    renew: () => {
      done.push('renew');
      return Promise.resolve();
    },
  });
});
afterEach(() => {
  vi.useRealTimers();
});

it('gives a hiccup time to pass by itself', () => {
  healing.mediaChanged('interrupted');
  vi.advanceTimersByTime(1_400);
  healing.mediaChanged('connected');
  vi.advanceTimersByTime(60_000);
  expect(done).toEqual([]);
});

it('tries new credentials twice, then a new connection, though the browser begins to connect each time', () => {
  healing.mediaChanged('failed');
  vi.advanceTimersByTime(0);
  healing.mediaChanged('connecting');
  vi.advanceTimersByTime(5_000);
  healing.mediaChanged('connecting');
  expect(done).toEqual(['restart', 'restart']);
  vi.advanceTimersByTime(5_000);
  expect(done).toEqual(['restart', 'restart', 'renew']);
});

it('waits for the server: nothing can be agreed without it', () => {
  signalling = false;
  healing.mediaChanged('failed');
  vi.advanceTimersByTime(20_000);
  expect(done).toEqual([]);
  signalling = true;
  vi.advanceTimersByTime(1_500);
  expect(done).toEqual(['restart']);
});

it('does nothing for a connection that is gone', () => {
  healing.mediaChanged('failed');
  healing.renewLater();
  healing.reset();
  vi.advanceTimersByTime(60_000);
  expect([done, vi.getTimerCount()]).toEqual([[], 0]);
});
