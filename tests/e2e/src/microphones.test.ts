// Microphones as computers have them: none, one that is plugged in, another one chosen while speaking, and one
// that is pulled out while speaking. The devices are PulseAudio's, the tracks the browser's own.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launchWithMicrophones, type Kind, type RunningBrowser } from './browsers.js';
import { Cast } from './cast.js';
import { Person } from './person.js';
import type { Sound } from './sound.js';

for (const kind of ['chromium', 'firefox'] satisfies Kind[]) {
  describe(`microphones in ${kind}`, { timeout: 120_000 }, () => {
    let cast: Cast;
    let computer: { running: RunningBrowser; sound: Sound };
    let host: Person;
    let speaker: Person;

    before(async () => {
      cast = await Cast.in('chromium');
      computer = await launchWithMicrophones(kind);
      host = await cast.guest('Hanna', 440);
      const link = await host.startRoom(cast.url, 'Can you hear me?');
      speaker = await Person.at(computer.running, 'Sven');
      await speaker.page.goto(cast.url);
      // A tone is what noise suppression is there to take away.
      await speaker.page.evaluate(() =>
        localStorage.setItem('palco.devices', JSON.stringify({ processing: false })),
      );
      await speaker.join(link);
      await speaker.raiseHand();
      await host.invite('Sven');
    });
    after(async () => {
      await computer?.running.close();
      await cast?.end();
    });

    test('with none the page says so; one plugged in, the next try finds it', async () => {
      // Firefox takes the null sink's monitor for a microphone: it is never without.
      if (kind === 'firefox') await computer.sound.plugIn('Headset', 880);
      await speaker.by('accept-invite').click();
      if (kind === 'chromium') {
        const check = speaker.by('mic-check');
        await check.getByRole('alert').filter({ hasText: 'There is no microphone.' }).waitFor();
        await check.getByText('Plug one in').waitFor();
        await computer.sound.plugIn('Headset', 880);
        await speaker.by('retry-mic').click();
      }
      await speaker.page.locator('[data-testid="mic-heard"][data-heard="true"]').waitFor();
      await speaker.by('confirm-mic').click();
      await speaker.onStage('Sven', true).waitFor();
      await speaker.unmute();
      await host.hears(880);
    });

    const chooses = async (label: string): Promise<void> => {
      await speaker.by('open-settings').click();
      await speaker.by('settings').getByTestId('microphone-device').selectOption({ label });
      await speaker.closeDialog();
    };

    test('another one is chosen while speaking, and heard at once, without a word to the server', async () => {
      await computer.sound.plugIn('Desk', 660);
      const before = await speaker.frames();
      await chooses('Desk');
      await host.hears(660);
      await chooses('Headset');
      await host.hears(880);
      await chooses('Desk');
      await host.hears(660);
      const after = await speaker.frames();
      // But for signs of life, and for the list of the audience, which is read again a while after it changed.
      const words = after.sent.slice(before.sent.length);
      assert.deepEqual(
        words.filter((type) => type !== 'ping' && type !== 'audience'),
        [],
      );
    });

    // Of a source that goes, PulseAudio tells Firefox; Chromium asks the kernel's devices, of which it is none.
    const pulled = kind === 'firefox' ? test : undefined;
    pulled?.('pulled out while speaking, it is replaced by the other, and its owner told', async () => {
      await computer.sound.pull('Desk');
      await speaker.page
        .locator('.notice')
        .filter({ hasText: 'You are heard by another one now.' })
        .waitFor();
      await host.hears(880);
      await speaker.onStage('Sven', false).waitFor();
    });

    test('no page failed', () => {
      cast.noPageFailed();
      assert.deepEqual(speaker.pageErrors, []);
    });
  });
}
