// Who is speaking, told by the media alone: the SDK's `speaking` events follow two voices by the CSRC
// of what the browser receives, and no message is exchanged for it.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch, type Kind, type RunningBrowser } from './browsers.js';
import { Person } from './person.js';
import { startServer, type Server } from './server.js';

const TURNS = 6;
/** Signs of life, and what the server says of this page's own connection: nothing of the room. */
const NOT_OF_THE_ROOM = ['ping', 'ok', 'quality'];

declare global {
  interface Window {
    /** The numbers named by each `speaking` event, in order. */
    palcoSpoke: number[][];
  }
}

for (const kind of ['chromium', 'firefox'] satisfies Kind[]) {
  describe(`who is speaking, seen in ${kind}`, { timeout: 120_000 }, () => {
    let server: Server;
    const browsers: RunningBrowser[] = [];

    before(async () => {
      server = await startServer();
    });
    after(async () => {
      for (const running of browsers) await running.close();
      await server?.stop();
    });

    test('the events follow two speakers without a message', async (t) => {
      const speakers = await launch('chromium');
      browsers.push(speakers);
      const listening = kind === 'chromium' ? speakers : await launch(kind);
      if (listening !== speakers) browsers.push(listening);
      const ada = await Person.at(speakers, 'Ada', 440);
      const ben = await Person.at(speakers, 'Ben', 880);
      const listener = await Person.at(listening, 'Lena', 1320);

      const link = await ada.startRoom(server.url, 'You first');
      await ben.join(link);
      await ben.takeStageBy(ada);
      await listener.join(link);
      await ada.unmute();
      await ben.unmute();
      await listener.hears(440, 880);
      const numbers = [await listener.numberOf('Ada'), await listener.numberOf('Ben')];
      await speaking(listener, numbers);
      await listener.page.locator('[data-testid="listener-count"][data-count="1"]').waitFor();
      await listener.picture(`speaking-${kind}`);

      await ben.voice(false);
      await speaking(listener, [numbers[0]!]);
      await listener.page.evaluate(() => {
        window.palcoSpoke = [];
        window.palco.on('speaking', (levels) =>
          window.palcoSpoke.push([...levels.keys()].sort((a, b) => a - b)),
        );
      });
      const before = await listener.frames();
      for (let turn = 1; turn <= TURNS; turn++) {
        const [quiet, loud] = turn % 2 === 1 ? [ada, ben] : [ben, ada];
        await quiet.voice(false);
        await loud.voice(true);
        await speaking(listener, [numbers[turn % 2]!]);
      }
      const after = await listener.frames();
      const events = await listener.page.evaluate(() => window.palcoSpoke);

      const fresh = (now: string[], then: string[]): string[] =>
        now.slice(then.length).filter((type) => !NOT_OF_THE_ROOM.includes(type));
      assert.deepEqual(fresh(after.received, before.received), []);
      assert.deepEqual(fresh(after.sent, before.sent), []);
      // Each turn was an event that named the speaker, and only them.
      const turns = events.filter((named) => named.length === 1).map(([number]) => number);
      const changes = turns.filter((number, at) => number !== turns[at - 1]).slice(-TURNS);
      const expected = Array.from({ length: TURNS }, (_, turn) => numbers[(turn + 1) % 2]);
      assert.deepEqual(changes, expected);
      t.diagnostic(`${TURNS} changes of speaker, ${events.length} events, 0 messages`);
      assert.deepEqual(listener.pageErrors, []);
    });
  });
}

/** Waits until the page says of exactly these that they speak, and shows it. */
async function speaking(person: Person, numbers: number[]): Promise<void> {
  await person.page.waitForFunction(
    (expected) => {
      const named = [...window.palco.speaking.keys()].sort((a, b) => a - b).join();
      const shown = [
        ...document.querySelectorAll<HTMLElement>('[data-testid="stage-member"][data-speaking="true"]'),
      ]
        .map((tile) => Number(tile.dataset['number']))
        .sort((a, b) => a - b)
        .join();
      return named === expected && shown === expected;
    },
    [...numbers].sort((a, b) => a - b).join(),
  );
}
