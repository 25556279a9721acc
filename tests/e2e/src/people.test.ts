// People: whoever follows hears of a room and is in it with one tap, on any page; whoever is blocked neither
// sees nor enters.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Kind } from './browsers.js';
import { Cast } from './cast.js';
import type { Person } from './person.js';

for (const kind of ['chromium', 'firefox'] satisfies Kind[]) {
  describe(`a follower in ${kind}`, { timeout: 180_000 }, () => {
    let cast: Cast;
    let ada: Person;
    let ben: Person;
    let cleo: Person;
    let link: string;

    before(async () => {
      cast = await Cast.in(kind);
      ben = await cast.member('Ben', 440);
    });
    after(() => cast?.end());

    test('signs up and follows somebody, who is told', async () => {
      ada = await cast.member('Ada', 1320);
      await cast.follows(ada, ben);
      await ben.isTold('followed');
      await ben.page.locator('[data-testid="bell"][data-count="1"]').waitFor();
    });

    test('hears on another page that they went live, and is in the room with one tap', async () => {
      await ada.page.goto(`${cast.url}/settings`);
      await ada.page.getByTestId('kind-live').waitFor();
      link = await ben.goLive(cast.url, 'Ben at breakfast');
      await ben.unmute();
      const card = await ada.isTold('live');
      await ada.picture(`${kind}-people-1-told`);
      await card.getByTestId('news-open').click();
      await ada.by('raise-hand').waitFor();
      assert.equal(ada.page.url(), link);
      await ada.hears(440);
      assert.equal(await ada.timesAskedForMicrophone(), 0);
    });

    test('sees in the list what happened, and the count is gone', async () => {
      const seen = ada.page.waitForResponse(/\/notifications\/read$/);
      await ada.page.goto(`${cast.url}/notifications`);
      await seen;
      await ada.page.locator('[data-testid="news-row"][data-kind="live"]').waitFor();
      await ada.page.locator('[data-testid="bell"][data-count="0"]').waitFor();
      await ada.page.reload();
      await ada.page.locator('[data-testid="bell"][data-count="0"]').waitFor();
      await ada.page.locator('[data-testid="news-row"][data-read="true"]').first().waitFor();
    });

    test('blocks somebody, who is out at once and sees and enters nothing of theirs', async () => {
      const adas = await ada.goLive(cast.url, 'Ada in the evening');
      cleo = await cast.member('Cleo', 880);
      await cleo.page.goto(adas);
      await cleo.by('join-room').click();
      await cleo.by('raise-hand').waitFor();
      await ada.page.locator('[data-testid="listener"]').filter({ hasText: 'Cleo' }).click();
      await ada.by('block-here').click();
      await ada.by('confirm-block').click();
      await cleo.by('room-ended').waitFor();

      await cleo.page.goto(cast.url);
      await cleo.page.getByTestId('room-card').filter({ hasText: 'Ben at breakfast' }).waitFor();
      assert.equal(await cleo.page.getByTestId('room-card').filter({ hasText: 'Ada' }).count(), 0);
      await cleo.page.goto(`${cast.url}/@ada`);
      await cleo.by('over-noperson').waitFor();
      await cleo.page.goto(adas);
      await cleo.by('over-notfound').waitFor();
    });

    test('an address that leads nowhere says what is not there: a page, a room, or a person', async () => {
      for (const [path, reason, says] of [
        ['/nowhere/at/all', 'nopage', 'There is no such page'],
        ['/@ada/nowhere', 'nopage', 'There is no such page'],
        ['/r/nowhere', 'notfound', 'There is no such room'],
        ['/@nowhere', 'noperson', 'There is nobody of that name'],
      ] as const) {
        await cleo.page.goto(cast.url + path);
        const over = cleo.page.locator(`.over[data-reason="${reason}"]`);
        await over.getByRole('heading', { name: says }).waitFor();
      }
    });

    test('no page failed', () => {
      cast.noPageFailed();
    });
  });
}
