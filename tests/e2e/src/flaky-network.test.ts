// A network that fails for a moment: a page's script, its styles and what it reads come by themselves, without a
// click. (Chromium aborts all that is under way when the network changes.)

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Kind } from './browsers.js';
import { Cast } from './cast.js';
import type { Person } from './person.js';

for (const kind of ['chromium', 'firefox'] satisfies Kind[]) {
  describe(`a flaky network in ${kind}`, { timeout: 120_000 }, () => {
    let cast: Cast;
    let guest: Person;

    before(async () => {
      cast = await Cast.in(kind);
      guest = await cast.guest('Gustav', 440);
      // As on a first visit: it would have the files at hand.
      await guest.page.addInitScript(() => Reflect.deleteProperty(Navigator.prototype, 'serviceWorker'));
      await guest.page.goto(cast.url);
      await guest.by('title-input').waitFor();
    });
    after(() => cast?.end());

    /** The first so many requests for it are lost. */
    const loses = async (what: RegExp, count: number): Promise<{ lost: number }> => {
      const seen = { lost: 0 };
      await guest.page.route(what, async (route) => {
        if (seen.lost === count) return route.continue();
        seen.lost += 1;
        return route.abort();
      });
      return seen;
    };
    const goes = (path: string): Promise<void> =>
      guest.page.evaluate((to) => {
        document.body.dataset['same'] = 'yes';
        history.pushState(null, '', to);
        dispatchEvent(new PopStateEvent('popstate'));
      }, path);
    const samePage = async (): Promise<void> => {
      assert.equal(await guest.page.locator('body').getAttribute('data-same'), 'yes');
    };

    test('a page’s script and styles that were lost are fetched again', async () => {
      const script = await loses(/\/assets\/profile-[^/]*\.js/, 1);
      const style = await loses(/\/assets\/profile-[^/]*\.css/, 1);
      await goes('/@nobody');
      await guest.by('over-noperson').waitFor();
      assert.deepEqual([script.lost, style.lost], [1, 1]);
      const rules = await guest.page.evaluate(
        () =>
          [...document.styleSheets].find(({ href }) => href?.includes('/assets/profile-'))?.cssRules.length,
      );
      assert.ok(rules, 'the styles of the page are there');
      // Firefox remembers that a script did not come: there the page started anew.
      if (kind === 'chromium') await samePage();
    });

    test('what a page reads comes when the network is back, and a word until then if that lasts', async () => {
      const people = /\/api\/v1\/people\//;
      // Firefox cannot be taken off the network here: nothing tells it that it is back.
      if (kind === 'chromium') await guest.page.context().setOffline(true);
      else await guest.page.route(people, (route) => route.abort());
      await goes('/@nobody_else');
      await guest.by('over-unreachable').waitFor();
      if (kind === 'chromium') await guest.page.context().setOffline(false);
      else await guest.page.unroute(people);
      await guest.by('over-noperson').waitFor({ timeout: 60_000 });
      await samePage();
    });

    test('no page failed', () => {
      cast.noPageFailed();
    });
  });
}
