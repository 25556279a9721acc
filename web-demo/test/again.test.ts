import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { readOn } from '../src/app/parts/again';

let page: EventTarget;
let heard: string[];
/** What the next tries do; after them it comes. */
let tries: string[];
let asked: number;

beforeEach(() => {
  vi.useFakeTimers();
  page = new EventTarget();
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
  vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page));
  heard = [];
  asked = 0;
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const start = (): (() => void) =>
  readOn(
    () => {
      asked += 1;
      const why = tries.shift();
      return why === undefined ? Promise.resolve('there') : Promise.reject(new Error(why));
    },
    (value) => heard.push(value),
    (error) => heard.push((error as Error).message),
    (error) => (error as Error).message === 'refused',
  );
const passes = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

it('says nothing of a failure or two, and reads again after growing waits', async () => {
  tries = ['away', 'away'];
  start();
  await passes(249);
  expect(asked).toBe(1);
  await passes(1);
  expect(asked).toBe(2);
  await passes(999);
  expect([asked, heard]).toEqual([2, []]);
  await passes(1);
  expect([asked, heard]).toEqual([3, ['there']]);
  await passes(60_000);
  expect(asked).toBe(3);
});

it('says what stays away, and reads on until it comes', async () => {
  tries = Array<string>(6).fill('away');
  start();
  await passes(250 + 1_000);
  expect(heard).toEqual(['away']);
  await passes(3_000 + 10_000 + 9_999);
  expect([asked, heard.at(-1)]).toEqual([5, 'away']);
  await passes(1 + 10_000);
  expect([asked, heard.at(-1)]).toEqual([7, 'there']);
});

it('reads at once when the browser is online again, and does so once', async () => {
  tries = ['away'];
  start();
  await passes(1);
  page.dispatchEvent(new Event('online'));
  await passes(0);
  expect([asked, heard]).toEqual([2, ['there']]);
  page.dispatchEvent(new Event('online'));
  await passes(60_000);
  expect(asked).toBe(2);
});

it('takes a refusal for an answer', async () => {
  tries = ['refused'];
  start();
  await passes(60_000);
  expect([asked, heard]).toEqual([1, ['refused']]);
});

it('is stopped, whether it waits or reads', async () => {
  tries = ['away'];
  const stop = start();
  await passes(1);
  stop();
  page.dispatchEvent(new Event('online'));
  await passes(60_000);
  expect([asked, heard]).toEqual([1, []]);
  tries = [];
  start()();
  await passes(1);
  expect([asked, heard]).toEqual([2, []]);
});
