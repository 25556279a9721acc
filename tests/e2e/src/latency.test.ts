// How long a person waits, in Chromium, from the tap to the first sound. Printed, never judged: the
// machine that runs the tests is not the one that matters.

import { after, before, describe, test } from 'node:test';
import { launch, type RunningBrowser } from './browsers.js';
import { Person } from './person.js';
import { startServer, type Server } from './server.js';

const ROUNDS = 8;

declare global {
  interface Window {
    palcoFirstSound?: Promise<number>;
  }
}

describe('time to first sound in chromium', { timeout: 180_000 }, () => {
  let server: Server;
  let running: RunningBrowser;
  let host: Person;
  let link: string;

  before(async () => {
    server = await startServer();
    running = await launch('chromium');
    host = await Person.at(running, 'Hanna', 440);
    link = await host.startRoom(server.url, 'How long does it take');
  });
  after(async () => {
    await running?.close();
    await server?.stop();
  });

  test('from the join tap', async (t) => {
    await host.unmute();
    const waits: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const guest = await Person.at(running, 'Gustav', 880);
      await guest.open(link);
      await guest.page.evaluate(listenForSound);
      const tapped = await guest.page.evaluate(tap, 'join-room');
      waits.push((await firstSound(guest)) - tapped);
      await guest.leave();
    }
    t.diagnostic(`join tap to first audio: ${summary(waits)}`);
    await host.mute();
  });

  test('from accepting an invitation and unmuting at once', async (t) => {
    const witness = await Person.at(running, 'Wilma', 1320);
    await witness.join(link);
    const accepted: number[] = [];
    const unmuted: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const name = `Gustav ${round}`;
      const guest = await Person.at(running, name, 880);
      await guest.join(link);
      await guest.raiseHand();
      await host.invite(name);
      await guest.by('accept-invite').click();
      await guest.by('confirm-mic').waitFor();
      await witness.hears();
      await witness.page.evaluate(listenForSound);
      const confirm = await guest.page.evaluate(tap, 'confirm-mic');
      const unmute = await guest.page.evaluate(tap, 'mute-toggle');
      const sound = await firstSound(witness);
      accepted.push(sound - confirm);
      unmuted.push(sound - unmute);
      await guest.leave();
    }
    t.diagnostic(`accept_invite to first audio: ${summary(accepted)}`);
    t.diagnostic(`unmute to first audio: ${summary(unmuted)}`);
  });
});

function summary(waits: number[]): string {
  const sorted = [...waits].sort((a, b) => a - b).map(Math.round);
  const median = sorted[Math.floor(sorted.length / 2)];
  return `p50 ${median} ms, least ${sorted[0]} ms, most ${sorted.at(-1)} ms, ${sorted.length} rounds`;
}

async function firstSound(person: Person): Promise<number> {
  return person.page.evaluate(() => window.palcoFirstSound!);
}

/** Inside the page: taps as soon as it can be done; the epoch time of the tap, in ms. */
async function tap(testId: string): Promise<number> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const button = document.querySelector<HTMLButtonElement>(`[data-testid="${testId}"]`);
    if (button && !button.disabled) {
      const at = performance.timeOrigin + performance.now();
      button.click();
      return at;
    }
    if (performance.now() > deadline) throw new Error(`no ${testId} to tap`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/**
 * Inside the page: from now on, watches for sound in any slot; its epoch time, in ms. The smallest
 * analyser window is used: a large one answers with old samples.
 */
async function listenForSound(): Promise<void> {
  const context = new AudioContext({ sampleRate: 48_000 });
  await context.resume();
  const watched = new Map<MediaStream, AnalyserNode>();
  const samples = new Float32Array(256);
  const anySound = (): boolean => {
    for (const element of document.querySelectorAll<HTMLAudioElement>('audio[data-slot]')) {
      const stream = element.srcObject;
      if (!(stream instanceof MediaStream) || stream.getAudioTracks().length === 0) continue;
      let analyser = watched.get(stream);
      if (!analyser) {
        analyser = new AnalyserNode(context, { fftSize: 256 });
        context.createMediaStreamSource(stream).connect(analyser);
        watched.set(stream, analyser);
      }
      analyser.getFloatTimeDomainData(samples);
      if (Math.hypot(...samples) / 16 > 0.01) return true;
    }
    return false;
  };
  window.palcoFirstSound = (async () => {
    const deadline = performance.now() + 10_000;
    while (!anySound()) {
      if (performance.now() > deadline) throw new Error('no sound');
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const at = performance.timeOrigin + performance.now();
    void context.close();
    return at;
  })();
  window.palcoFirstSound.catch(() => undefined);
}
