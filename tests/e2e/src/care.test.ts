// What can fail, and what the page says then.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { launch, type RunningBrowser } from './browsers.js';
import { Person } from './person.js';
import { startServer, type Server } from './server.js';

describe('care', { timeout: 180_000 }, () => {
  let running: RunningBrowser;
  let server: Server;
  let host: Person;
  let link: string;
  const people: Person[] = [];

  before(async () => {
    running = await launch('chromium');
    server = await startServer();
    host = await arrives('Hanna', 440);
    link = await host.startRoom(server.url, 'With care');
  });
  afterEach(async () => {
    for (const person of people.splice(0)) {
      assert.deepEqual(person.pageErrors, []);
      if (person !== host) await person.leave();
    }
  });
  after(async () => {
    await running?.close();
    await server?.stop();
  });

  const arrives = async (name: string, hz: number): Promise<Person> => {
    const person = await Person.at(running, name, hz);
    people.push(person);
    return person;
  };

  test('a browser without real-time audio is told to be updated', async () => {
    const guest = await arrives('Old', 880);
    await guest.page.addInitScript(() => Reflect.deleteProperty(window, 'RTCPeerConnection'));
    await guest.open(link);
    await guest.by('join-room').click();
    await guest.refused('browser_too_old');
    await guest.page.goto(server.url);
    await guest.by('name-input').fill('Old');
    await guest.by('title-input').fill('Nobody hears it');
    await guest.by('start-room').click();
    await guest.page.getByText('Update it, or use another').waitFor();
  });

  test('a browser in which the app does not start says so by itself', async () => {
    const guest = await arrives('Older', 880);
    await guest.page.route('**/assets/*.js', (route) => route.abort());
    await guest.page.goto(server.url);
    const text = guest.page.locator('.not-started');
    while ((await text.evaluate((element) => getComputedStyle(element).opacity)) !== '1')
      await setTimeout(200);
  });
});
