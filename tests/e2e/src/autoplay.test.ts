// A browser that lets no page sound before it was tapped, and somebody who is back in their room without a tap:
// nothing is heard, the page says what it waits for, and one tap or one key is enough.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launchCautious, type Kind } from './browsers.js';
import { Cast } from './cast.js';
import type { Person } from './person.js';

for (const kind of ['chromium', 'firefox'] satisfies Kind[]) {
  describe(`sound only after a tap in ${kind}`, { timeout: 120_000 }, () => {
    let cast: Cast;
    let host: Person;
    let listener: Person;
    let link: string;

    before(async () => {
      cast = await Cast.at(() => launchCautious(kind), '--reconnect-grace-s', '1');
      host = await cast.guest('Hanna', 440);
      listener = await cast.guest('Lena', 880);
      link = await host.startRoom(cast.url, 'Only after a tap');
      await host.unmute();
      await listener.join(link);
      await listener.hears(440);
      await listener.page.addInitScript(tellsOfBanner);
    });
    after(() => cast?.end());

    /** Loads the page; resolves with what its banner said, in order, once it waits for a tap. */
    const comesBack = async (load: () => Promise<unknown>): Promise<string[]> => {
      const said: string[] = [];
      const waits = listener.page.waitForEvent('console', (line) => {
        const state = /^banner: (.*)/.exec(line.text())?.[1];
        if (state !== undefined) said.push(state);
        return state === 'blocked';
      });
      await Promise.all([waits, load()]);
      return said;
    };

    test('loaded again: silence, and the page says that it waits for a tap, to a screen reader too', async () => {
      const said = await comesBack(() => listener.page.reload());
      // What stands in a live region when it comes is not read out, only what changes there.
      assert.notEqual(said[0], 'blocked');
      await listener.hears();
      const { page } = listener;
      await page.getByRole('status').filter({ hasText: 'Your browser waits for a tap to play' }).waitFor();
      await page.getByRole('button', { name: 'Tap to listen' }).waitFor();
      await listener.picture(`${kind}-autoplay`);
    });

    test('one tap there, and everybody is heard', async () => {
      await listener.by('resume-audio').click();
      await listener.hears(440);
      await listener.connectionIs('connected');
      assert.equal(await listener.by('resume-audio').count(), 0);
      await listener.page.locator('[data-testid="room-title"]:focus').waitFor();
    });

    test('nor need the tap be there', async () => {
      await comesBack(() => listener.page.reload());
      await listener.hears();
      await listener.by('room-title').click();
      await listener.hears(440);
    });

    test('a tab that was gone for longer than its place was kept: silence again, and a key is enough', async () => {
      await listener.page.goto('about:blank');
      await host.page
        .locator('[data-testid="listener"]')
        .filter({ hasText: 'Lena' })
        .waitFor({ state: 'detached' });
      await comesBack(() => listener.page.goto(link));
      await listener.hears();
      await listener.by('resume-audio').press('Enter');
      await listener.hears(440);
      await listener.connectionIs('connected');
      cast.noPageFailed();
    });
  });
}

/**
 * Inside the page: tells the console what the banner says. Whatever is run in a page for the test counts as a tap
 * in Chromium; what a page was given before it began does not.
 */
function tellsOfBanner(): void {
  let last: string | undefined;
  new MutationObserver(() => {
    const state = document.querySelector<HTMLElement>('[data-testid="connection-state"]')?.dataset['state'];
    if (state !== undefined && state !== last) console.log(`banner: ${state}`);
    last = state;
  }).observe(document, { subtree: true, childList: true, attributeFilter: ['data-state'] });
}
