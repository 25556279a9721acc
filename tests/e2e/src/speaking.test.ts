// Who is speaking, told by the media alone: the SDK's `speaking` events follow two voices by the CSRC
// of what the browser receives, and no message is exchanged for it.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch, type RunningBrowser } from './browsers.js';
import type { Frames } from './frames.js';
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

describe('who is speaking', { timeout: 120_000 }, () => {
  let server: Server;
  const browsers: RunningBrowser[] = [];
  const listeners: Person[] = [];
  let ada: Person;
  let ben: Person;
  let numbers: number[];

  before(async () => {
    server = await startServer();
    browsers.push(await launch('chromium'), await launch('firefox'));
    ada = await Person.at(browsers[0]!, 'Ada', 440);
    ben = await Person.at(browsers[0]!, 'Ben', 880);
    const link = await ada.startRoom(server.url, 'You first');
    await ben.join(link);
    await ben.takeStageBy(ada);
    for (const running of browsers) {
      const listener = await Person.at(running, `Lena in ${running.kind}`, 1320);
      await listener.join(link);
      listeners.push(listener);
    }
    numbers = [await ada.numberOf('Ada'), await ada.numberOf('Ben')];
  });
  after(async () => {
    for (const running of browsers) await running.close();
    await server?.stop();
  });

  const everybodySees = async (expected: number[]): Promise<void> => {
    await Promise.all(listeners.map((listener) => speaking(listener, expected)));
  };

  test('two voices at once are two speakers, on the page too', async () => {
    await ada.unmute();
    await ben.unmute();
    await everybodySees(numbers);
    for (const listener of listeners) {
      await listener.hears(440, 880);
      await listener.page.locator('[data-testid="listener-count"][data-count="2"]').waitFor();
      await listener.picture(`speaking-${listener.name.split(' ').at(-1)}`);
    }
    await ben.voice(false);
    await everybodySees([numbers[0]!]);
  });

  test('the events follow the voices without a message', async (t) => {
    const before = new Map<Person, Frames>();
    for (const listener of listeners) {
      await listener.page.evaluate(() => {
        window.palcoSpoke = [];
        window.palco.on('speaking', (levels) =>
          window.palcoSpoke.push([...levels.keys()].sort((a, b) => a - b)),
        );
      });
      before.set(listener, await listener.frames());
    }
    for (let turn = 1; turn <= TURNS; turn++) {
      const [quiet, loud] = turn % 2 === 1 ? [ada, ben] : [ben, ada];
      await quiet.voice(false);
      await loud.voice(true);
      await everybodySees([numbers[turn % 2]!]);
    }
    const expected = Array.from({ length: TURNS }, (_, turn) => numbers[(turn + 1) % 2]);
    for (const listener of listeners) {
      const then = before.get(listener)!;
      const now = await listener.frames();
      assert.deepEqual(fresh(now.received, then.received), []);
      assert.deepEqual(fresh(now.sent, then.sent), []);
      // Each turn was an event that named the speaker, and only them.
      const events = await listener.page.evaluate(() => window.palcoSpoke);
      const turns = events.filter((named) => named.length === 1).map(([number]) => number);
      const changes = turns.filter((number, at) => number !== turns[at - 1]).slice(-TURNS);
      assert.deepEqual(changes, expected);
      t.diagnostic(`${listener.name}: ${TURNS} changes of speaker, ${events.length} events, 0 messages`);
      assert.deepEqual(listener.pageErrors, []);
    }
  });
});

function fresh(now: string[], then: string[]): string[] {
  return now.slice(then.length).filter((type) => !NOT_OF_THE_ROOM.includes(type));
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
