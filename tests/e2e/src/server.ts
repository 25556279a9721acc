// The release binary, on ports of its own choosing, with a data directory that goes with it.

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { repository } from './paths.js';

/** The address that tests/e2e/run makes for media. Firefox sends nothing to a loopback candidate. */
const MEDIA_IP = '10.77.0.1';

const START_DEADLINE_MS = 15_000;

export interface Server {
  /** The page's address. `localhost`, or the page is no secure context and has no microphone. */
  url: string;
  /** The part of it that a proxy needs. */
  port: number;
  stop(): Promise<void>;
}

/** `flags`: further ones of `palco serve`. */
export async function startServer(...flags: string[]): Promise<Server> {
  const data = await mkdtemp(join(tmpdir(), 'palco-e2e-data-'));
  const server = spawn(
    join(repository, 'target/release/palco'),
    ['serve', '--listen', '127.0.0.1:0', '--udp', `${MEDIA_IP}:0`, '--data', data, '--drain-s=0', ...flags],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    server.kill('SIGTERM');
    await ended;
    await rm(data, { recursive: true, force: true });
  };
  try {
    const port = await listeningPort(server);
    return { url: `http://localhost:${port}`, port, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Reads the log until it names the address; passes warnings and errors on. */
function listeningPort(server: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const log: string[] = [];
    const fail = (why: string): void => reject(new Error(`${why}; its log:\n${log.join('\n')}`));
    const timer = setTimeout(() => fail('palco did not listen in time'), START_DEADLINE_MS);
    server.once('error', (error) => fail(`palco did not start: ${error.message}`));
    server.once('exit', (code) => fail(`palco ended with ${code}`));
    for (const stream of [server.stdout, server.stderr]) {
      if (!stream) continue;
      createInterface(stream).on('line', (line) => {
        if (log.length < 200) log.push(line);
        if (/\b(WARN|ERROR)\b|panicked/.test(line)) console.error(`palco: ${line}`);
        const found = /listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(line);
        if (!found) return;
        clearTimeout(timer);
        resolve(Number(found[1]));
      });
    }
  });
}
