// Somebody at a browser: what they do, in terms of the page's data-testid hooks.

import type { BrowserContext, Locator, Page } from 'playwright-core';
import type { RunningBrowser } from './browsers.js';
import { hears } from './ears.js';
import { watchFrames, type Frames } from './frames.js';
import { giveMicrophone } from './microphone.js';
import { resultFile } from './paths.js';

/** An action that the page does not allow within this time fails the test. */
const ACTION_DEADLINE_MS = 15_000;

/**
 * While it takes a picture in Firefox, playwright adds the style `body {}`, which the page's policy
 * refuses; this is that style's digest in the report.
 */
const PICTURE_STYLE = 'sha256-YjaKGiklmzC6wjXA513HAMmzus8VE61XCOT+SmwNZWA=';

/**
 * What Firefox reports as errors that no script of the page could have caught: the last two are of a page that
 * was left while something of it was on its way.
 */
const NO_FAULTS = [
  PICTURE_STYLE,
  'can’t establish a connection to the server at ws:',
  'ICE failed, add a STUN server',
  'was interrupted while the page was loading',
  'A ServiceWorker intercepted the request and encountered an unexpected error',
];

/** Everybody's, in these tests. */
export const PASSWORD = 'correct horse battery';

export class Person {
  /** What the page's script did not catch. */
  readonly pageErrors: string[] = [];

  private constructor(
    readonly name: string,
    readonly page: Page,
    private readonly context: BrowserContext,
  ) {}

  /** A person with a device of their own: nothing is shared with others in the same browser. */
  static async at({ browser }: RunningBrowser, name: string, microphoneHz?: number): Promise<Person> {
    return Person.in(await browser.newContext({ locale: 'en-GB' }), name, microphoneHz);
  }

  /** A person whose device this is; without a pitch their microphones are the device's own. */
  static async in(context: BrowserContext, name: string, microphoneHz?: number): Promise<Person> {
    context.setDefaultTimeout(ACTION_DEADLINE_MS);
    if (microphoneHz !== undefined) await giveMicrophone(context, microphoneHz);
    await watchFrames(context);
    const page = await context.newPage();
    const person = new Person(name, page, context);
    page.on('pageerror', ({ message }) => {
      if (!NO_FAULTS.some((known) => message.includes(known))) person.pageErrors.push(message);
    });
    return person;
  }

  by(testId: string): Locator {
    return this.page.getByTestId(testId);
  }

  /** Starts a room and goes live in it; returns its link. */
  async startRoom(url: string, title: string): Promise<string> {
    await this.page.goto(url);
    await this.by('name-input').fill(this.name);
    await this.by('title-input').fill(title);
    await this.by('start-room').click();
    await this.onStage(this.name).waitFor();
    return this.page.url();
  }

  /** Makes an account in the page; from now on they have no name to give at doors. */
  async signUp(url: string, handle: string): Promise<void> {
    await this.page.goto(`${url}/signup`);
    await this.by('name-input').fill(this.name);
    await this.by('handle-input').fill(handle);
    await this.by('password-input').fill(PASSWORD);
    await this.by('sign-up').click();
    await this.signedIn();
  }

  async signIn(url: string, login: string, password = PASSWORD): Promise<void> {
    await this.page.goto(`${url}/signin`);
    await this.by('login-input').fill(login);
    await this.by('password-input').fill(password);
    await this.by('sign-in').click();
  }

  async signedIn(): Promise<void> {
    await this.by('account-menu').waitFor();
  }

  async signOut(): Promise<void> {
    await this.by('account-menu').click();
    await this.by('sign-out').click();
    await this.by('open-sign-in').waitFor();
  }

  async changePassword(url: string, from: string, to: string): Promise<void> {
    await this.page.goto(`${url}/settings`);
    await this.by('password-current').fill(from);
    await this.by('password-new').fill(to);
    await this.by('password-change').click();
    // A new form, empty: it was taken.
    await this.page.locator('[data-testid="password-new"]:invalid').waitFor();
  }

  /** On the profile: follows whom it is of. */
  async follow(url: string, handle: string): Promise<void> {
    await this.page.goto(`${url}/@${handle}`);
    await this.by('follow').click();
    await this.page.locator('[data-testid="follow"][data-following="true"]').waitFor();
  }

  /** With an account: a room from the page for it; returns its link. */
  async goLive(url: string, title: string): Promise<string> {
    await this.page.goto(`${url}/new`);
    await this.by('title-input').fill(title);
    await this.by('start-room').click();
    await this.onStage(this.name).waitFor();
    return this.page.url();
  }

  /** A notice of this kind comes up on whatever page they look at. */
  async isTold(kind: string): Promise<Locator> {
    const card = this.page.locator(`[data-testid="news"][data-kind="${kind}"]`);
    await card.waitFor();
    return card;
  }

  async open(link: string): Promise<void> {
    await this.page.goto(link);
    await this.by('name-input').fill(this.name);
    await this.by('join-room').waitFor();
  }

