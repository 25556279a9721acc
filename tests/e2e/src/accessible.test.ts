// For everybody: axe-core finds nothing serious, light and dark, at a phone's width and a desktop's; the
// whole way from signing in to leaving is made without a pointer, and what matters is said to a screen
// reader; from right to left nothing runs out of the page; nothing moves for those who want it so.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import type { AxeResults, RunOptions } from 'axe-core';
import type { CDPSession, Locator, Page } from 'playwright-core';
import type { Kind } from './browsers.js';
import { Cast } from './cast.js';
import { PASSWORD, type Person } from './person.js';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** A title as in Arabic, with a word that does not break. */
const RIGHT_TO_LEFT = 'حديث طويل عن المسرح والصوت والأفسيسقيناكموهاالمستنكهلاستنتاجاتهم اليوم';

for (const kind of ['chromium', 'firefox'] satisfies Kind[]) {
  describe(`accessible in ${kind}`, { timeout: 300_000 }, () => {
    let cast: Cast;
    let host: Person;
    let guest: Person;
    let link: string;

    before(async () => {
      cast = await Cast.in(kind);
      host = await cast.guest('Hanna', 440);
      guest = await cast.guest('Gustav', 880);
    });
    after(() => cast?.end());

    test('hallway, settings, and where there is nothing', async () => {
      await host.page.goto(cast.url);
      await host.by('title-input').waitFor();
      await passes(host, 'hallway');
      await host.by('open-settings').click();
      await passes(host, 'settings');
      await host.closeDialog();
      await host.page.goto(`${cast.url}/nowhere/at/all`);
      await host.by('over-notfound').waitFor();
      await passes(host, 'not found');
    });

    test('a host’s room, its panels and sheets', async () => {
      link = await host.startRoom(cast.url, 'Everybody is welcome');
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

    test('a member comes to speak and to moderate without a pointer', async () => {
      const { page } = guest;
      await guest.signUp(cast.url, 'gustav');
      await guest.signOut();
      await page.goto(cast.url);
      // The first stop leads past the head of the page.
      await page.keyboard.press('Tab');
      assert.equal(await page.evaluate(() => document.activeElement?.className), 'skip');
      await tabTo(page, 'open-sign-in');
      await page.keyboard.press('Enter');
      await guest.by('login-input').waitFor();
      await onHeading(page);
      await tabTo(page, 'login-input');
      await page.keyboard.type('gustav');
      await tabTo(page, 'password-input');
      await page.keyboard.type('wrong, by a slip');
      await page.keyboard.press('Enter');
      await announced(page, 'The handle or the password is wrong.');
      // Where the slip was, to be typed again.
      await hasFocus(page, 'password-input');
      await page.keyboard.press('ControlOrMeta+A');
      await page.keyboard.type(PASSWORD);
      await page.keyboard.press('Enter');
      await guest.signedIn();
      await onHeading(page);
      await tabTo(page, 'room-card');
      await page.keyboard.press('Enter');
      await guest.by('join-room').waitFor();
      await passes(guest, 'door');
      await tabTo(page, 'join-room');
      await page.keyboard.press('Enter');
      await guest.by('raise-hand').waitFor();
      await passes(guest, 'audience');
      await hasFocus(page, 'room-title');

      await tabTo(page, 'raise-hand');
      await page.keyboard.press('Enter');
      await guest.by('lower-hand').waitFor();
      await hasFocus(page, 'lower-hand');
      await announced(page, 'Your hand is up. You are next.');
      await announced(host.page, 'Gustav raised a hand');
      await passes(guest, 'hand up');
      await host.seesHandOf('Gustav');
      await passes(host, 'hands');
      await tabTo(host.page, /^invite-/);
      await host.page.keyboard.press('Enter');
      await guest.by('invitation').waitFor();
      await passes(guest, 'invitation');
      // It wants an answer: not even browsers, which close what Escape is pressed for twice, put it away.
      for (let presses = 0; presses < 3; presses++) await page.keyboard.press('Escape');
      await page.locator('[data-testid="invitation"]:modal').waitFor();
      assert.ok(await page.evaluate(() => document.activeElement?.closest('dialog') !== null));
      await tabTo(page, 'accept-invite');
      await page.keyboard.press('Enter');
      await guest.by('confirm-mic').waitFor();
      await announced(page, 'We can hear you.');
      await passes(guest, 'microphone check');
      await tabTo(page, 'confirm-mic');
      await page.keyboard.press('Enter');
      await guest.onStage('Gustav', true).waitFor();
      await announced(page, 'You are on stage, muted.');
      await announced(host.page, 'Gustav came on stage');
      // The dialog gave the focus back to what was the hand and is the microphone now.
      await hasFocus(page, 'mute-toggle');
      await page.keyboard.press(' ');
      await guest.onStage('Gustav', false).waitFor();
      await hasFocus(page, 'mute-toggle');
      await host.hears(880);
      await passes(guest, 'speaker');
    });

    test('moderates from the sheet of a person, and is back where the sheet was opened', async () => {
      const { page } = guest;
      await host.act('Gustav', 'make-moderator');
      await announced(page, 'You are a moderator now.');
      const speaker = await cast.guest('Sven', 660);
      await speaker.join(link);
      await speaker.takeStageBy(host);
      const tile = guest.onStage('Sven');
      await tile.waitFor();
      await tabOnto(page, tile);
      await page.keyboard.press('Enter');
      await guest.by('person-sheet').waitFor();
      await tabTo(page, 'mute-speaker');
      await page.keyboard.press('Enter');
      await guest.by('person-sheet').waitFor({ state: 'detached' });
      assert.ok(await tile.evaluate((element) => element === document.activeElement));
      await announced(speaker.page, 'A moderator muted you.');
      // What cannot be undone asks first: the question is read, and the answer is the next stop.
      await page.keyboard.press('Enter');
      await tabTo(page, 'remove');
      await page.keyboard.press('Enter');
      await announced(page, 'Remove Sven from the room?');
      await tabTo(page, 'confirm-action');
      await page.keyboard.press('Enter');
      await speaker.by('room-ended').waitFor();
      await tile.waitFor({ state: 'detached' });
      await announced(page, 'Sven left the stage');
      await cast.leaves(speaker);
    });

    test('writes, reacts, and gets the focus back from every sheet', async () => {
      const { page } = guest;
      await tabTo(page, 'chat-input');
      await page.keyboard.type('Written without a mouse');
      await page.keyboard.press('Enter');
      await host.by('tab-chat').click();
      await host.chatLine('Written without a mouse').waitFor();
      await hasFocus(page, 'chat-input');
      for (const [opener, sheet] of [
        ['open-settings', 'settings'],
        ['open-share', 'share'],
        ['open-options', 'options'],
      ] as const) {
        await tabTo(page, opener);
        await page.keyboard.press('Enter');
        await guest.by(sheet).waitFor();
        assert.ok(await page.evaluate(() => document.activeElement?.closest('dialog') !== null));
        await guest.closeDialog();
        assert.equal(await focused(page), opener);
      }
      await tabTo(page, 'open-reactions');
      await page.keyboard.press('Enter');
      await tabTo(page, 'react-clap');
      await page.keyboard.press('Enter');
      await host.page.locator('[data-reaction="clap"]').waitFor({ state: 'attached' });
      await hasFocus(page, 'open-reactions');
    });

    test('on a phone the chat is a sheet: what is said over it is read too', async () => {
      const { page } = guest;
      const size = page.viewportSize()!;
      await page.setViewportSize({ width: 360, height: 800 });
      await tabTo(page, 'open-chat');
      await page.keyboard.press('Enter');
      await page.locator('dialog').waitFor();
      await hasFocus(page, 'chat-input');
      await host.act('Gustav', 'mute-speaker');
      await announced(page, 'A moderator muted you.');
      await guest.closeDialog();
      await hasFocus(page, 'open-chat');
      await page.keyboard.press('Enter');
      await hasFocus(page, 'chat-input');
      await passes(guest, 'chat in a sheet');
      // Where there was room it stood beside the rest; it lies over it again.
      await page.locator('dialog').waitFor();
      await guest.closeDialog();
      await host.act('Gustav', 'allow-unmute');
      await page.setViewportSize(size);
    });

    test('from right to left the layout is mirrored, and nothing runs out of the page', async () => {
      const { page } = guest;
      const size = page.viewportSize()!;
      await host.by('open-options').click();
      const title = host.by('options').locator('input').filter({ visible: true }).nth(1);
      await title.fill(RIGHT_TO_LEFT);
      await title.press('Enter');
      await page.getByRole('heading', { level: 1, name: RIGHT_TO_LEFT }).waitFor();
      await host.closeDialog();
      await host.chat(`${RIGHT_TO_LEFT} ${'https://example.org/'.repeat(6)}`);
      const middles = async (): Promise<number[]> => {
        const boxes = ['open-share', 'mute-toggle', 'leave-room'].map((id) => guest.by(id).boundingBox());
        return (await Promise.all(boxes)).map((box) => box!.x + box!.width / 2);
      };
      for (const width of [360, 800, 1280]) {
        await page.setViewportSize({ width, height: 800 });
        const there = await middles();
        await page.evaluate(() => (document.documentElement.dir = 'rtl'));
        const mirrored = await middles();
        there.forEach((x, at) =>
          assert.ok(Math.abs(width - x - mirrored[at]!) < 24, `${width} px: ${x} became ${mirrored[at]}`),
        );
        assert.deepEqual(await overflowing(page), [], `${width} px`);
        await guest.picture(`${kind}-accessible-rtl-${width}`);
        if (width < 640) {
          await guest.by('open-chat').click();
          assert.deepEqual(await overflowing(page), [], 'chat');
          await guest.picture(`${kind}-accessible-rtl-chat`);
          await guest.closeDialog();
          await guest.onStage('Hanna').click();
          assert.deepEqual(await overflowing(page), [], 'person');
          await guest.picture(`${kind}-accessible-rtl-person`);
          await guest.closeDialog();
        }
        await page.evaluate(() => (document.documentElement.dir = 'ltr'));
      }
      await page.setViewportSize(size);
    });

    // No tool says this wish to Firefox in mid-page.
    const motion = kind === 'chromium' ? test : undefined;
    motion?.('nothing moves for those who want no motion', async () => {
      const { page } = guest;
      const moving = () =>
        page.evaluate(() =>
          document
            .getAnimations()
            .filter(({ playState, effect }) => {
              const { duration } = effect?.getTiming() ?? {};
              return playState === 'running' && typeof duration === 'number' && duration > 1;
            })
            .map((animation) => (animation as CSSAnimation).animationName ?? 'a transition'),
        );
      const act = async (): Promise<string[]> => {
        await host.by('open-reactions').click();
        await host.by('react-heart').click();
        await page.locator('[data-reaction="heart"]').first().waitFor({ state: 'attached' });
        await guest.by('open-share').click();
        const seen = await moving();
        await guest.closeDialog();
        await page.locator('[data-reaction="heart"]').first().waitFor({ state: 'detached' });
        return seen;
      };
      assert.ok((await act()).length > 0);
      await page.emulateMedia({ reducedMotion: 'reduce' });
      assert.deepEqual(await act(), []);
      await page.emulateMedia({ reducedMotion: null });
    });

    test('leaves, and is told where that led', async () => {
      const { page } = guest;
      await tabTo(page, 'leave-room');
      await page.keyboard.press('Enter');
      await guest.by('room-card').waitFor();
      await onHeading(page);
      await tabTo(page, 'room-card');
      await page.keyboard.press('Enter');
      await guest.by('join-room').waitFor();
      await tabTo(page, 'join-room');
      await page.keyboard.press('Enter');
      await guest.by('room-title').waitFor();
      await tabTo(host.page, 'end-room');
      await host.page.keyboard.press('Enter');
      await tabTo(host.page, 'confirm-end');
      await host.page.keyboard.press('Enter');
      await guest.by('room-ended').waitFor();
      await onHeading(page);
      await announced(page, 'The room has ended');
      await passes(guest, 'ended');
      cast.noPageFailed();
    });
  });
}

function kindOf(page: Page): string {
  return page.context().browser()!.browserType().name();
}

/** The page's own heading has the focus: a screen reader begins there. */
async function onHeading(page: Page): Promise<void> {
  await page.waitForFunction(() => document.activeElement?.matches('main h1'));
}

/** The focus is there, or comes there at the next frame. */
async function hasFocus(page: Page, testId: string): Promise<void> {
  const there = page.waitForFunction(
    (id) => document.activeElement?.getAttribute('data-testid') === id,
    testId,
    { timeout: 2_000 },
  );
  await there.catch(async () => assert.equal(await focused(page), testId));
}

function focused(page: Page): Promise<string | null> {
  return page.evaluate(() => document.activeElement?.getAttribute('data-testid') ?? null);
}

/** A page has fewer stops than this. */
const STOPS_MAX = 80;

/** By the Tab key alone, as somebody would. */
async function tabTo(page: Page, testId: string | RegExp): Promise<void> {
  await tabOnto(page, page.getByTestId(testId));
}

async function tabOnto(page: Page, wanted: Locator): Promise<void> {
  await wanted.first().waitFor({ state: 'attached' });
  let key = 'Tab';
  if (kindOf(page) === 'firefox') {
    // As with people, keys go to the window in front; and after the last stop come the browser's own, from which
    // no tool leads back.
    await page.bringToFront();
    if (await wanted.evaluateAll(allBefore)) key = 'Shift+Tab';
  }
  const there = (): Promise<boolean> =>
    wanted.evaluateAll((elements) => elements.some((element) => element === document.activeElement));
  for (let stop = 0; stop < STOPS_MAX; stop++) {
    if (await there()) return;
    await page.keyboard.press(key);
  }
  assert.fail(`${String(wanted)} is not reached by ${key}`);
}

/** Inside the page: they come before what has the focus. */
function allBefore(elements: Element[]): boolean {
  const here = document.activeElement ?? document.body;
  return elements.every(
    (element) =>
      here.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_PRECEDING && !element.contains(here),
  );
}

interface Axe {
  run(options: RunOptions): Promise<AxeResults>;
}

interface TreeNode {
  role?: { value?: unknown };
  name?: { value?: unknown };
  ignored: boolean;
  nodeId: string;
  childIds?: string[];
}

/** The text is in a live region that screen readers are given: not hidden, not under a dialog. */
async function announced(page: Page, text: string): Promise<void> {
  const devtools = kindOf(page) === 'chromium' ? await page.context().newCDPSession(page) : undefined;
  const until = Date.now() + 10_000;
  let said: string[] = [];
  while (!said.some((one) => one.includes(text))) {
    if (Date.now() > until) assert.fail(`"${text}" is not said; live regions: ${JSON.stringify(said)}`);
    said = await (devtools ? regionsOfTree(devtools) : page.evaluate(regionsOfPage));
  }
  await devtools?.detach();
}

/** As the tree says that Chromium gives to screen readers. */
async function regionsOfTree(devtools: CDPSession): Promise<string[]> {
  const { nodes } = (await devtools.send('Accessibility.getFullAXTree')) as { nodes: TreeNode[] };
  const byId = new Map(nodes.map((node) => [node.nodeId, node]));
  const words = (node: TreeNode): string =>
    node.role?.value === 'StaticText'
      ? String(node.name?.value)
      : (node.childIds ?? []).map((id) => (byId.has(id) ? words(byId.get(id)!) : '')).join(' ');
  return nodes
    .filter(({ role, ignored }) => !ignored && (role?.value === 'status' || role?.value === 'alert'))
    .map(words);
}

/** Inside the page: Firefox gives its tree to no tool, so that the rules for it are applied here. */
function regionsOfPage(): string[] {
  const dialog = [...document.querySelectorAll<HTMLElement>('dialog:modal')].at(-1);
  return [...(dialog ?? document).querySelectorAll<HTMLElement>('[role="status"], [role="alert"]')]
    .filter((region) => region.checkVisibility({ visibilityProperty: true }))
    .filter((region) => !region.closest('[aria-hidden="true"], [inert]'))
    .map((region) => region.textContent);
}

/** What sticks out of the page at its sides. */
function overflowing(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const out = [...document.querySelectorAll<HTMLElement>('body *')].filter((element) => {
      const { left, right, width: own } = element.getBoundingClientRect();
      const unseen = element.closest('.floating, .visually-hidden, .connection-connected, .skip, .label');
      return own > 0 && !unseen && (left < -1 || right > width + 1);
    });
    const scrolls = document.documentElement.scrollWidth > width ? ['the page scrolls sideways'] : [];
    return [...scrolls, ...out.map(({ outerHTML }) => outerHTML.slice(0, 200))];
  });
}

