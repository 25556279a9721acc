// A server that is told to stop: who is there hears of it and of what it means, the room goes on, and when
// the server is back the pages are too, by themselves.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch, type Kind, type RunningBrowser } from './browsers.js';
import { Person } from './person.js';
import { startServer, type Server } from './server.js';

/** Longer than the test: a second signal ends it. */
const DRAIN_S = 600;

for (const kind of ['chromium', 'firefox'] satisfies Kind[]) {
  describe(`a server that restarts, seen in ${kind}`, { timeout: 150_000 }, () => {
    const browsers: RunningBrowser[] = [];
    let server: Server;
    let host: Person;
    let listener: Person;
    let reader: Person;
    let link: string;

    before(async () => {
      server = await startServer(`--drain-s=${DRAIN_S}`);
      browsers.push(await launch('chromium'));
      if (kind !== 'chromium') browsers.push(await launch(kind));
      host = await Person.at(browsers[0]!, 'Hanna', 440);
      listener = await Person.at(browsers.at(-1)!, 'Lena', 880);
      reader = await Person.at(browsers.at(-1)!, 'Rita', 1320);
      await reader.signUp(server.url, 'rita');
      link = await host.startRoom(server.url, 'Before the upgrade');
      await host.unmute();
      await listener.join(link);
      await listener.hears(440);
    });
    after(async () => {
      for (const running of browsers) await running.close();
      await server?.stop();
    });

    test('everybody is told what happens to them, and the room goes on', async () => {
      server.terminate();
      for (const person of [host, listener])
        await person.by('draining').filter({ hasText: 'This room can go on for 9 minutes' }).waitFor();
      await reader.by('draining').filter({ hasText: 'No new room opens' }).waitFor();
      await listener.hears(440);
      await listener.raiseHand();
      await host.seesHandOf('Lena');
      await listener.picture(`${kind}-draining-1-room`);
    });

    test('a room that would begin now is refused in words', async () => {
      await reader.page.goto(`${server.url}/new`);
      await reader.by('title-input').fill('Too late');
      await reader.by('start-room').click();
      await reader.page.getByText('The server is restarting. Try again in a moment.').waitFor();
    });

    test('who comes meanwhile is told too', async () => {
      const late = await Person.at(browsers.at(-1)!, 'Late', 660);
      await late.join(link);
      await late.by('draining').waitFor();
      await late.hears(440);
      await late.leave();
    });

    test('its end is told as such, and its return seen without a click', async () => {
      server.terminate();
      const over = (person: Person, reason: string) =>
        person.page.locator(`[data-testid="room-ended"][data-reason="${reason}"]`).waitFor();
      await over(listener, 'shutdown');
      await listener.picture(`${kind}-draining-2-over`);
      await server.startAgain();
      for (const person of [host, listener]) {
        await over(person, 'back');
        await person.by('draining').waitFor({ state: 'detached' });
      }
      await listener.picture(`${kind}-draining-3-back`);
      await reader.by('draining').waitFor({ state: 'detached' });
      // Who they are is known as before.
      await host.page.getByRole('link', { name: 'Back to the hallway' }).click();
      await host.by('title-input').fill('After the upgrade');
      await host.by('start-room').click();
      await host.onStage('Hanna').waitFor();
      for (const person of [host, listener, reader]) assert.deepEqual(person.pageErrors, []);
    });
  });
}
