// How quick the web client is, by Chromium's own tools, and its frames in Firefox: what `make bench` runs
// (benches/src/bin/bench/browser.rs), which has the server and brings the crowd. Says a figure in each line, as
// JSON; judges nothing.

import { execFileSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { BrowserContextOptions, CDPSession, Page } from 'playwright-core';
import { launch, type RunningBrowser } from './browsers.js';
import { framesOver, shiftsOf, timesOf, watchTimes } from './observers.js';
import { Person } from './person.js';

/** A telephone that is four times slower than this machine. */
const THROTTLE = 4;
const LOADS = 3;
/** How long frames are watched: of a page that does nothing, of a busy room, and while its audience is scrolled. */
const STILL_MS = 10_000;
const ROOM_MS = 30_000;
const SCROLL_MS = 10_000;
/** In Firefox, where only frames are seen. */
const FIREFOX_STILL_MS = 5_000;
const FIREFOX_ROOM_MS = 15_000;

const PHONE: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  isMobile: true,
  hasTouch: true,
  // The worst case of a first load: words that are a script of their own.
  locale: 'fr-FR',
};
const DESKTOP: BrowserContextOptions = { viewport: { width: 1280, height: 800 }, locale: 'fr-FR' };

const [url, watched, others] = process.argv.slice(2);
if (url === undefined || watched === undefined || others === undefined)
  throw new Error(
    'usage: quick.js <the server, as http://localhost:8080> <cores for the browser that is watched> <others, as 2,3>',
  );
const input = createInterface({ input: process.stdin });
const told = input[Symbol.asyncIterator]();

function say(what: string, measured: number, unit: string, atMost?: number, floor?: number): void {
  const figure = {
    what,
    measured,
    unit,
    ...(atMost === undefined ? {} : { at_most: atMost }),
    ...(floor === undefined ? {} : { floor }),
  };
  console.log(JSON.stringify({ figure }));
}

const running = await launch('chromium');
try {
  const host = await Person.at(running, 'Hanna', 440);
  const link = await host.startRoom(url, 'How stars are made, and what is left of them');
  await host.unmute();
  // A voice, not a tone: louder and softer, so that its ring moves.
  await host.page.evaluate(() => setInterval(() => (window.palcoVoice!.value = Math.random() * 0.4), 150));

  await firstLoad('hallway', url);
  await firstLoad('room link', link);
  await slowLoad('hallway', url);
  await slowLoad('room link', link);
  await shifts('phone', PHONE, host);
  await shifts('desktop', DESKTOP, host);
  await busyRoom(host, link);
} finally {
  await running.close();
  input.close();
}

interface Opened {
  page: Page;
  cdp: CDPSession;
  close: () => Promise<void>;
}

/** Somebody who was never here: nothing is cached, nobody is known. */
async function newcomer({ browser }: RunningBrowser, options: BrowserContextOptions): Promise<Opened> {
  const context = await browser.newContext(options);
  await watchTimes(context);
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  return { page, cdp, close: () => context.close() };
}

/** What a first visit fetches, as it went over the network. */
async function firstLoad(name: string, address: string): Promise<void> {
  const { page, cdp, close } = await newcomer(running, PHONE);
  const types = new Map<string, string>();
  const bytes = new Map<string, number>();
  cdp.on('Network.responseReceived', ({ requestId, type }) => types.set(requestId, type));
  cdp.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    const type = types.get(requestId) ?? '';
    bytes.set(type, (bytes.get(type) ?? 0) + encodedDataLength);
  });
  await cdp.send('Network.enable');
  await page.goto(address, { waitUntil: 'networkidle' });
  const kB = (count: number): number => count / 1000;
  say(`first load, ${name}: script`, kB(bytes.get('Script') ?? NaN), 'kB', 150);
  say('  everything', kB([...bytes.values()].reduce((sum, one) => sum + one, 0)), 'kB');
  await close();
}

