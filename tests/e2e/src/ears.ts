// What a page hears: the tones in all of its slots together, measured on the very streams that its
// <audio data-slot> elements play. A paused or muted element is not heard and does not count.
//
// Runs partly inside the page (`listen`), where it keeps one AudioContext under `window.palcoEars`.

import type { Page } from 'playwright-core';

/** How far from the true pitch a measured peak may lie: the analyser's bins are 5.9 Hz apart. */
const TOLERANCE_HZ = 12;
/** An answer counts once this many readings in a row agree, and one reading's window is 170 ms. */
const STEADY_READINGS = 3;
const READING_EVERY_MS = 100;
const DEADLINE_MS = 15_000;

export interface Tone {
  hz: number;
  /** Of the analyser's bin; a full-scale sine reads about -8. */
  db: number;
}

interface Ears {
  context: AudioContext;
  slots: Map<HTMLAudioElement, { stream: MediaStream; analyser: AnalyserNode }>;
}

declare global {
  interface Window {
    palcoEars?: Ears;
  }
}

/** The tones heard now, loudest first. */
export async function heard(page: Page): Promise<Tone[]> {
  return page.evaluate(listen);
}

/** Waits until exactly these tones are heard (none: silence), and nothing else. */
export async function hears(page: Page, expectedHz: number[], withinMs = DEADLINE_MS): Promise<void> {
  const expected = [...expectedHz].sort((a, b) => a - b);
  const matches = (tones: Tone[]): boolean => {
    const got = tones.map((tone) => tone.hz).sort((a, b) => a - b);
    return (
      got.length === expected.length &&
      expected.every((hz, i) => Math.abs((got[i] ?? Infinity) - hz) <= TOLERANCE_HZ)
    );
  };
  const deadline = Date.now() + withinMs;
  let tones: Tone[] = [];
  for (let steady = 0; steady < STEADY_READINGS;) {
    if (Date.now() > deadline) {
      throw new Error(`expected to hear [${expected}] Hz, heard ${JSON.stringify(tones)}`);
    }
    tones = await heard(page);
    steady = matches(tones) ? steady + 1 : 0;
    await page.waitForTimeout(READING_EVERY_MS);
  }
}

/** Inside the page: one spectrum per slot, the peaks of all of them merged. */
async function listen(): Promise<Tone[]> {
  const ears = (window.palcoEars ??= {
    context: new AudioContext({ sampleRate: 48_000 }),
    slots: new Map(),
  });
  await ears.context.resume();
  const tones: Tone[] = [];
  for (const element of document.querySelectorAll<HTMLAudioElement>('audio[data-slot]')) {
    const stream = element.srcObject;
    if (!(stream instanceof MediaStream) || stream.getAudioTracks().length === 0) continue;
    let slot = ears.slots.get(element);
    if (slot?.stream !== stream) {
      const analyser = new AnalyserNode(ears.context, { fftSize: 8192, smoothingTimeConstant: 0 });
      ears.context.createMediaStreamSource(stream).connect(analyser);
      slot = { stream, analyser };
      ears.slots.set(element, slot);
    }
    if (element.paused || element.muted || element.volume === 0) continue;
    const db = new Float32Array(slot.analyser.frequencyBinCount);
    slot.analyser.getFloatFrequencyData(db);
    const binHz = ears.context.sampleRate / slot.analyser.fftSize;
    // Quieter than this is noise, and so is what lies far under the loudest (the codec's harmonics).
    const floor = Math.max(-60, Math.max(...db) - 25);
    for (let bin = 3; bin < db.length - 3; bin++) {
      const here = db[bin]!;
      const around = db.subarray(bin - 3, bin + 4);
      if (here >= floor && around.every((other) => other <= here)) {
        tones.push({ hz: Math.round(bin * binHz), db: Math.round(here) });
      }
    }
  }
  return tones.sort((a, b) => b.db - a.db);
}
