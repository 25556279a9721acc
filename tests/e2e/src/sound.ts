// A computer's sound: a PulseAudio that plays into nothing, into which microphones are plugged and from which
// they are pulled, each of them hearing one tone all the time.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

export interface Sound {
  /** For PULSE_SERVER. */
  address: string;
  plugIn(microphone: string, hz: number): Promise<void>;
  pull(microphone: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startSound(): Promise<Sound> {
  const dir = await mkdtemp(join(tmpdir(), 'palco-e2e-sound-'));
  const socket = join(dir, 'native');
  const commands = join(dir, 'commands');
  const daemon = spawn(
    'pulseaudio',
    [
      '-n',
      '--daemonize=no',
      '--use-pid-file=no',
      '--exit-idle-time=-1',
      '--load=module-null-sink',
      `--load=module-native-protocol-unix auth-anonymous=1 socket=${socket}`,
      `--load=module-cli-protocol-unix socket=${commands}`,
    ],
    { stdio: 'ignore', env: { ...process.env, PULSE_RUNTIME_PATH: dir, HOME: dir } },
  );
  const ended = new Promise<void>((resolve) => daemon.once('exit', () => resolve()));
  /** PulseAudio numbers what is loaded, in order; three were loaded above. */
  let loaded = 3;
  const microphones = new Map<string, number>();
  return {
    address: `unix:${socket}`,
    plugIn: async (microphone, hz) => {
      const air = `${microphone}_air`;
      // A browser takes no sink's monitor for a microphone: hence the third, which is the microphone.
      for (const part of [
        `module-null-sink sink_name=${air} rate=48000 channels=1`,
        `module-sine sink=${air} frequency=${hz}`,
        `module-remap-source source_name=${microphone} master=${air}.monitor source_properties=device.description=${microphone}`,
      ]) {
        await say(commands, `load-module ${part}`);
        microphones.set(microphone, loaded++);
      }
    },
    pull: (microphone) => say(commands, `unload-module ${microphones.get(microphone)}`),
    stop: async () => {
      daemon.kill();
      await ended;
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** One command, done when this resolves. PulseAudio may be just about to start. */
async function say(socket: string, command: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return await new Promise((resolve, reject) => {
        const connection = createConnection(socket)
          .on('error', reject)
          .on('close', () => resolve());
        connection.resume().end(`${command}\n`);
      });
    } catch (error) {
      if (tries === 100) throw error;
      await setTimeout(50);
    }
  }
}
