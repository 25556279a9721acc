// What the page draws, and when: a notice as long as it is true and over whatever is shown, and of a busy chat
// only the new line.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Locator } from 'playwright-core';
import type { Kind } from './browsers.js';
import { Cast } from './cast.js';
import type { Person } from './person.js';

declare global {
  interface Window {
    /** How often a line of chat was drawn whose text is counted (`countLines`). */
    palcoLinesDrawn: number;
  }
}

const DEADLINE_MS = 15_000;

for (const kind of ['chromium', 'firefox'] satisfies Kind[]) {
  describe(`what is drawn in ${kind}`, { timeout: 120_000 }, () => {
    let cast: Cast;
    let host: Person;
    let guest: Person;

    before(async () => {
      cast = await Cast.in(kind);
      host = await cast.guest('Hanna', 440);
      guest = await cast.guest('Sven', 880);
      await guest.page.addInitScript(keepNotices);
      const link = await host.startRoom(cast.url, 'In so many words');
      await guest.join(link);
      await guest.takeStageBy(host);
    });
    after(() => cast?.end());

    const notice = (text: string): Locator => guest.page.locator('.notice').filter({ hasText: text });
    const said = (text: string): Locator => guest.page.getByRole('status').filter({ hasText: text });

    test('a notice that asked for something goes when that is done, and no other', async () => {
      await notice('You are on stage, muted.').waitFor();
      await said('You are on stage, muted.').waitFor();
      await host.act('Sven', 'make-moderator');
      await notice('You are a moderator now.').waitFor();
      await guest.unmute();
      await notice('You are on stage, muted.').waitFor({ state: 'detached' });
      assert.equal(await said('You are on stage, muted.').count(), 0);
      assert.ok(await notice('You are a moderator now.').isVisible());
    });

    test('a dialog that opens lies under the notices that are there, and under those to come', async () => {
      const { page } = guest;
      const there = notice('You are a moderator now.');
      const paper = await corner(page.locator('body'));
      const plain = await corner(there);
      await guest.by('open-share').click();
      await page.locator('dialog[open]').waitFor();
      // The page is under the dialog, and darker: this is what would become of a notice.
      await becomes(page.locator('body'), (now) => !now.equals(paper));
      await becomes(there, (now) => now.equals(plain));
      await host.act('Sven', 'mute-speaker');
      await notice('A moderator muted you.').waitFor();
      await becomes(notice('A moderator muted you.'), (now) => now.equals(plain));
      await guest.picture(`${kind}-drawn-notices`);
      await guest.closeDialog();
    });

    test('of a busy chat only the new line is drawn', async () => {
      await host.by('tab-chat').click();
      for (const text of ['Good evening', 'Is this on?', 'It is.']) {
        await host.chat(text);
        await guest.chatLine(text).waitFor();
      }
      await guest.page.evaluate(countLines);
      const drawn = (): Promise<number> => guest.page.evaluate(() => window.palcoLinesDrawn);
      await guest.chat('One from here');
      await host.chatLine('One from here').waitFor();
      await host.chat('And one from there');
      await guest.chatLine('And one from there').waitFor();
      assert.equal(await drawn(), 0);
      // Taken away and shown anew, they are drawn, once each.
      await guest.by('tab-hands').click();
      await guest.chatLine('It is.').waitFor({ state: 'detached' });
      await guest.by('tab-chat').click();
      await guest.chatLine('It is.').waitFor();
      assert.equal(await drawn(), 3);
      cast.noPageFailed();
    });
  });
}

/** Inside the page: a notice goes when it is taken away, not by itself after a while (5 s). */
function keepNotices(): void {
  const set = window.setTimeout.bind(window);
  window.setTimeout = ((run: TimerHandler, ms?: number, ...given: unknown[]) =>
    ms === 5_000 ? 0 : set(run, ms, ...given)) as typeof window.setTimeout;
}

/** Inside the page: a line is drawn with its text, which is counted for those that are here by now. */
function countLines(): void {
  window.palcoLinesDrawn = 0;
  for (const line of window.palco.room!.chat) {
    const { text } = line;
    Object.defineProperty(line, 'text', {
      get: () => {
        window.palcoLinesDrawn += 1;
        return text;
      },
    });
  }
}

/** A picture of its start, half way down: where a notice has its colour and no letter yet. */
async function corner(element: Locator): Promise<Buffer> {
  const { x, y, height } = (await element.boundingBox())!;
  const clip = { x: Math.ceil(x) + 4, y: Math.floor(y + height / 2), width: 4, height: 4 };
  return element.page().screenshot({ clip, animations: 'disabled' });
}

async function becomes(element: Locator, right: (picture: Buffer) => boolean): Promise<void> {
  const until = Date.now() + DEADLINE_MS;
  while (!right(await corner(element))) {
    if (Date.now() > until) assert.fail('what is drawn there is of another colour');
  }
}
