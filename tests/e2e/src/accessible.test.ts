// For everybody: axe-core finds nothing serious, light and dark, at a phone's width and a desktop's.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { launch, type RunningBrowser } from './browsers.js';
import { Person } from './person.js';
import { startServer, type Server } from './server.js';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

describe('accessible', { timeout: 240_000 }, () => {
  let server: Server;
  let running: RunningBrowser;
  let host: Person;
  let guest: Person;
  let link: string;

  before(async () => {
    server = await startServer();
    running = await launch('chromium');
    host = await Person.at(running, 'Hanna', 440);
    guest = await Person.at(running, 'Gustav', 880);
  });
  after(async () => {
    await running?.close();
    await server?.stop();
  });

  test('hallway, settings, and where there is nothing', async () => {
    await host.page.goto(server.url);
    await host.by('title-input').waitFor();
    await passes(host, 'hallway');
    await host.by('open-settings').click();
    await passes(host, 'settings');
    await host.closeDialog();
    await host.page.goto(`${server.url}/nowhere/at/all`);
    await host.by('over-notfound').waitFor();
    await passes(host, 'not found');
  });

  test('a host’s room, its panels and sheets', async () => {
    link = await host.startRoom(server.url, 'Everybody is welcome');
    await passes(host, 'room');
    await host.by('open-share').click();
    await passes(host, 'share');
    await host.closeDialog();
    await host.by('open-options').click();
    await passes(host, 'options');
    await host.closeDialog();
    await host.by('open-reactions').click();
    await passes(host, 'reactions');
    await host.by('open-reactions').click();
    await host.by('end-room').click();
    await passes(host, 'end');
    await host.closeDialog();
    await host.onStage('Hanna').click();
    await passes(host, 'person');
    await host.closeDialog();
  });

  test('the door, the audience and the end', async () => {
    await guest.open(link);
    await passes(guest, 'entry');
    await guest.join(link);
    await passes(guest, 'audience');
    await host.endRoom();
    await guest.by('room-ended').waitFor();
    await passes(guest, 'ended');
    for (const person of [host, guest]) assert.deepEqual(person.pageErrors, []);
  });
});

/** Light and dark; a phone's width and a desktop's. */
async function passes({ page }: Person, what: string): Promise<void> {
  const size = page.viewportSize()!;
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [360, 1280]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 800 });
      // The colours of a control in transition are nobody's.
      await page.evaluate(() =>
        document
          .getAnimations()
          .filter((animation) => animation.effect?.getTiming().iterations !== Infinity)
          .forEach((animation) => animation.finish()),
      );
      assert.deepEqual(await violations(page), [], `${what}, ${colorScheme}, ${width} px`);
    }
  }
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize(size);
}

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(`window.axe ? undefined : ${axe}`);
  const results = await page.evaluate(() =>
    (window as unknown as { axe: { run: () => Promise<AxeResults> } }).axe.run(),
  );
  return results.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary}`),
    );
}
