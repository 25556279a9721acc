// Pictures of every page, for people to look at: `make gallery` writes docs/gallery/, a sheet for each scene with
// three widths, light and dark, the three languages taking turns. GALLERY=<folder> writes every combination there
// instead, uncompressed, to be looked at one by one (SCENES="entry profile" for some).

import assert from 'node:assert/strict';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { launch } from '../browsers.js';
import { repository } from '../paths.js';
import { startServer } from '../server.js';
import { startProduct } from './product.js';
import { SCENES } from './scenes.js';
import { sheet, type Shot } from './sheet.js';
import { populate, type World } from './world.js';

/** All of it, in the repository for ever. */
const BUDGET_BYTES = 2_000_000;
const SIZES = [
  { name: 'desktop', width: 1280, height: 800 },
  { name: 'tablet', width: 820, height: 1060 },
  { name: 'phone', width: 390, height: 844 },
] as const;
/** As the app's own rule for the panel beside the room (theme.ts). */
const WIDE_PX = 960;
const LANGUAGES = ['en', 'fr', 'it'] as const;
const THEMES = ['light', 'dark'] as const;
/** Fonts, pictures and transitions come to rest. */
const REST_MS = 450;

test('every page, at three widths, light and dark', { timeout: 1_400_000 }, async () => {
  const all = process.env['GALLERY'];
  const folder = all ?? join(repository, 'docs/gallery');
  const chosen = process.env['SCENES']?.split(' ');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const product = await startProduct();
  const server = await startServer('--origin', product.url);
  const running = await launch('chromium');
  try {
    const world = await populate(running, server.url, product);
    const paper = await (await running.browser.newContext()).newPage();
    for (const [turn, { name, show, at, speak = speaks }] of SCENES.entries()) {
      // Every scene is gone through: one leads to the next.
      const page = await show(world);
      if (chosen && !chosen.includes(name)) continue;
      const shots: Shot[] = [];
      for (const [column, size] of SIZES.entries()) {
        await page.setViewportSize(size);
        await at?.(page, size.width >= WIDE_PX);
        for (const [row, theme] of THEMES.entries()) {
          await page.emulateMedia({ colorScheme: theme });
          const taken = all ? LANGUAGES : [LANGUAGES[(turn + column + row) % LANGUAGES.length]!];
          for (const language of taken) {
            await speak(world, page, language);
            await page.waitForTimeout(REST_MS);
            await page.evaluate(rest);
            const picture = await page.screenshot();
            shots.push({ picture, width: size.width, height: size.height, theme, language, size: size.name });
          }
        }
      }
      if (all) {
        for (const { picture, size, theme, language } of shots)
          await writeFile(join(folder, `${name}-${size}-${theme}-${language}.png`), picture);
      } else {
        await writeFile(join(folder, `${name}.webp`), await sheet(paper, shots));
      }
      await page.setViewportSize(SIZES[0]);
    }
  } finally {
    await running.close();
    await server.stop();
    product.close();
  }
  if (all) return;
  await writeFile(join(folder, 'README.md'), index());
  const sizes = await Promise.all((await readdir(folder)).map((file) => stat(join(folder, file))));
  const total = sizes.reduce((sum, { size }) => sum + size, 0);
  console.log(`${total} bytes`);
  assert.ok(total < BUDGET_BYTES, `the gallery has ${total} bytes`);
});

/** Inside the page: a change of theme glides, however slow the machine. */
async function rest(): Promise<void> {
  const glides = document.getAnimations().filter((one) => one instanceof CSSTransition);
  await Promise.allSettled(glides.map(({ finished }) => finished));
}

/** As if the language had been chosen in another tab. */
async function speaks(_: World, page: Page, language: string): Promise<void> {
  await page.evaluate((newValue) => {
    const key = 'palco.language';
    localStorage.setItem(key, newValue);
    dispatchEvent(new StorageEvent('storage', { key, newValue }));
  }, language);
  await page.locator(`html[lang="${language}"]`).waitFor();
}

function index(): string {
  const scenes = SCENES.map(({ name, says }) => `## ${says}\n\n![${says}](${name}.webp)\n`);
  return `# Gallery

Every page, made by \`make gallery\` from a running server with people in it. Each sheet has three widths (1280, 820 and
390 px), light above and dark below; English, French and Italian take turns. The faces are drawn by the script.

${scenes.join('\n')}`;
}
