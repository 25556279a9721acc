// The page's connection to the server is cut and mended, or the page is loaded again, while somebody
// speaks: sound goes on, nothing is lost, and nobody has to click.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Kind } from './browsers.js';
import { Cast } from './cast.js';
import type { Person } from './person.js';
import { startProxy, type Proxy } from './proxy.js';
import { concealment, received } from './reception.js';

for (const kind of ['chromium', 'firefox'] satisfies Kind[]) {
  describe(`a lost connection in ${kind}`, { timeout: 120_000 }, () => {
    let cast: Cast;
    let proxy: Proxy;
    let host: Person;
    let speaker: Person;
    let listener: Person;

    before(async () => {
      cast = await Cast.in(kind);
      proxy = await startProxy(cast.server.port);
      host = await cast.guest('Hanna', 440);
      speaker = await cast.guest('Sven', 880);
      listener = await cast.guest('Lena', 1320);
      const link = await host.startRoom(cast.url, 'Through the tunnel');
      await host.unmute();
      await listener.join(link.replace(cast.url, proxy.url));
      await speaker.join(link.replace(cast.url, proxy.url));
      await speaker.takeStageBy(host);
      await speaker.unmute();
      await listener.hears(440, 880);
    });
    after(async () => {
      await proxy?.stop();
      await cast?.end();
    });

    test('while signalling is away the banner says so, and everybody is heard', async (t) => {
      const during = await received(listener, async () => {
        proxy.cut();
        await listener.connectionIs('reconnecting');
        await speaker.connectionIs('reconnecting');
        await host.page.locator('[data-testid="stage-member"][data-present="false"]').waitFor();
        await listener.picture(`${kind}-reconnect-1-listener`);
        await speaker.picture(`${kind}-reconnect-2-speaker`);
        await listener.hears(440, 880);
        await host.hears(880);
        await speaker.hears(440);
        await listener.connectionIs('reconnecting');
      });
      t.diagnostic(`listener: ${concealment(during)}`);
    });

    test('what happened meanwhile is there once it heals, without a click', async () => {
      await host.by('tab-chat').click();
      await host.chat('Are you still with us?');
      await host.mute();
      await listener.hears(880);
      proxy.mend();
      for (const person of [listener, speaker]) {
        await person.connectionIs('connected');
        await person.chatLine('Are you still with us?').waitFor();
        await person.onStage('Hanna', true).waitFor();
      }
      await host.page
        .locator('[data-testid="stage-member"][data-present="false"]')
        .waitFor({ state: 'detached' });
      await host.onStage('Sven', false).waitFor();
      await listener.hears(880);
    });

    test('a reload on stage keeps the place there, muted', async () => {
      const number = await listener.numberOf('Sven');
      await speaker.page.reload();
      await speaker.onStage('Sven', true).waitFor();
      await listener.onStage('Sven', true).waitFor();
      await host.unmute();
      await speaker.hears(440);
      await listener.hears(440);
      await speaker.unmute();
      await listener.hears(440, 880);
      assert.equal(await listener.numberOf('Sven'), number);
      cast.noPageFailed();
    });
  });
}
