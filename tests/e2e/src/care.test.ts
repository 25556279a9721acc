// What can fail, and what the page says then; what the device is told of a room that is on.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { launchWithTabs, type Kind } from './browsers.js';
import { Cast } from './cast.js';
import { dropUdp, passUdp } from './firewall.js';
import { Person } from './person.js';

declare global {
  interface Window {
    /** What getUserMedia rejects with; undefined: it works. */
    palcoMicrophoneFails?: string | undefined;
    /** The Media Session's handlers that the page has set. */
    palcoActions: Map<string, (() => void) | null>;
    palcoWakeLocks: { taken: number; released: number };
  }
}

for (const kind of ['chromium', 'firefox'] satisfies Kind[]) {
  describe(`care in ${kind}`, { timeout: 240_000 }, () => {
    let cast: Cast;
    let host: Person;
    let link: string;
    const people: Person[] = [];

    before(async () => {
      cast = await Cast.in(kind, '--max-people', '2', '--no-tcp');
      host = await cast.guest('Hanna', 440);
      link = await host.startRoom(cast.url, 'With care');
      await host.unmute();
    });
    afterEach(async () => {
      try {
        cast.noPageFailed();
      } finally {
        await Promise.all(people.splice(0).map(goes));
      }
    });
    after(() => cast?.end());

    /** By the door, so that the place is free at once. */
    const goes = async (person: Person): Promise<void> => {
      if (await person.by('leave-room').isVisible()) {
        await person.by('leave-room').click();
        await person.by('title-input').waitFor();
      }
      await cast.leaves(person);
    };
    const arrives = async (name: string, hz: number): Promise<Person> => {
      const person = await cast.guest(name, hz);
      people.push(person);
      return person;
    };

    test('a microphone that is refused, missing or failing: told apart, tried again, and then it is checked', async () => {
      const guest = await arrives('Gustav', 880);
      await guest.page.addInitScript(failsAsTold);
      await guest.join(link);
      await guest.raiseHand();
      await host.invite('Gustav');
      const fails = (name: string | undefined) =>
        guest.page.evaluate((failure) => void (window.palcoMicrophoneFails = failure), name);
      const check = guest.by('mic-check');
      await fails('NotAllowedError');
      await guest.by('accept-invite').click();
      for (const [name, says, helps] of [
        ['NotAllowedError', 'The microphone is blocked.', 'Allow it for this page'],
        ['NotFoundError', 'There is no microphone.', 'Plug one in'],
        ['NotReadableError', 'The microphone does not start.', 'Close other programmes'],
      ] as const) {
        await fails(name);
        await guest.by('retry-mic').click();
        await check.getByRole('alert').filter({ hasText: says }).waitFor();
        await check.getByText(helps).waitFor();
      }
      await guest.picture(`${kind}-care-1-microphone`);
      await fails(undefined);
      await guest.by('retry-mic').click();
      // The level of the very microphone that will be heard.
      await guest.page.locator('[data-testid="mic-heard"][data-heard="true"]').waitFor();
      await guest.picture(`${kind}-care-2-level`);
      await guest.by('confirm-mic').click();
      await guest.onStage('Gustav', true).waitFor();
      await guest.unmute();
      await host.hears(880);
      // The one of the check: nobody is asked twice.
      assert.equal(await guest.timesAskedForMicrophone(), 1);
    });

    test('a microphone that goes away while speaking, and no other there: muted, told, and heard again with the next', async () => {
      const guest = await arrives('Gustav', 880);
      await guest.page.addInitScript(failsAsTold);
      await guest.join(link);
      await guest.takeStageBy(host);
      await guest.unmute();
      await host.hears(880);
      // As when it is pulled out: the track is over, and says so. (A page cannot make a browser say it.)
      await guest.page.evaluate(() => {
        window.palcoMicrophoneFails = 'NotFoundError';
        const { track } = window.palco.microphone;
        track!.stop();
        track!.dispatchEvent(new Event('ended'));
      });
      const told = (text: string) => guest.page.locator('.notice-bad').filter({ hasText: text }).waitFor();
      await told('Plug one in, then unmute.');
      await guest.picture(`${kind}-care-7-microphone-gone`);
      await host.onStage('Gustav', true).waitFor();
      await guest.by('mute-toggle').click();
      await told('There is no microphone. Plug one in');
      await guest.page.evaluate(() => void (window.palcoMicrophoneFails = 'NotReadableError'));
      await guest.by('mute-toggle').click();
      await told('Close other programmes');
      await guest.onStage('Gustav', true).waitFor();
      await guest.page.evaluate(() => void (window.palcoMicrophoneFails = undefined));
      await guest.unmute();
      await host.hears(880);
    });

    test('who declines after the check has no open microphone', async () => {
      const guest = await arrives('Gustav', 880);
      await guest.join(link);
      await guest.raiseHand();
      await host.invite('Gustav');
      await guest.by('accept-invite').click();
      await guest.page.locator('[data-testid="mic-heard"][data-heard="true"]').waitFor();
      await guest.closeDialog();
      await guest.by('raise-hand').waitFor();
      await guest.page.waitForFunction(() => window.palco.microphone.track === undefined);
    });

    test('a full room says so at the door', async () => {
      await (await arrives('Second', 880)).join(link);
      const third = await arrives('Third', 660);
      await third.open(link);
      await third.by('join-room').click();
      await third.refused('room_full');
      await third.page.getByText('Try again when somebody has left').waitFor();
      await third.picture(`${kind}-care-3-full`);
    });

    test('a browser without real-time audio is told to be updated', async () => {
      const guest = await arrives('Old', 880);
      await guest.page.addInitScript(() => Reflect.deleteProperty(window, 'RTCPeerConnection'));
      await guest.open(link);
      await guest.by('join-room').click();
      await guest.refused('browser_too_old');
      await guest.page.goto(cast.url);
      await guest.by('name-input').fill('Old');
      await guest.by('title-input').fill('Nobody hears it');
      await guest.by('start-room').click();
      await guest.page.locator('.notice').filter({ hasText: 'Update it, or use another' }).waitFor();
    });

    test('files of the page that got lost on the way: it is loaded again, until they are there', async () => {
      const { page } = await arrives('Under way', 880);
      const loads = countLoads(page);
      await page.route('**/assets/index-*.js', (route) => route.abort(), { times: 2 });
      await page.route('**/assets/index-*.css', (route) => route.abort(), { times: 3 });
      await page.goto(cast.url);
      // With its styles, and nothing kept of the attempts.
      await page.waitForFunction(() => {
        const skip = document.querySelector('.skip');
        return skip && getComputedStyle(skip).position === 'absolute' && history.state === null;
      });
      assert.equal(loads(), 1 + 3);
    });

    test('what a browser’s extension puts into the page, and the page refuses, loads nothing again', async () => {
      const { page, pageErrors } = await arrives('Extended', 880);
      const loads = countLoads(page);
      const refused = page.waitForEvent('console', (line) => line.text() === 'refused');
      await page.addInitScript(() => {
        new MutationObserver((_, observer) => {
          if (!document.head) return;
          observer.disconnect();
          const foreign = document.createElement('script');
          foreign.src = 'http://elsewhere.invalid/extension.js';
          foreign.onerror = () => console.log('refused');
          document.head.append(foreign);
        }).observe(document, { childList: true, subtree: true });
      });
      await page.goto(cast.url);
      await refused;
      await page.getByTestId('title-input').waitFor();
      // Its first try would come within 0.4 s.
      await setTimeout(1_000);
      assert.equal(loads(), 1);
      // Firefox tells of it as of an error.
      assert.ok(pageErrors.splice(0).every((message) => message.includes('elsewhere.invalid')));
    });

    test('a browser in which the app does not start says so by itself', async () => {
      const { page } = await arrives('Older', 880);
      const loads = countLoads(page);
      await page.route('**/assets/*.js', (route) => route.abort());
      await page.goto(cast.url);
      await page.waitForFunction(
        () => getComputedStyle(document.querySelector('.not-started')!).opacity === '1',
        undefined,
        { timeout: 60_000 },
      );
      assert.equal(loads(), 1 + 4);
    });

    test('neither UDP nor TCP: the page says what stands in the way; the way open, it is heard by itself', async () => {
      dropUdp();
      let blocked = true;
      try {
        const guest = await arrives('Walled', 880);
        await guest.join(link);
        await guest.connectionIs('slow');
        await guest.page.getByText('try another network').waitFor();
        assert.equal(await guest.by('signal').getAttribute('data-grade'), 'none');
        await guest.picture(`${kind}-care-4-no-way`);
        passUdp();
        blocked = false;
        await guest.hearsWithin(60_000, 440);
        await guest.connectionIs('connected');
        assert.equal(await guest.by('signal').getAttribute('data-grade'), 'good');
      } finally {
        if (blocked) passUdp();
      }
    });

    test('the device knows of the room: media controls while in it, no sleep while on stage', async () => {
      const guest = await arrives('Gustav', 880);
      await guest.page.addInitScript(() => {
        // Before there is a page.
        if (!isSecureContext) return;
        window.palcoActions = new Map();
        const set = navigator.mediaSession.setActionHandler.bind(navigator.mediaSession);
        navigator.mediaSession.setActionHandler = (action, handler) => {
          // Throws for an action that this browser does not have.
          set(action, handler);
          window.palcoActions.set(action, handler as (() => void) | null);
        };
        const counts = (window.palcoWakeLocks = { taken: 0, released: 0 });
        const request = navigator.wakeLock.request.bind(navigator.wakeLock);
        navigator.wakeLock.request = async (kind) => {
          const lock = await request(kind);
          counts.taken += 1;
          lock.addEventListener('release', () => (counts.released += 1));
          return lock;
        };
      });
      await guest.join(link);
      // Firefox has everybody in one window: only the tab in front keeps a screen awake.
      await guest.page.bringToFront();
      await guest.hears(440);
      const session = () =>
        guest.page.evaluate(() => [
          navigator.mediaSession.metadata?.title,
          navigator.mediaSession.playbackState,
        ]);
      const locks = () => guest.page.evaluate(() => window.palcoWakeLocks);
      assert.deepEqual(await session(), ['With care', 'playing']);
      assert.deepEqual(await locks(), { taken: 0, released: 0 });
      await guest.takeStageBy(host);
      await guest.page.waitForFunction(() => window.palcoWakeLocks.taken === 1);
      // Firefox knows a session's playing and stopping, not its microphone.
      if (kind === 'chromium')
        await guest.page.evaluate(() => window.palcoActions.get('togglemicrophone')!());
      else await guest.unmute();
      await guest.onStage('Gustav', false).waitFor();
      await host.hears(880);
      assert.deepEqual(await locks(), { taken: 1, released: 0 });
      await guest.by('step-down').click();
      await guest.by('raise-hand').waitFor();
      await guest.page.waitForFunction(() => window.palcoWakeLocks.released === 1);
      await guest.page.evaluate(() => window.palcoActions.get('stop')!());
      await guest.by('title-input').waitFor();
      assert.deepEqual(await session(), [undefined, 'none']);
    });

    test('in a background tab the sound goes on, and what happens in the room is followed', async () => {
      // As playwright starts it, Chromium hides no tab.
      const tabs = kind === 'chromium' ? await launchWithTabs() : undefined;
      try {
        const guest = tabs ? await Person.in(tabs.window, 'Tabea', 880) : await arrives('Tabea', 880);
        await guest.join(link);
        await guest.hears(440);
        const seen = () => guest.page.evaluate(() => document.visibilityState);
        await guest.page.bringToFront();
        assert.equal(await seen(), 'visible');
        // A tab of the same window, in front of it.
        await guest.page.evaluate(() => void window.open('about:blank'));
        await guest.page.waitForFunction(() => document.hidden, undefined, { polling: 100 });
        await guest.hears(440);
        await host.mute();
        await guest.hears();
        await guest.onStage('Hanna', true).waitFor({ state: 'attached' });
        await host.unmute();
        await guest.hears(440);
        assert.equal(await seen(), 'hidden');
        assert.deepEqual(guest.pageErrors, []);
        await guest.page.bringToFront();
        await guest.by('leave-room').click();
        await guest.by('title-input').waitFor();
      } finally {
        await tabs?.close();
      }
    });

    // Firefox is shown one loudspeaker here.
    const output = kind === 'chromium' ? test : undefined;
    output?.('the loudspeaker that was chosen plays, from the first sound on', async () => {
      const guest = await arrives('Gustav', 880);
      await guest.open(link);
      const output = await guest.page.evaluate(async () => {
        const all = await navigator.mediaDevices.enumerateDevices();
        const other = all.find(
          ({ kind, deviceId }) => kind === 'audiooutput' && !['', 'default'].includes(deviceId),
        );
        return other?.deviceId;
      });
      assert.ok(output, 'the browser has a second loudspeaker');
      await guest.by('open-settings').click();
      await guest.by('output-device').selectOption(output);
      await guest.closeDialog();
      await guest.page.reload();
      await guest.join(link);
      await guest.hears(440);
      const sinks = await guest.page.evaluate(() =>
        [...document.querySelectorAll('audio')].map(({ sinkId }) => sinkId),
      );
      assert.deepEqual(sinks, [output, output, output, output]);
    });

    test('who is removed is told, and may come back; who comes too late is told that it is over', async () => {
      const guest = await arrives('Roland', 880);
      await guest.join(link);
      await host.act('Roland', 'remove', true);
      await guest.by('room-ended').waitFor();
      await guest.page.getByText('A moderator asked you to leave.').waitFor();
      await guest.picture(`${kind}-care-5-removed`);
      await guest.by('join-again').click();
      await guest.by('raise-hand').waitFor();
      await guest.hears(440);
      await host.endRoom();
      await guest.by('room-ended').waitFor();
      await guest.page.getByText('The host closed it.').waitFor();
      await guest.page.goto(link);
      await guest.by('over-notfound').waitFor();
      await guest.page.getByText('or the room has ended').waitFor();
    });

    test('a server that is away: the page says so, asks on, and is let in when it is back', async () => {
      const guest = await arrives('Gustav', 880);
      await guest.page.route('**/api/**', (route) => route.abort());
      await guest.page.goto(link);
      await guest.by('over-unreachable').waitFor();
      await guest.picture(`${kind}-care-6-away`);
      await guest.page.unroute('**/api/**');
      await guest.by('over-notfound').waitFor();
    });
  });
}

/** How often the page itself was asked for, from now on. */
function countLoads(page: Page): () => number {
  let loads = 0;
  page.on('request', (request) => {
    if (request.isNavigationRequest()) loads++;
  });
  return () => loads;
}

/** Inside the page: getUserMedia rejects with what the test says, or works. */
function failsAsTold(): void {
  // Before there is a page.
  if (!isSecureContext) return;
  const works = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = (wanted) =>
    window.palcoMicrophoneFails === undefined
      ? works(wanted)
      : Promise.reject(new DOMException('', window.palcoMicrophoneFails));
}
