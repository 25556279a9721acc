// The release binary, on ports of its own choosing, with a data directory that goes with it.

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { repository } from './paths.js';

/** The address that tests/e2e/run makes for media. Firefox sends nothing to a loopback candidate. */
const MEDIA_IP = '10.77.0.1';

const BINARY = join(repository, 'target/release/palco');

const LOG_DEADLINE_MS = 15_000;
const LOG_MAX_LINES = 200;

export interface Server {
  /** The page's address. `localhost`, or the page is no secure context and has no microphone. */
  url: string;
  /** The part of it that a proxy needs. */
  port: number;
  /** The first line of the log, so far or to come, that matches. */
  logged(pattern: RegExp): Promise<RegExpExecArray>;
  /** What `palco` says when it is called beside the server, for the server's data: `admin …`, `token …`. */
  palco(...words: string[]): Promise<string>;
  /** Tells it to stop: the first time it drains, the second time rooms end. */
  terminate(): void;
  /** Once it has stopped: the same again, with its data, at the same address. */
  startAgain(): Promise<void>;
  stop(): Promise<void>;
}

/** `flags`: further ones of `palco serve`. */
export async function startServer(...flags: string[]): Promise<Server> {
  const data = await mkdtemp(join(tmpdir(), 'palco-e2e-data-'));
  const drain = flags.some((flag) => flag.startsWith('--drain-s')) ? [] : ['--drain-s=0'];
  const run = (port: number) =>
    Running.start([
      `--listen=127.0.0.1:${port}`,
      '--udp',
      `${MEDIA_IP}:0`,
      '--data',
      data,
      ...drain,
      ...flags,
    ]);
  const forget = () => rm(data, { recursive: true, force: true });
  let running = await run(0).catch(async (error: unknown) => {
    await forget();
    throw error;
  });
  const { port } = running;
  return {
    url: `http://localhost:${port}`,
    port,
    logged: (pattern) => running.log.find(pattern),
    palco: async (...words) => {
      const command = [...words, '--data', data];
      if (words[0] === 'admin') command.push('--server', `http://127.0.0.1:${port}`);
      return (await promisify(execFile)(BINARY, command)).stdout;
    },
    terminate: () => running.terminate(),
    startAgain: async () => {
      await running.ended;
      running = await run(port);
    },
    stop: async () => {
      running.terminate();
      // One that drains is told again.
      const again = setInterval(() => running.terminate(), 500);
      await running.ended;
      clearInterval(again);
      await forget();
    },
  };
}

class Running {
  private constructor(
    private readonly process: ChildProcess,
    readonly log: Log,
    readonly port: number,
    readonly ended: Promise<void>,
  ) {}

  static async start(flags: string[]): Promise<Running> {
    const server = spawn(BINARY, ['serve', ...flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
    const log = new Log(server);
    try {
      return new Running(server, log, await log.listeningPort(), ended);
    } catch (error) {
      server.kill('SIGTERM');
      await ended;
      throw error;
    }
  }

  terminate(): void {
    this.process.kill('SIGTERM');
  }
}

/** What the server writes; warnings and errors are passed on. */
class Log {
  readonly #lines: string[] = [];
  readonly #waiting = new Set<(line: string) => void>();
  readonly #ended: Promise<string>;

  constructor(server: ChildProcess) {
    this.#ended = new Promise((resolve) => {
      server.once('error', (error) => resolve(`palco did not start: ${error.message}`));
      server.once('exit', (code) => resolve(`palco ended with ${code}`));
    });
    for (const stream of [server.stdout, server.stderr]) {
      if (stream) createInterface(stream).on('line', (line) => this.#heard(line));
    }
  }

  #heard(line: string): void {
    if (this.#lines.length < LOG_MAX_LINES) this.#lines.push(line);
    if (/\b(WARN|ERROR)\b|panicked/.test(line)) console.error(`palco: ${line}`);
    for (const look of this.#waiting) look(line);
  }

  /** The first line, so far or to come, that matches. */
  async find(pattern: RegExp): Promise<RegExpExecArray> {
    for (const line of this.#lines) {
      const found = pattern.exec(line);
      if (found) return found;
    }
    let look = (_line: string): void => undefined;
    let timer: NodeJS.Timeout | undefined;
    const fails = (why: string): Error => new Error(`${why}; its log:\n${this.#lines.join('\n')}`);
    try {
      return await Promise.race([
        new Promise<RegExpExecArray>((resolve, reject) => {
          look = (line) => {
            const found = pattern.exec(line);
            if (found) resolve(found);
          };
          this.#waiting.add(look);
          timer = setTimeout(() => reject(fails(`palco did not log ${pattern} in time`)), LOG_DEADLINE_MS);
        }),
        this.#ended.then((why) => Promise.reject(fails(why))),
      ]);
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(look);
    }
  }

  async listeningPort(): Promise<number> {
    return Number((await this.find(/listening on http:\/\/127\.0\.0\.1:(\d+)/))[1]);
  }
}
