// Debian's Chromium and Firefox, both driven by playwright-core: Firefox by WebDriver BiDi, which
// needs no patched build (1.65.1 sends it a command that ESR 153 does not know: hence the exact
// version in package.json).

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { chromium, firefox, type Browser, type BrowserContext } from 'playwright-core';

export type Kind = 'chromium' | 'firefox';

export interface RunningBrowser {
  kind: Kind;
  browser: Browser;
  close(): Promise<void>;
}

type Prefs = Record<string, string | number | boolean>;

/** `prefs`: further ones of Firefox. */
export async function launch(kind: Kind, prefs: Prefs = {}): Promise<RunningBrowser> {
  return kind === 'chromium' ? launchChromium() : launchFirefox(prefs);
}

const CHROMIUM_ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--autoplay-policy=no-user-gesture-required',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
];

async function launchChromium(): Promise<RunningBrowser> {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: CHROMIUM_ARGS,
  });
  return { kind: 'chromium', browser, close: () => browser.close() };
}

/** What playwright switches off for every page's sake: tabs that are not looked at are hidden, and held back. */
const HOLDS_BACK = [
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
];
/** In the tests' own network namespace every port is free. */
const DEVTOOLS_PORT = 9222;

/** Chromium with its own window, as people have it: a tab that is behind another one is hidden. */
export async function launchWithTabs(): Promise<{ window: BrowserContext; close: () => Promise<void> }> {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [...CHROMIUM_ARGS, `--remote-debugging-port=${DEVTOOLS_PORT}`],
    ignoreDefaultArgs: HOLDS_BACK,
  });
  const plain = await chromium.connectOverCDP(`http://127.0.0.1:${DEVTOOLS_PORT}`, { noDefaults: true });
  return { window: plain.contexts()[0]!, close: () => browser.close() };
}

async function launchFirefox(prefs: Prefs): Promise<RunningBrowser> {
  const sound = await startSound();
  const browser = await firefox.launch({
    channel: 'moz-firefox',
    executablePath: '/usr/bin/firefox-esr',
    env: { ...process.env, PULSE_SERVER: sound.address },
    firefoxUserPrefs: {
      'media.autoplay.default': 0,
      'media.autoplay.blocking_policy': 0,
      'media.navigator.permission.disabled': true,
      'media.navigator.streams.fake': true,
      ...prefs,
    },
  });
  const close = async (): Promise<void> => {
    await browser.close();
    await sound.stop();
  };
  return { kind: 'firefox', browser, close };
}

/** Firefox's AudioContext stands still without a sound device: a PulseAudio that plays into nothing. */
async function startSound(): Promise<{ address: string; stop: () => Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'palco-e2e-sound-'));
  const socket = join(dir, 'native');
  const daemon = spawn(
    'pulseaudio',
    [
      '-n',
      '--daemonize=no',
      '--use-pid-file=no',
      '--exit-idle-time=-1',
      '--load=module-null-sink',
      `--load=module-native-protocol-unix auth-anonymous=1 socket=${socket}`,
    ],
    { stdio: 'ignore', env: { ...process.env, PULSE_RUNTIME_PATH: dir, HOME: dir } },
  );
  const ended = new Promise<void>((resolve) => daemon.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    daemon.kill();
    await ended;
    await rm(dir, { recursive: true, force: true });
  };
  return { address: `unix:${socket}`, stop };
}
