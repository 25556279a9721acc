// The microphone: asked for only when it is needed, kept while on stage, let go of afterwards.
//
// Measures its own level (WebAudio reads it, nothing is played). Not its job: sending; media.ts
// attaches `track` to the connection.

import { Emitter } from './emitter';
import { PalcoError, codeOf } from './errors';

export interface MicrophoneSettings {
  /** Absent: the system's choice. */
  deviceId?: string | undefined;
  /**
   * Echo cancellation, noise suppression, automatic gain. Off for music, or for a mixer that does
   * better; then headphones are needed.
   */
  processing: boolean;
}

export interface MicrophoneEvents {
  /** Opened, closed, or another device. */
  track: MediaStreamTrack | undefined;
  /** Linear level, 0 to 1, twenty times a second while open. */
  level: number;
  /** It ended by itself: pulled out, or no longer allowed. Comes after `track`. */
  lost: undefined;
}

const LEVEL_INTERVAL_MS = 50;

export class Microphone extends Emitter<MicrophoneEvents> {
  settings: MicrophoneSettings = { processing: true };
  #track: MediaStreamTrack | undefined;
  /** What the track was opened with. */
  #openedWith: MicrophoneSettings | undefined;
  #opening: Promise<MediaStreamTrack> | undefined;
  /** Each `close` begins another: what the browser gives afterwards is not wanted any more. */
  #round = 0;
  #stopMeter: () => void = () => undefined;

  get track(): MediaStreamTrack | undefined {
    return this.#track;
  }

  /** Asks for the microphone unless it is open. Rejects with a `microphone_…` code, or `aborted` by `close`. */
  open(): Promise<MediaStreamTrack> {
    if (this.#track) return Promise.resolve(this.#track);
    if (this.#opening) return this.#opening;
    const opening = this.#request().finally(() => {
      if (this.#opening === opening) this.#opening = undefined;
    });
    this.#opening = opening;
    return opening;
  }

  /**
   * Takes other settings; an open microphone is opened again with them. Rejects as `open` does: then it goes on as
   * it was, or is lost.
   */
  async change(settings: Partial<MicrophoneSettings>): Promise<void> {
    this.settings = { ...this.settings, ...settings };
    // One that is being opened is opened first; of several changes the last one counts.
    while (this.#opening || (this.#track && this.#openedWith !== this.settings)) {
      if (this.#opening) {
        await this.#opening.catch(() => undefined);
        continue;
      }
      const { settings: wanted } = this;
      const before = this.#openedWith ?? wanted;
      this.#release();
      try {
        await this.open();
      } catch (error) {
        if (codeOf(error) === 'aborted') this.emit('track', undefined);
        else {
          // What was wished for meanwhile counts.
          if (this.settings === wanted) this.settings = before;
          await this.open().catch(() => this.#gone());
        }
        throw error;
      }
    }
  }

  #gone(): void {
    this.emit('track', undefined);
    this.emit('lost', undefined);
  }

  /** Lets go of it; one that the person is still being asked for is not opened. */
  close(): void {
    this.#round += 1;
    this.#opening = undefined;
    if (!this.#track) return;
    this.#release();
    this.emit('track', undefined);
  }

  async #request(): Promise<MediaStreamTrack> {
    // Absent on pages of another host without TLS: no secure context.
    const devices = navigator.mediaDevices as MediaDevices | undefined;
    if (!devices) throw new PalcoError('microphone_failed');
    const round = this.#round;
    const { settings } = this;
    const { deviceId, processing } = settings;
    const audio: MediaTrackConstraints = {
      channelCount: 1,
      echoCancellation: processing,
      noiseSuppression: processing,
      autoGainControl: processing,
    };
    // A choice that is only preferred Chromium passes over. One that is not there any more gives way here.
    const chosen = { audio: deviceId === undefined ? audio : { ...audio, deviceId: { exact: deviceId } } };
    const stream = await devices
      .getUserMedia(chosen)
      .catch((error: unknown) => {
        if (deviceId === undefined || refusal(error) !== 'microphone_missing') throw error;
        return devices.getUserMedia({ audio });
      })
      .catch((error: unknown) => {
        throw new PalcoError(refusal(error));
      });
    const track = stream.getAudioTracks()[0];
    if (!track) throw new PalcoError('microphone_missing');
    if (round !== this.#round) {
      track.stop();
      throw new PalcoError('aborted');
    }
    track.onended = () => {
      if (this.#track !== track) return;
      this.close();
      this.emit('lost', undefined);
    };
    this.#track = track;
    this.#openedWith = settings;
    this.#stopMeter = this.#meter(track);
    this.emit('track', track);
    return track;
  }

  #release(): void {
    this.#stopMeter();
    this.#track?.stop();
    this.#track = undefined;
  }

  #meter(track: MediaStreamTrack): () => void {
    let context: AudioContext;
    let analyser: AnalyserNode;
    let source: MediaStreamAudioSourceNode;
    try {
      context = new AudioContext();
      analyser = new AnalyserNode(context, { fftSize: 1024 });
      source = context.createMediaStreamSource(new MediaStream([track]));
    } catch {
      // No sound device to run by, or too many contexts on the page: it is heard, only not measured.
      return () => undefined;
    }
    source.connect(analyser);
    void context.resume();
    const samples = new Float32Array(analyser.fftSize);
    const timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      let sum = 0;
      for (const sample of samples) sum += sample * sample;
      this.emit('level', Math.sqrt(sum / samples.length));
    }, LEVEL_INTERVAL_MS);
    return () => {
      clearInterval(timer);
      source.disconnect();
      void context.close();
      this.emit('level', 0);
    };
  }
}

/** Whether it may be opened without asking the person. */
export async function microphoneAllowed(): Promise<boolean> {
  try {
    const { state } = await navigator.permissions.query({ name: 'microphone' });
    return state === 'granted';
  } catch {
    return false;
  }
}

function refusal(error: unknown): 'microphone_refused' | 'microphone_missing' | 'microphone_failed' {
  // Not every browser's OverconstrainedError is a DOMException.
  const { name } = error as { name?: unknown };
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'microphone_refused';
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'microphone_missing';
  return 'microphone_failed';
}
