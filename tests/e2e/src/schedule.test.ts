// Planned rooms: said yes to, put into a calendar, reminded of, begun, called off; and a seminar that only
// those enter who registered.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import ICAL from 'ical.js';
import type { Kind } from './browsers.js';
import { Cast } from './cast.js';
import type { Person } from './person.js';

const HOUR_MS = 3_600_000;

/** What a date input of this page wants, `ms` from now. */
async function fillTime(person: Person, fromNowMs: number): Promise<number> {
  const text = await person.page.evaluate((ms) => {
    const date = new Date(Math.ceil((Date.now() + ms) / 60_000) * 60_000);
    return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  }, fromNowMs);
  await person.by('starts-input').fill(text);
  return person.page.evaluate((local) => new Date(local).getTime(), text);
}

async function planRoom(person: Person, url: string, title: string): Promise<number> {
  await person.page.goto(`${url}/new?later`);
  await person.by('title-input').fill(title);
  return fillTime(person, 3 * HOUR_MS);
}

async function planned(person: Person): Promise<string> {
  await person.by('start-room').click();
  await person.by('plan').waitFor();
  return person.page.url();
}

for (const kind of ['chromium', 'firefox'] satisfies Kind[]) {
  describe(`planned rooms in ${kind}`, { timeout: 240_000 }, () => {
    let cast: Cast;
    let ada: Person;
    let ben: Person;
    let cleo: Person;
    let link: string;
    let startsAtMs: number;

    before(async () => {
      cast = await Cast.in(kind);
      ada = await cast.member('Ada', 1320);
      ben = await cast.member('Ben', 440);
      cleo = await cast.member('Cleo', 880);
      await cast.follows(ada, ben);
    });
    after(() => cast?.end());

    test('more options stay as one left them, now or later; planning opens them for who never touched them', async () => {
      const rest = ben.by('description-input');
      const when = async (choice: 'now' | 'later'): Promise<void> => {
        await ben.by(`start-${choice}`).check({ force: true });
        await ben.by('starts-input').waitFor({ state: choice === 'later' ? 'visible' : 'detached' });
      };
      await ben.page.goto(`${cast.url}/new`);
      await rest.waitFor({ state: 'hidden' });
      await when('later');
      await rest.waitFor();
      // Nothing closes under their hands.
      await when('now');
      assert.equal(await rest.isVisible(), true);
      await ben.by('start-more').click();
      await rest.waitFor({ state: 'hidden' });
      await when('later');
      assert.equal(await rest.isVisible(), false);
      await ben.page.goto(`${cast.url}/new`);
      await ben.by('start-more').click();
      await rest.waitFor();
      await when('later');
      await when('now');
      assert.equal(await rest.isVisible(), true);
    });

    test('a host plans a room, and a follower is told and finds it', async () => {
      startsAtMs = await planRoom(ben, cast.url, 'Bread, and how it keeps');
      await ben.by('description-input').fill('Sourdough; rye');
      link = await planned(ben);
      await ben.picture(`${kind}-schedule-1-host`);
      await (await ada.isTold('scheduled')).getByTestId('news-open').click();
      await ada.by('plan').waitFor();
      assert.equal(ada.page.url(), link);
      await ada.page.goto(cast.url);
      await ada.by('plan-card').filter({ hasText: 'Bread, and how it keeps' }).click();
      await ada.by('rsvp').waitFor();
    });

    test('the follower says yes, and the host sees who did', async () => {
      await ada.by('rsvp').click();
      await ada.page.locator('[data-testid="going"][data-count="1"]').waitFor();
      await ada.page.locator('[data-testid="rsvp"][aria-pressed="true"]').waitFor();
      await ada.picture(`${kind}-schedule-2-going`);
      await ben.page.reload();
      await ben.page.locator('[data-testid="person-row"][data-handle="ada"]').waitFor();
    });

    test('the calendar file says when and what', async () => {
      const coming = ada.page.waitForEvent('download');
      await ada.by('calendar').click();
      const text = await readFile(await (await coming).path(), 'utf8');
      const calendar = new ICAL.Component(ICAL.parse(text));
      const events = calendar.getAllSubcomponents('vevent').map((one) => new ICAL.Event(one));
      assert.equal(events.length, 1);
      const [event] = events;
      assert.equal(event!.summary, 'Bread, and how it keeps');
      assert.equal(event!.startDate.toJSDate().getTime(), startsAtMs);
      assert.match(String(event!.component.getFirstPropertyValue('url') ?? event!.description), /\/r\//);
    });

    test('moved to soon, it is announced again, and reminded of', async () => {
      await ben.by('edit-plan').click();
      await ben.by('start-form').waitFor();
      await fillTime(ben, 5 * 60_000);
      await ben.by('start-room').click();
      await ben.by('plan').waitFor();
      await ada.page.goto(`${cast.url}/notifications`);
      await ada.page.locator('[data-testid="news-row"][data-kind="reminder"]').waitFor({ timeout: 60_000 });
      await ada.picture(`${kind}-schedule-3-reminded`);
    });

    test('the host starts it, and who said yes is in it with one tap and hears them', async () => {
      await ada.page.goto(`${cast.url}/search`);
      await ben.by('start-plan').click();
      await ben.onStage('Ben').waitFor();
      assert.equal(ben.page.url(), link);
      await ben.unmute();
      await (await ada.isTold('reminder')).getByTestId('news-open').click();
      await ada.by('raise-hand').waitFor();
      await ada.hears(440);
      await ben.endRoom();
      await ada.by('room-ended').waitFor();
    });

    test('a room that is called off says so, to those who said yes too', async () => {
      await planRoom(ben, cast.url, 'Never to be');
      link = await planned(ben);
      await ada.page.goto(link);
      await ada.by('rsvp').click();
      await ada.page.locator('[data-testid="going"][data-count="1"]').waitFor();
      await ada.page.goto(cast.url);
      await ben.by('cancel-plan').click();
      await ben.by('confirm-cancel').click();
      await ben.page.locator('[data-testid="plan"][data-state="cancelled"]').waitFor();
      await ada.isTold('cancelled');
      await ada.page.goto(link);
      await ada.page.locator('[data-testid="plan"][data-state="cancelled"]').waitFor();
    });

    test('a seminar lets in who registered, up to its places, and nobody else', async () => {
      await planRoom(ben, cast.url, 'A seminar on rye');
      await ben.by('seminar').click();
      await ben.by('registration').click();
      await ben.by('capacity').fill('1');
      await ben.by('duration').selectOption(String(HOUR_MS));
      link = await planned(ben);
      await ada.page.goto(link);
      await ada.by('rsvp').click();
      await ada.page.locator('[data-testid="rsvp"][aria-pressed="true"]').waitFor();
      await cleo.page.goto(link);
      await cleo.by('rsvp').click();
      await cleo.page.locator('.notice-bad').waitFor();

      await ben.by('start-plan').click();
      await ben.onStage('Ben').waitFor();
      await ben.unmute();
      await (await ada.isTold('reminder')).getByTestId('news-open').click();
      await ada.by('raise-hand').waitFor();
      await ada.hears(440);
      await cleo.page.reload();
      await cleo.page.locator('[data-testid="plan"][data-state="live"]').waitFor();
      assert.equal(await cleo.by('join-room').count(), 0);
      await ben.endRoom();
    });

    test('no page failed', () => {
      cast.noPageFailed();
    });
  });
}
