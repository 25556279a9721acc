// Networks as they are: one that lets no UDP through, one that stops doing so in mid-call, and one that
// changes under a call (ICE restart). The firewall is this namespace's own.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { launch, type Kind, type RunningBrowser } from './browsers.js';
import { dropUdp, passUdp } from './firewall.js';
import { Person } from './person.js';
import { concealment, received, transport } from './reception.js';
import { startServer, type Server } from './server.js';

for (const kind of ['chromium', 'firefox'] satisfies Kind[]) {
  describe(`networks as they are, ${kind} listening`, { timeout: 150_000 }, () => {
    let server: Server;
    const browsers: RunningBrowser[] = [];
    let host: Person;
    let listener: Person;
    let link: string;
    let dropping = false;

    const blocked = (drop: boolean): void => {
      if (drop !== dropping) (drop ? dropUdp : passUdp)();
      dropping = drop;
    };

    before(async () => {
      server = await startServer();
      browsers.push(await launch('chromium'));
      if (kind !== 'chromium') browsers.push(await launch(kind));
      host = await Person.at(browsers[0]!, 'Hanna', 440);
    });
    afterEach(() => blocked(false));
    after(async () => {
      for (const running of browsers) await running.close();
      await server?.stop();
    });

    const arrives = async (): Promise<void> => {
      listener = await Person.at(browsers.at(-1)!, 'Lena', 880);
      await listener.join(link);
    };

    test('no UDP from the start: spoken and heard by TCP', async (t) => {
      blocked(true);
      link = await host.startRoom(server.url, 'Behind seven walls');
      await host.unmute();
      await arrives();
      const during = await received(listener, () => listener.hears(440));
      assert.equal(await transport(host), 'tcp');
      assert.equal(await transport(listener), 'tcp');
      t.diagnostic(`by TCP: ${concealment(during)}`);
      await listener.leave();
    });

    test('new ICE credentials in mid-call do not interrupt', async (t) => {
      await arrives();
      await listener.hears(440);
      assert.equal(await transport(listener), 'udp');
      const before = await listener.frames();
      const during = await received(listener, async () => {
        await listener.page.evaluate(saysItFailed);
        await listener.page.waitForFunction(() => window.palcoFrames.received.includes('ice_restarted'));
        await listener.hears(440);
        await listener.hears(440);
      });
      const after = await listener.frames();
      assert.equal(after.sent.slice(before.sent.length).filter((type) => type === 'restart_ice').length, 1);
      assert.equal(after.sent.filter((type) => type === 'join').length, 1);
      t.diagnostic(`ICE restart: ${concealment(during)}`);
    });

    test('UDP stops in mid-call: the sound comes back by TCP, without a click', async (t) => {
      const from = Date.now();
      blocked(true);
      await listener.hears();
      await listener.hearsWithin(60_000, 440);
      t.diagnostic(`heard again ${Date.now() - from} ms after UDP stopped`);
      // The browser's statistics may name the former path for a moment.
      const until = Date.now() + 10_000;
      while ((await transport(listener)) !== 'tcp' && Date.now() < until);
      assert.equal(await transport(listener), 'tcp');
      await listener.connectionIs('connected');
      assert.deepEqual(listener.pageErrors, []);
    });
  });
}

/** Inside the page: its connection seems failed for a moment, as when a network changes under it. */
async function saysItFailed(): Promise<void> {
  const connection = window.palco.peerConnection!;
  const told = (): void => void connection.onconnectionstatechange?.(new Event('connectionstatechange'));
  Object.defineProperty(connection, 'connectionState', { value: 'failed', configurable: true });
  told();
  Reflect.deleteProperty(connection, 'connectionState');
  await new Promise((resolve) => setTimeout(resolve, 500));
  told();
}