/** A first visit on a slow processor, and a tap on the first field that is seen. */
async function slowLoad(name: string, address: string): Promise<void> {
  const seen: { paint: number; blocked: number; answer: number }[] = [];
  for (let load = 0; load < LOADS; load++) {
    const { page, cdp, close } = await newcomer(running, PHONE);
    await cdp.send('Emulation.setCPUThrottlingRate', { rate: THROTTLE });
    await page.goto(address, { waitUntil: 'commit' });
    // No waiting for the field to be at rest: people do not either.
    await page.getByTestId('name-input').click({ force: true });
    await page.waitForLoadState('networkidle');
    seen.push(await page.evaluate(timesOf));
    await close();
  }
  const p50 = (of: (one: (typeof seen)[number]) => number): number =>
    seen.map(of).sort((a, b) => a - b)[Math.floor(LOADS / 2)]!;
  say(
    `${name}, processor ${THROTTLE} × slower: first contentful paint`,
    p50(({ paint }) => paint),
    'ms',
    1800,
  );
  say(
    '  blocked by long tasks, total',
    p50(({ blocked }) => blocked),
    'ms',
    200,
  );
  say(
    '  the first tap, as soon as there is something to tap, answered after',
    p50(({ answer }) => answer),
    'ms',
    200,
  );
}

/** How far things moved by themselves, from the hallway to the stage and out of the room. */
async function shifts(name: string, options: BrowserContextOptions, host: Person): Promise<void> {
  const context = await running.browser.newContext(options);
  await watchTimes(context);
  const guest = await Person.in(context, `Gustav ${name}`, 880);
  await guest.page.goto(url!);
  await guest.by('room-card').first().click();
  await guest.by('name-input').fill(guest.name);
  await guest.by('join-room').click();
  await guest.raiseHand();
  await host.invite(guest.name);
  await guest.acceptInvite();
  await guest.unmute();
  await host.onStage(guest.name, false).waitFor();
  await host.act(guest.name, 'mute-speaker');
  await guest.onStage(guest.name, true).waitFor();
  const { sum, worst } = await guest.page.evaluate(shiftsOf);
  say(`layout shift from hallway to stage, ${name}`, sum, '', 0.1);
  if (worst !== '') console.error(`${name}: ${worst}`);
  await guest.leave();
}

async function busyRoom(host: Person, link: string): Promise<void> {
  console.log(JSON.stringify({ crowd: { room: new URL(link).pathname.split('/').at(-1) } }));
  if ((await told.next()).done) throw new Error('no crowd came');
  // Until now the cores were everybody's.
  await giveCores(running, others!);
  const listeners = await launch('chromium');
  try {
    await busyListener(listeners, link);
  } finally {
    await listeners.close();
  }
  await listensInFirefox(link);
  await giveCores(running, watched!);
  await host.by('tab-hands').click();
  await watchTimes(host.page.context());
  const screen = { page: host.page, cdp: await host.page.context().newCDPSession(host.page) };
  tell('the host at a desktop, queue of hands open', await watch(screen, ROOM_MS));
}

async function busyListener(browser: RunningBrowser, link: string): Promise<void> {
  // The floor: a page in which nothing moves, in the same browser, with the same crowd around it.
  const nothing = await newcomer(browser, PHONE);
  await nothing.page.goto('data:text/html,<p>Still');
  await giveCores(browser, watched!);
  const still = await watch(nothing, STILL_MS);
  await throttle(nothing, THROTTLE);
  const stillThrottled = await watch(nothing, STILL_MS);
  await nothing.close();

  const guest = await newcomer(browser, PHONE);
  await guest.page.goto(link);
  await guest.page.getByTestId('name-input').fill('Gudrun');
  await guest.page.getByTestId('join-room').click();
  await guest.page.getByTestId('raise-hand').waitFor();
  await giveCores(browser, watched!);
  // The chat open: on a telephone it lies over the room.
  await guest.page.getByTestId('open-chat').click();
  const before = await memory(guest.cdp);
  tell('a listener on a telephone, chat open', await watch(guest, ROOM_MS), still);
  const after = await memory(guest.cdp);
  say('  script memory', after, 'MB');
  say(`  grown in ${ROOM_MS / 1000} s by`, after - before, 'MB', 2);

  await guest.page.keyboard.press('Escape');
  const scrolled = watch(guest, SCROLL_MS);
  for (let step = 0; step < SCROLL_MS / 100; step++) {
    await guest.page.mouse.wheel(0, step % 40 < 30 ? 400 : -1200);
    await guest.page.waitForTimeout(80);
  }
  tell('a listener who scrolls the audience', await scrolled, still);

  await throttle(guest, THROTTLE);
  await guest.page.getByTestId('open-chat').click();
  tell(`chat open, processor ${THROTTLE} × slower`, await watch(guest, ROOM_MS), stillThrottled);
  await guest.close();
}

