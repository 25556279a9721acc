// What a page's own performance observers saw. The functions with `Of` and `Over` run inside the page.

import type { BrowserContext } from 'playwright-core';

/** The browser's, not yet in TypeScript's library. */
interface LayoutShift extends PerformanceEntry {
  value: number;
  hadRecentInput: boolean;
  sources: { node: Node | null }[];
}

interface Seen {
  paint: number;
  /** Of tasks over 50 ms: when they began, how long they were. */
  longTasks: { at: number; ms: number }[];
  /** From the first tap to what it showed. */
  firstInput: number;
  /** Of what moved by itself, and where. */
  shifts: { value: number; where: string; at: number }[];
}

declare global {
  interface Window {
    palcoSeen: Seen;
  }
}

export async function watchTimes(context: BrowserContext): Promise<void> {
  const watch = (): void => {
    const seen: Seen = (window.palcoSeen = { paint: NaN, longTasks: [], firstInput: NaN, shifts: [] });
    const on = <Entry extends PerformanceEntry>(type: string, take: (entry: Entry) => void): void => {
      new PerformanceObserver((list) => (list.getEntries() as Entry[]).forEach(take)).observe({
        type,
        buffered: true,
      });
    };
    on('paint', ({ name, startTime }) => {
      if (name === 'first-contentful-paint') seen.paint = startTime;
    });
    on('longtask', ({ startTime, duration }) => seen.longTasks.push({ at: startTime, ms: duration }));
    on('first-input', ({ duration }) => (seen.firstInput = duration));
    on<LayoutShift>('layout-shift', ({ value, hadRecentInput, sources, startTime }) => {
      // What follows a tap within half a second was asked for.
      if (hadRecentInput) return;
      const where = sources.map(({ node }) =>
        node instanceof Element ? node.outerHTML.slice(0, 120) : node?.nodeName,
      );
      seen.shifts.push({ value, where: where.join(' | '), at: Math.round(startTime) });
    });
  };
  await context.addInitScript(watch);
  // Pages that are open already.
  for (const page of context.pages()) await page.evaluate(watch).catch(() => undefined);
}

export function timesOf(): { paint: number; blocked: number; answer: number } {
  const { paint, longTasks, firstInput } = window.palcoSeen;
  const blocked = longTasks.reduce((sum, { ms }) => sum + ms - 50, 0);
  return { paint, blocked, answer: firstInput };
}

export function shiftsOf(): { sum: number; worst: string } {
  const { shifts } = window.palcoSeen;
  const worst = [...shifts].sort((a, b) => b.value - a.value).slice(0, 5);
  return {
    sum: shifts.reduce((sum, { value }) => sum + value, 0),
    worst: worst.map(({ value, where, at }) => `${value.toFixed(4)} at ${at}: ${where}`).join('\n'),
  };
}

/** Watches frames for so long: the time between two of them, and the tasks that were long, in ms. */
export async function framesOver(ms: number): Promise<{ intervals: number[]; longTasks: number[] }> {
  const from = performance.now();
  const intervals: number[] = [];
  await new Promise<void>((resolve) => {
    let last: number | undefined;
    const frame = (now: number): void => {
      if (last !== undefined) intervals.push(now - last);
      last = now;
      if (now - from < ms) requestAnimationFrame(frame);
      else resolve();
    };
    requestAnimationFrame(frame);
  });
  const longTasks = window.palcoSeen.longTasks.filter(({ at }) => at >= from).map((task) => task.ms);
  return { intervals, longTasks };
}
