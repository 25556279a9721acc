// People: whoever follows hears of a room and is in it with one tap, on any page; whoever is blocked neither
// sees nor enters.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch, type Kind, type RunningBrowser } from './browsers.js';
import { Person } from './person.js';
import { startServer, type Server } from './server.js';

for (const kind of ['chromium', 'firefox'] satisfies Kind[]) {
  describe(`a follower in ${kind}`, { timeout: 180_000 }, () => {
    const running: RunningBrowser[] = [];
    let server: Server;
    let ada: Person;
    let ben: Person;
    let cleo: Person;
    let link: string;

    before(async () => {
      server = await startServer();
      running.push(await launch('chromium'));
      if (kind !== 'chromium') running.push(await launch(kind));
      ada = await Person.at(running.at(-1)!, 'Ada', 1320);
      ben = await Person.at(running[0]!, 'Ben', 440);
      cleo = await Person.at(running[0]!, 'Cleo', 880);
    });
    after(async () => {
      for (const person of [ada, ben, cleo]) await person?.leave();
      for (const browser of running) await browser.close();
      await server?.stop();
    });

    test('signs up and follows somebody, who is told', async () => {
      await ben.signUp(server.url, 'ben');
      await ada.signUp(server.url, 'ada');
      await ada.follow(server.url, 'ben');
      await ben.isTold('followed');
      await ben.page.locator('[data-testid="bell"][data-count="1"]').waitFor();
    });

    test('hears on another page that they went live, and is in the room with one tap', async () => {
      await ada.page.goto(`${server.url}/settings`);
      await ada.page.getByTestId('kind-live').waitFor();
      link = await ben.goLive(server.url, 'Ben at breakfast');
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
      await ada.page.goto(`${server.url}/notifications`);
      await seen;
      await ada.page.locator('[data-testid="news-row"][data-kind="live"]').waitFor();
      await ada.page.locator('[data-testid="bell"][data-count="0"]').waitFor();
      await ada.page.reload();
      await ada.page.locator('[data-testid="bell"][data-count="0"]').waitFor();
      await ada.page.locator('[data-testid="news-row"][data-read="true"]').first().waitFor();
    });

    test('blocks somebody, who is out at once and sees and enters nothing of theirs', async () => {
      const adas = await ada.goLive(server.url, 'Ada in the evening');
      await cleo.signUp(server.url, 'cleo');
      await cleo.page.goto(adas);
      await cleo.by('join-room').click();
      await cleo.by('raise-hand').waitFor();
      await ada.page.locator('[data-testid="listener"]').filter({ hasText: 'Cleo' }).click();
      await ada.by('block-here').click();
      await ada.by('confirm-block').click();
      await cleo.by('room-ended').waitFor();

      await cleo.page.goto(server.url);
      await cleo.page.getByTestId('room-card').filter({ hasText: 'Ben at breakfast' }).waitFor();
      assert.equal(await cleo.page.getByTestId('room-card').filter({ hasText: 'Ada' }).count(), 0);
      await cleo.page.goto(`${server.url}/@ada`);
      await cleo.by('over-noperson').waitFor();
      await cleo.page.goto(adas);
      await cleo.by('over-notfound').waitFor();
    });

    test('no page failed', () => {
      for (const person of [ada, ben, cleo]) assert.deepEqual(person.pageErrors, []);
    });
  });
}