async function listensInFirefox(link: string): Promise<void> {
  // Of its processes nobody tells: all of them have the cores of the one that starts them.
  keepTo(watched!, process.pid);
  // The server is at a loopback address, to which Firefox sends only so, and for a page that may use a microphone.
  const prefs = { 'media.peerconnection.ice.loopback': true, 'permissions.default.microphone': 1 };
  const firefox = await launch('firefox', prefs);
  keepTo(`${watched},${others}`, process.pid);
  try {
    const { viewport, locale } = PHONE;
    const context = await firefox.browser.newContext({ viewport: viewport!, locale: locale! });
    await watchTimes(context);
    const page = await context.newPage();
    await page.goto('data:text/html,<p>Still');
    const still = framesOf(await page.evaluate(framesOver, FIREFOX_STILL_MS));
    await page.goto(link);
    await page.getByTestId('name-input').fill('Gudrun');
    await page.getByTestId('join-room').click();
    await page.waitForFunction(() => window.palco.peerConnection?.connectionState === 'connected');
    await page.getByTestId('open-chat').click();
    const seen = framesOf(await page.evaluate(framesOver, FIREFOX_ROOM_MS));
    tellFrames('a listener in Firefox, chat open', seen, still);
  } finally {
    await firefox.close();
  }
}

function keepTo(cores: string, pid: number): void {
  execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', cores, `${pid}`], { stdio: 'ignore' });
}

/** These cores only, to a browser and all of its pages that are open. */
async function giveCores({ browser }: RunningBrowser, cores: string): Promise<void> {
  const cdp = await browser.newBrowserCDPSession();
  const { processInfo } = await cdp.send('SystemInfo.getProcessInfo');
  await cdp.detach();
  for (const { id } of processInfo) keepTo(cores, id);
}

function throttle({ cdp }: Opened, rate: number): Promise<unknown> {
  return cdp.send('Emulation.setCPUThrottlingRate', { rate });
}

interface Frames {
  /** Time between two frames. */
  p50Ms: number;
  p95Ms: number;
  /** Of a display with 60 frames a second, in percent. */
  dropped: number;
}

interface Watched extends Frames {
  longTasks: number[];
  /** Processor time of the page's main thread, in ms a second: what a loaded machine cannot lengthen. */
  busy: number;
}

async function watch({ page, cdp }: Pick<Opened, 'page' | 'cdp'>, ms: number): Promise<Watched> {
  // Durations of the thread's own clock.
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
  const taskSeconds = async (): Promise<number> => {
    const { metrics } = await cdp.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? NaN;
  };
  const before = await taskSeconds();
  const { intervals, longTasks } = await page.evaluate(framesOver, ms);
  const busy = ((await taskSeconds()) - before) / (ms / 1_000_000);
  await cdp.send('Performance.disable');
  return { ...framesOf({ intervals }), longTasks, busy };
}

function framesOf({ intervals }: { intervals: number[] }): Frames {
  const sorted = intervals.sort((a, b) => a - b);
  const quantile = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))]!;
  const seconds = sorted.reduce((sum, one) => sum + one, 0) / 1000;
  const dropped = sorted.reduce((sum, one) => sum + Math.max(0, Math.round((one * 60) / 1000) - 1), 0);
  return { p50Ms: quantile(0.5), p95Ms: quantile(0.95), dropped: (100 * dropped) / (seconds * 60) };
}

/** `floor`: of a page in which nothing moves. */
function tell(who: string, seen: Watched, floor?: Watched): void {
  tellFrames(who, seen, floor);
  say('  long tasks, of 50 ms or more', seen.longTasks.length, '', undefined, floor?.longTasks.length);
  say('  the longest', Math.max(0, ...seen.longTasks), 'ms');
  say('  processor time of its main thread', seen.busy, 'ms/s', 200, floor?.busy);
}

function tellFrames(who: string, seen: Frames, floor?: Frames): void {
  say(`${who}: time between two frames, p50`, seen.p50Ms, 'ms', 17, floor?.p50Ms);
  say('  p95', seen.p95Ms, 'ms', 34, floor?.p95Ms);
  say('  frames dropped', seen.dropped, '%', 5, floor?.dropped);
}

/** What the page's script holds, in MB. */
async function memory(cdp: CDPSession): Promise<number> {
  await cdp.send('HeapProfiler.collectGarbage');
  const { usedSize } = await cdp.send('Runtime.getHeapUsage');
  return usedSize / 1e6;
}
