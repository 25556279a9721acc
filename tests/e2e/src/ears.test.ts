// The measuring itself, before anything rests on it: a page that plays known tones through a real
// pair of peer connections, and one that plays nothing.

import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { launch, type Kind, type RunningBrowser } from './browsers.js';
import { heard, hears } from './ears.js';
import { giveMicrophone } from './microphone.js';

for (const kind of ['chromium', 'firefox'] satisfies Kind[]) {
  describe(`ears in ${kind}`, { timeout: 60_000 }, () => {
    let site: Server;
    let running: RunningBrowser;
    let page: Page;

    before(async () => {
      site = createServer((_request, response) => {
        response.setHeader('content-type', 'text/html');
        response.end('<title>ears</title><audio data-slot="0"></audio><audio data-slot="1"></audio>');
      }).listen(0, '127.0.0.1');
      running = await launch(kind);
      const context = await running.browser.newContext();
      await giveMicrophone(context, 440);
      page = await context.newPage();
      await page.goto(`http://localhost:${(site.address() as AddressInfo).port}/`);
    });
    after(async () => {
      await running.close();
      site.close();
    });

    test('silence is silence', async () => {
      assert.deepEqual(await heard(page), []);
      await hears(page, []);
    });

    test('a microphone is heard at its pitch through Opus and SRTP', async () => {
      await page.evaluate(play, { slot: 0 });
      await hears(page, [440]);
    });

    test('another pitch is not taken for it', async () => {
      await assert.rejects(hears(page, [523], 1_000), /expected to hear \[523\] Hz/);
    });

    test('two slots are heard together', async () => {
      await page.evaluate(play, { slot: 1, hz: 880 });
      await hears(page, [440, 880]);
    });

    test('a muted element is not heard', async () => {
      await page.evaluate(() => {
        document.querySelector<HTMLAudioElement>('audio[data-slot="0"]')!.muted = true;
      });
      await hears(page, [880]);
    });
  });
}

/** Inside the page: sends a microphone (or a pitch) to itself and plays what arrives in a slot. */
async function play({ slot, hz }: { slot: number; hz?: number }): Promise<void> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  let track = stream.getAudioTracks()[0]!;
  if (hz !== undefined) {
    const context = new AudioContext({ sampleRate: 48_000 });
    const oscillator = new OscillatorNode(context, { frequency: hz });
    const out = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
    oscillator.connect(new GainNode(context, { gain: 0.4 })).connect(out);
    oscillator.start();
    track = out.stream.getAudioTracks()[0]!;
  }
  const from = new RTCPeerConnection();
  const to = new RTCPeerConnection();
  from.onicecandidate = ({ candidate }) => candidate && void to.addIceCandidate(candidate);
  to.onicecandidate = ({ candidate }) => candidate && void from.addIceCandidate(candidate);
  const element = document.querySelector<HTMLAudioElement>(`audio[data-slot="${slot}"]`)!;
  to.ontrack = ({ track: arrived }) => {
    element.srcObject = new MediaStream([arrived]);
    void element.play();
  };
  from.addTrack(track);
  await from.setLocalDescription();
  await to.setRemoteDescription(from.localDescription!);
  await to.setLocalDescription();
  await from.setRemoteDescription(to.localDescription!);
}
