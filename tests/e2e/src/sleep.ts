// A computer that sleeps, as far as its browser can tell: not one of its processes runs, while the clock goes on.

import { readFileSync, readdirSync } from 'node:fs';
import type { RunningBrowser } from './browsers.js';

export interface Computer {
  running: RunningBrowser;
  sleep(): void;
  wake(): void;
}

export async function computer(starts: () => Promise<RunningBrowser>): Promise<Computer> {
  const before = new Set(groups());
  const running = await starts();
  // A browser's processes are one group. What else came with it, sound say, leads none.
  const own = groups().filter((group) => !before.has(group));
  const tell = (signal: NodeJS.Signals) => (): void => own.forEach((group) => process.kill(-group, signal));
  return { running, sleep: tell('SIGSTOP'), wake: tell('SIGCONT') };
}

/** The process groups that children of this process lead. */
function groups(): number[] {
  return readdirSync('/proc').flatMap((name) => {
    const pid = Number(name);
    const [parent, group] = pid ? familyOf(pid) : [];
    return parent === process.pid && group === pid ? [pid] : [];
  });
}

/** The parent and the group; neither of a process that has just ended. */
function familyOf(pid: number): number[] {
  try {
    // After the name, which may hold anything: state, parent, group (proc(5)).
    const [, parent, group] = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /s, '').split(' ');
    return [Number(parent), Number(group)];
  } catch {
    return [];
  }
}
