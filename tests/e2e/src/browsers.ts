// Debian's Chromium and Firefox, both driven by playwright-core: Firefox by WebDriver BiDi, which
// needs no patched build (1.65.1 sends it a command that ESR 153 does not know: hence the exact
// version in package.json).

import { chromium, firefox, type Browser, type BrowserContext } from 'playwright-core';
import { startSound, type Sound } from './sound.js';

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

const SOUND_AT_ONCE = '--autoplay-policy=no-user-gesture-required';
const OWN_DEVICES = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  SOUND_AT_ONCE,
  '--use-fake-ui-for-media-stream',
];
const CHROMIUM_ARGS = [...OWN_DEVICES, '--use-fake-device-for-media-stream'];

/**
 * As people have it: no page sounds before it was tapped. For Firefox every page that playwright looks at was
 * tapped, so that sound has to begin in the very tap here (policy 2).
 */
export async function launchCautious(kind: Kind): Promise<RunningBrowser> {
  if (kind === 'chromium') {
    const args = CHROMIUM_ARGS.filter((arg) => arg !== SOUND_AT_ONCE);
    return launchChromium([...args, '--autoplay-policy=document-user-activation-required']);
  }
  return launchFirefox({
    'media.autoplay.default': 1,
    'media.autoplay.blocking_policy': 2,
    // The test's own ears and microphones.
    'media.autoplay.block-webaudio': false,
  });
}

/** With the microphones of a computer of its own: those that `sound` says are plugged in. */
export async function launchWithMicrophones(kind: Kind): Promise<{ running: RunningBrowser; sound: Sound }> {
  const sound = await startSound();
  if (kind === 'firefox') {
    const prefs = { 'media.navigator.streams.fake': false, 'permissions.default.microphone': 1 };
    return { running: await launchFirefox(prefs, sound), sound };
  }
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: OWN_DEVICES,
    env: { ...process.env, PULSE_SERVER: sound.address },
  });
  const close = async (): Promise<void> => {
    await browser.close();
    await sound.stop();
  };
  return { running: { kind, browser, close }, sound };
}

async function launchChromium(args = CHROMIUM_ARGS): Promise<RunningBrowser> {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args });
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

/** Its AudioContext stands still without a sound device. */
async function launchFirefox(prefs: Prefs, sound?: Sound): Promise<RunningBrowser> {
  sound ??= await startSound();
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