/** Light and dark, a phone's width and a desktop's; in the dark only the colours are others. */
const LOOKS = [
  { width: 360, colorScheme: 'light' },
  { width: 1280, colorScheme: 'light' },
  { width: 360, colorScheme: 'dark', rules: ['color-contrast'] },
  { width: 1280, colorScheme: 'dark', rules: ['color-contrast'] },
] satisfies Look[];

interface Look {
  width: number;
  colorScheme: 'light' | 'dark';
  /** Those that axe shall look at; absent: all. */
  rules?: string[];
}

/** What axe looks at is the same in Firefox, where no tool changes the scheme: one look there. */
async function passes({ page }: Person, what: string): Promise<void> {
  const size = page.viewportSize()!;
  const looks: Look[] = kindOf(page) === 'chromium' ? LOOKS : LOOKS.slice(0, 1);
  for (const { width, colorScheme, rules } of looks) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 800 });
    // The colours of a control in transition are nobody's; what another width brings is drawn first.
    await page.evaluate(async () => {
      for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
      document
        .getAnimations()
        .filter((animation) => animation.effect?.getTiming().iterations !== Infinity)
        .forEach((animation) => animation.finish());
    });
    assert.deepEqual(await violations(page, rules), [], `${what}, ${colorScheme}, ${width} px`);
  }
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize(size);
}

async function violations(page: Page, rules?: string[]): Promise<string[]> {
  await page.evaluate(`window.axe ? undefined : ${axe}`);
  const results = await page.evaluate(
    (runOnly) => (window as unknown as { axe: Axe }).axe.run(runOnly ? { runOnly } : {}),
    rules,
  );
  return results.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary}`),
    );
}
