// How people come into rooms: a guest by a link in at most two taps, a follower who is called, guests of a
// closed room, those whom a host follows; and only those are told who want to be, when they want to be.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Kind } from './browsers.js';
import { Cast } from './cast.js';
import type { Person } from './person.js';

declare global {
  interface Window {
    palcoTaps: number;
  }
}

for (const kind of ['chromium', 'firefox'] satisfies Kind[]) {
  describe(`called into a room in ${kind}`, { timeout: 240_000 }, () => {
    let cast: Cast;
    let ada: Person;
    let ben: Person;
    let cleo: Person;
    let link: string;

    before(async () => {
      cast = await Cast.in(kind, '--reconnect-grace-s', '1');
      ada = await cast.member('Ada', 1320);
      ben = await cast.member('Ben', 440);
      cleo = await cast.member('Cleo', 880);
      await cast.follows(ada, ben);
      await cast.follows(ben, cleo);
    });
    after(() => cast?.end());

    const isIn = (person: Person) => person.by('raise-hand').waitFor();
    const comesIn = async (person: Person): Promise<void> => {
      await person.page.goto(link);
      await person.by('join-room').click();
    };
    const opens = async (title: string, kind: 'social' | 'closed'): Promise<void> => {
      await ben.page.goto(`${cast.url}/new`);
      await ben.by('title-input').fill(title);
      await ben.page
        .locator('label')
        .filter({ has: ben.by(`kind-${kind}`) })
        .click();
      if (kind === 'closed') {
        await ben.by('invited-input').fill('cleo');
        await ben.by('picker-found').first().click();
      }
      await ben.by('start-room').click();
      await ben.onStage('Ben').waitFor();
      link = ben.page.url();
      await ben.unmute();
    };

    test('a guest is in by two taps from a link, and by one the next time', async () => {
      link = await ben.goLive(cast.url, 'Two taps away');
      await ben.unmute();
      const guest = await cast.guest('Gus', 660);
      await guest.page.addInitScript(() => {
        window.palcoTaps = 0;
        addEventListener('click', ({ detail }) => (window.palcoTaps += detail > 0 ? 1 : 0), {
          capture: true,
        });
      });
      const taps = () => guest.page.evaluate(() => window.palcoTaps);
      await guest.page.goto(link);
      await guest.by('name-input').click();
      await guest.page.keyboard.type('Gus');
      await guest.by('join-room').click();
      await isIn(guest);
      await guest.hears(440);
      assert.equal(await taps(), 2);

      // The tab is closed: after the grace for a lost connection they are gone, and the device knows their name.
      const context = guest.page.context();
      await guest.page.close();
      await ben.page
        .locator('[data-testid="listener"]')
        .filter({ hasText: 'Gus' })
        .waitFor({ state: 'detached' });
      const again = await context.newPage();
      await again.goto(link);
      await again.getByTestId('join-room').filter({ hasText: 'Gus' }).click();
      await again.getByTestId('raise-hand').waitFor();
      await context.close();
    });

    test('a follower is called from the stage, and is there by one tap', async () => {
      await ada.page.goto(`${cast.url}/settings`);
      await ben.by('open-share').click();
      await ben.by('call-in').locator('summary').click();
      await ben.by('ping-ada').click();
      await (await ada.isTold('pinged')).getByTestId('news-open').click();
      await isIn(ada);
      assert.equal(ada.page.url(), link);
      await ada.hears(440);
      await ben.closeDialog();
      await ben.endRoom();
      await ada.by('room-ended').waitFor();
    });

    test('a closed room: nobody enters but whom its host invites, before or while it is on', async () => {
      await cleo.page.goto(cast.url);
      await opens('Behind a closed door', 'closed');
      await (await cleo.isTold('invited')).getByTestId('news-open').click();
      await isIn(cleo);
      await cleo.hears(440);
      await comesIn(ada);
      await ada.refused('not_invited');
      await ada.page.getByText('Ask the host for a link.').waitFor();
      await ben.by('open-options').click();
      await ben.by('invite-people-input').fill('ada');
      await ben.by('picker-found').first().click();
      await ben.by('send-invitations').click();
      await (await ada.isTold('invited')).getByTestId('news-open').click();
      await isIn(ada);
      await ada.hears(440);
      await ben.closeDialog();
      await ben.endRoom();
      for (const person of [ada, cleo]) await person.by('room-ended').waitFor();
    });

    test('a social room: those whom its host follows, nobody else', async () => {
      await ada.page.goto(cast.url);
      await opens('Among friends', 'social');
      await comesIn(cleo);
      await isIn(cleo);
      await cleo.hears(440);
      await comesIn(ada);
      await ada.refused('not_invited');
      await ben.endRoom();
      await cleo.by('room-ended').waitFor();
    });

    /** What Ada was told of, by her list; she looks at it and away. */
    const listed = async (title: string): Promise<number> => {
      await ada.page.goto(`${cast.url}/notifications`);
      await ada.page.locator('[data-testid="news-row"]').first().waitFor();
      return ada.page.locator('[data-testid="news-row"]').filter({ hasText: title }).count();
    };
    const live = async (title: string): Promise<void> => {
      await ben.goLive(cast.url, title);
      await ben.endRoom();
      await ben.by('room-ended').waitFor();
    };
    const isToldOf = async (title: string): Promise<void> => {
      await live(title);
      await (await ada.isTold('live')).filter({ hasText: title }).waitFor();
      await ada.page.reload();
    };
    /** The page has kept what was changed on it. */
    const kept = (path: RegExp) =>
      ada.page.waitForResponse((answer) => path.test(answer.url()) && answer.ok());

    test('who wants nothing of somebody hears nothing of them, until they want to again', async () => {
      await ada.page.goto(`${cast.url}/@ben`);
      for (const [wanted, title] of [
        ['none', 'Not for Ada'],
        ['all', 'For Ada again'],
      ] as const) {
        await ada.page.goto(`${cast.url}/@ben`);
        const saved = kept(/\/people\/ben\/notices|\/notices$/);
        await ada.by('wanted').selectOption(wanted);
        await saved;
        if (wanted === 'none') await live(title);
        else await isToldOf(title);
      }
      assert.equal(await listed('For Ada again'), 1);
      assert.equal(await listed('Not for Ada'), 0);
    });

    test('a kind that is switched off is not told, and told again when it is on', async () => {
      for (const [on, title] of [
        [false, 'Of no interest'],
        [true, 'Of interest'],
      ] as const) {
        await ada.page.goto(`${cast.url}/settings`);
        const saved = kept(/\/notifications\/preferences$/);
        await ada.by('kind-live').setChecked(on);
        await saved;
        await ada.page.reload();
        await ada.page.locator(`[data-testid="kind-live"]${on ? ':checked' : ':not(:checked)'}`).waitFor();
        if (on) await isToldOf(title);
        else await live(title);
      }
      assert.equal(await listed('Of interest'), 1);
      assert.equal(await listed('Of no interest'), 0);
    });

    test('in quiet hours it waits silently in the list; after them it is told', async () => {
      await listed('Of interest');
      await ada.page.locator('[data-testid="bell"][data-count="0"]').waitFor();
      await ada.page.goto(`${cast.url}/settings`);
      await ada.by('quiet-hours').check();
      const [from, to] = await ada.page.evaluate(() => {
        const clock = (ms: number): string => {
          const date = new Date(Date.now() + ms);
          return `${String(date.getHours()).padStart(2, '0')}:${String(date.getMinutes()).padStart(2, '0')}`;
        };
        return [clock(-7_200_000), clock(7_200_000)] as const;
      });
      for (const [at, value] of [from, to].entries()) {
        const saved = kept(/\/notifications\/preferences$/);
        await ada.page.locator('input[type="time"]').nth(at).fill(value);
        await saved;
      }
      await ada.picture(`${kind}-called-quiet-hours`);
      await live('In the quiet hours');
      await ada.page.locator('[data-testid="bell"][data-count="1"]').waitFor();
      assert.equal(await ada.by('news').count(), 0);
      const saved = kept(/\/notifications\/preferences$/);
      await ada.by('quiet-hours').uncheck();
      await saved;
      await isToldOf('After the quiet hours');
      assert.equal(await listed('In the quiet hours'), 1);
      cast.noPageFailed();
    });
  });
}