  async join(link: string): Promise<void> {
    await this.open(link);
    await this.by('join-room').click();
    await this.by('raise-hand').waitFor();
  }

  async raiseHand(): Promise<void> {
    await this.by('raise-hand').click();
    await this.by('lower-hand').waitFor();
  }

  /** A moderator looks at the queue of hands; resolves once this hand is in it. */
  async seesHandOf(name: string): Promise<Locator> {
    await this.by('tab-hands').click();
    const row = this.by('hand-row').filter({ hasText: name });
    await row.waitFor();
    return row;
  }

  async invite(name: string): Promise<void> {
    const row = await this.seesHandOf(name);
    await row.getByTestId(/^invite-/).click();
  }

  async acceptInvite(): Promise<void> {
    await this.by('accept-invite').click();
    await this.by('confirm-mic').click();
    await this.onStage(this.name).waitFor();
  }

  async unmute(): Promise<void> {
    await this.by('mute-toggle').click();
    await this.onStage(this.name, false).waitFor();
  }

  async mute(): Promise<void> {
    await this.by('mute-toggle').click();
    await this.onStage(this.name, true).waitFor();
  }

  /** Comes on stage by hand and invitation; `moderator` lets them. */
  async takeStageBy(moderator: Person): Promise<void> {
    await this.raiseHand();
    await moderator.invite(this.name);
    await this.acceptInvite();
  }

  /** Opens somebody's sheet, from the stage or the audience, and picks an action there. */
  async act(on: string, testId: string, confirm = false): Promise<void> {
    await this.page
      .locator('[data-testid="stage-member"], [data-testid="listener"]')
      .filter({ hasText: on })
      .click();
    await this.by('person-sheet').getByTestId(testId).click();
    if (confirm) await this.by('confirm-action').click();
    await this.by('person-sheet').waitFor({ state: 'detached' });
  }

  /** Speaks, or falls silent with an open microphone. */
  async voice(on: boolean): Promise<void> {
    await this.page.evaluate((gain) => (window.palcoVoice!.value = gain), on ? 0.4 : 0);
  }

  /** Their number on the stage: the CSRC of their packets. */
  async numberOf(name: string): Promise<number> {
    return Number(await this.onStage(name).getAttribute('data-number'));
  }

  /** What the connection banner says. */
  connectionIs(state: string): Promise<void> {
    return this.page
      .locator(`[data-testid="connection-state"][data-state="${state}"]`)
      .waitFor({ state: 'attached' });
  }

  async chat(text: string): Promise<void> {
    await this.by('chat-input').fill(text);
    await this.by('chat-send').click();
  }

  /** A line of chat as this page shows it. */
  chatLine(text: string): Locator {
    return this.by('chat-line').filter({ hasText: text });
  }

  /** What went over their WebSockets since this page was loaded. */
  frames(): Promise<Frames> {
    return this.page.evaluate(() => window.palcoFrames);
  }

  /** Locks the room, or unlocks it. */
  async lock(): Promise<void> {
    await this.by('open-options').click();
    const lock = this.by('lock-room');
    const before = await lock.isChecked();
    await lock.click();
    await this.page.locator(`[data-testid="lock-room"]${before ? ':not(:checked)' : ':checked'}`).waitFor();
    await this.closeDialog();
  }

  /** With the share sheet open: the link for everybody, for listeners, or for speakers. */
  async linkFor(kind: 'room' | 'listener' | 'speaker'): Promise<string> {
    await this.by(`share-${kind}`).click();
    await this.page.locator(`[data-testid="share-${kind}"][aria-pressed="true"]`).waitFor();
    return this.by('share-link').inputValue();
  }

  async closeDialog(): Promise<void> {
    await this.page.keyboard.press('Escape');
    await this.page.locator('dialog').waitFor({ state: 'detached' });
  }

  /** The door says why it stays shut. */
  refused(code: string): Promise<void> {
    return this.page.locator(`[data-testid="join-refused"][data-code="${code}"]`).waitFor();
  }

  async endRoom(): Promise<void> {
    await this.by('end-room').click();
    await this.by('confirm-end').click();
  }

  /** Somebody's place on the stage as this page shows it. */
  onStage(name: string, muted?: boolean): Locator {
    const state = muted === undefined ? '' : `[data-muted="${muted}"]`;
    return this.page.locator(`[data-testid="stage-member"]${state}`).filter({ hasText: name });
  }

  hears(...hz: number[]): Promise<void> {
    return hears(this.page, hz);
  }

  /** Where a browser needs long to find another way. */
  hearsWithin(ms: number, ...hz: number[]): Promise<void> {
    return hears(this.page, hz, ms);
  }

  async timesAskedForMicrophone(): Promise<number> {
    return this.page.evaluate(() => window.palcoMicrophoneAsked ?? 0);
  }

  /** A picture for people to look at. */
  async picture(name: string): Promise<void> {
    await this.page.screenshot({ path: await resultFile(`${name}.png`), animations: 'disabled' });
  }

  async leave(): Promise<void> {
    await this.context.close();
  }
}
