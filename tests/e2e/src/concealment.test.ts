// How much a listener's browser has to make up: while one voice goes on, over hand-overs of a slot,
// over mutes; in packets of 20 ms and in the bundled ones of large rooms. Printed, not judged: concealed
// samples say as much of the machine's load as of the server.

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { join } from 'node:path';
import { launch, type RunningBrowser } from './browsers.js';
import { repository } from './paths.js';
import { Person } from './person.js';
import { concealment, received, type Reception } from './reception.js';
import { startServer, type Server } from './server.js';

const HAND_OVERS = 10;
const MUTES = 5;
const PLAIN_MS = 3_000;
/** With these three the fourth slot is the only one that changes hands. */
const STEADY_HZ = [300, 500, 700];

const forms = [
  { form: '20 ms packets', flags: [], samplesPerPacket: 960 },
  { form: 'bundled 60 ms packets', flags: ['--bundle-from', '1'], samplesPerPacket: 2_880 },
];

const browsers: RunningBrowser[] = [];
before(async () => {
  browsers.push(await launch('chromium'), await launch('firefox'));
});
after(async () => {
  for (const running of browsers) await running.close();
});

for (const { form, flags, samplesPerPacket } of forms) {
  describe(`concealment, ${form}`, { timeout: 150_000 }, () => {
    let server: Server;
    const tones: ChildProcess[] = [];
    const listeners: { kind: string; person: Person }[] = [];
    let ada: Person;
    let ben: Person;
    let link: string;

    before(async () => {
      server = await startServer(...flags);
      ada = await Person.at(browsers[0]!, 'Ada', 900);
      ben = await Person.at(browsers[0]!, 'Ben', 1_100);
      link = await ada.startRoom(server.url, 'One after the other');
      await ada.unmute();
      await ben.join(link);
      await ben.takeStageBy(ada);
      for (const running of browsers) {
        const person = await Person.at(running, `Lena in ${running.kind}`, 440);
        await person.join(link);
        listeners.push({ kind: running.kind, person });
      }
      await everybodyHears(900);
    });
    after(async () => {
      for (const tone of tones) tone.kill();
      for (const person of [ada, ben, ...listeners.map(({ person }) => person)]) await person.leave();
      await server?.stop();
    });

    const everybodyHears = async (...hz: number[]): Promise<void> => {
      await Promise.all(listeners.map(({ person }) => person.hears(...hz)));
    };
    /** Each listener's reception while something happens. */
    const during = async (act: () => Promise<void>): Promise<Reception[]> => {
      const done = act();
      return Promise.all(listeners.map(({ person }) => received(person, () => done)));
    };
    const tell = (what: string, receptions: Reception[]): string[] =>
      receptions.map((reception, at) => `${listeners[at]!.kind}, ${what}: ${concealment(reception)}`);

    test('one voice', async (t) => {
      const receptions = await during(() => ada.page.waitForTimeout(PLAIN_MS));
      for (const line of tell('one voice', receptions)) t.diagnostic(line);
      for (const { samples, packets } of receptions) {
        // The form asked for is the one that arrives (half a packet's worth of slack on either side).
        const each = samples / packets;
        assert.ok(Math.abs(each - samplesPerPacket) < samplesPerPacket / 2, `${each} samples a packet`);
      }
      await everybodyHears(900);
    });

    test(`${MUTES} mutes`, async (t) => {
      const receptions = await during(async () => {
        for (let round = 0; round < MUTES; round++) {
          await ada.mute();
          await everybodyHears();
          await ada.unmute();
          await everybodyHears(900);
        }
      });
      for (const line of tell(`${MUTES} mutes`, receptions)) t.diagnostic(line);
    });

    test(`${HAND_OVERS} hand-overs of a slot`, async (t) => {
      for (const hz of STEADY_HZ) tones.push(await steadyTone(hz));
      await everybodyHears(...STEADY_HZ, 900);
      await ada.voice(false);
      await everybodyHears(...STEADY_HZ);
      await ben.unmute();
      const numbers = [await ada.numberOf('Ada'), await ada.numberOf('Ben')];
      const slots = new Set<number>();
      const receptions = await during(async () => {
        for (let turn = 1; turn <= HAND_OVERS; turn++) {
          const [quiet, loud] = turn % 2 === 1 ? [ada, ben] : [ben, ada];
          await quiet.voice(false);
          await loud.voice(true);
          for (const { person } of listeners) slots.add(await slotOf(person, numbers[turn % 2]!));
        }
      });
      for (const line of tell(`${HAND_OVERS} hand-overs`, receptions)) t.diagnostic(line);
      // It was one slot, the same for all, that changed hands.
      assert.equal(slots.size, 1);
      await everybodyHears(...STEADY_HZ, 900);
      for (const { person } of listeners) assert.deepEqual(person.pageErrors, []);
    });

    /** Somebody without a browser, on stage, who hums. */
    async function steadyTone(hz: number): Promise<ChildProcess> {
      const name = `Hum ${hz}`;
      const binary = join(repository, 'target/release/palco');
      const tone = spawn(binary, ['speak', link, '--tone', String(hz), '--name', name], { stdio: 'ignore' });
      await ada.invite(name);
      await ada.onStage(name, false).waitFor();
      return tone;
    }
  });
}

/** Waits until a slot carries this speaker's packets; which slot. */
async function slotOf(person: Person, number: number): Promise<number> {
  const slot = await person.page.waitForFunction((speaker) => {
    const now = performance.timeOrigin + performance.now();
    const receivers = window.palco.peerConnection!.getReceivers();
    const at = receivers.findIndex((receiver) =>
      receiver
        .getContributingSources()
        .some(
          ({ source, timestamp, audioLevel }) =>
            source === speaker && now - timestamp < 200 && (audioLevel ?? 0) > 0.01,
        ),
    );
    return at < 0 ? undefined : { at };
  }, number);
  return (await slot.evaluate((found) => found!.at)) as number;
}
