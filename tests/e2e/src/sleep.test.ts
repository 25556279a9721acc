// Computers that slept in a room, for longer than the server keeps a place, and a telephone that put the tab
// away: back in the room, and heard, without a tap. Both browsers sleep at the same time.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { launch, type Kind } from './browsers.js';
import { Cast } from './cast.js';
import { Person } from './person.js';
import { startProxy, type Proxy } from './proxy.js';
import { computer, type Computer } from './sleep.js';

declare global {
  interface Window {
    /** The longest time in which the page did nothing at all. */
    palcoStoodStillMs: number;
  }
}

/** Longer than a page waits before it asks whether the server is still there (15 s). */
const NIGHT_MS = 16_000;
/** A page looks every 5 s whether it is time to ask; what follows is a visit from the start. */
const MORNING_MS = 60_000;

describe('who was away', { timeout: 180_000 }, () => {
  let cast: Cast;
  let proxy: Proxy;
  let host: Person;
  let link: string;
  const computers: Computer[] = [];
  const listeners: Person[] = [];

  before(async () => {
    cast = await Cast.in('chromium', '--reconnect-grace-s', '1');
    proxy = await startProxy(cast.server.port);
    host = await cast.guest('Hanna', 440);
    link = (await host.startRoom(cast.url, 'All through the night')).replace(cast.url, proxy.url);
    await host.unmute();
    for (const kind of ['chromium', 'firefox'] satisfies Kind[]) {
      const one = await computer(() => launch(kind));
      computers.push(one);
      const listener = await Person.at(one.running, `In ${kind}`, 880);
      listeners.push(listener);
      await listener.join(link);
      await listener.hears(440);
      await listener.page.evaluate(watchesClock);
    }
  });
  after(async () => {
    for (const { wake, running } of computers) {
      wake();
      await running.close();
    }
    await proxy?.stop();
    await cast?.end();
  });

  const isGone = (listener: Person): Promise<void> =>
    host.page
      .locator('[data-testid="listener"]')
      .filter({ hasText: listener.name })
      .waitFor({ state: 'detached' });

  test('a laptop that slept hears the room again, without a tap', async (t) => {
    for (const { sleep } of computers) sleep();
    // A network tells nobody who sleeps that a connection has ended.
    proxy.forget();
    for (const listener of listeners) await isGone(listener);
    await setTimeout(NIGHT_MS);
    const from = Date.now();
    for (const { wake } of computers) wake();
    const comesBack = async (listener: Person): Promise<void> => {
      await listener.page.waitForFunction(
        () => window.palcoFrames.sent.filter((type) => type === 'join').length > 1,
        undefined,
        { timeout: MORNING_MS },
      );
      await listener.hearsWithin(MORNING_MS, 440);
      await listener.connectionIs('connected');
      assert.ok((await listener.page.evaluate(() => window.palcoStoodStillMs)) >= NIGHT_MS);
      t.diagnostic(`${listener.name}: heard ${Date.now() - from} ms after waking`);
    };
    await Promise.all(listeners.map(comesBack));
    for (const listener of listeners) {
      await host.page.locator('[data-testid="listener"]').filter({ hasText: listener.name }).waitFor();
      assert.deepEqual([listener.name, listener.pageErrors], [listener.name, []]);
    }
  });

  test('a tab that was put away and is loaded again hears the room, without a tap', async () => {
    for (const listener of listeners) await listener.page.goto('about:blank');
    for (const listener of listeners) await isGone(listener);
    for (const listener of listeners) {
      await listener.page.goto(link);
      await listener.by('raise-hand').waitFor();
      await listener.hears(440);
      assert.deepEqual([listener.name, listener.pageErrors], [listener.name, []]);
    }
    cast.noPageFailed();
  });
});

/** Inside the page. */
function watchesClock(): void {
  let last = performance.now();
  window.palcoStoodStillMs = 0;
  setInterval(() => {
    const now = performance.now();
    window.palcoStoodStillMs = Math.max(window.palcoStoodStillMs, now - last);
    last = now;
  }, 100);
}
