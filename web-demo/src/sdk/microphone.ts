// The microphone: asked for only when it is needed, kept while on stage, let go of afterwards.
//
// Measures its own level (WebAudio reads it, nothing is played). Not its job: sending; media.ts
// attaches `track` to the connection.

import { Emitter } from './emitter';
import { PalcoError } from './errors';

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
}

const LEVEL_INTERVAL_MS = 50;

export class Microphone extends Emitter<MicrophoneEvents> {
  settings: MicrophoneSettings = { processing: true };
  #track: MediaStreamTrack | undefined;
  #opening: Promise<MediaStreamTrack> | undefined;
  #stopMeter: () => void = () => undefined;

  get track(): MediaStreamTrack | undefined {
    return this.#track;
  }

  /** Asks for the microphone unless it is open. Rejects with a `microphone_…` code. */
  open(): Promise<MediaStreamTrack> {
    if (this.#track) return Promise.resolve(this.#track);
    this.#opening ??= this.#request().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  /** Takes other settings; an open microphone is opened again with them. */
  async change(settings: Partial<MicrophoneSettings>): Promise<void> {
    this.settings = { ...this.settings, ...settings };
    if (!this.#track) return;
    this.#release();
    await this.open();
  }

  close(): void {
    if (!this.#track) return;
    this.#release();
    this.emit('track', undefined);
  }

  async #request(): Promise<MediaStreamTrack> {
    // Absent on pages of another host without TLS: no secure context.
    const devices = navigator.mediaDevices as MediaDevices | undefined;
    if (!devices) throw new PalcoError('microphone_failed');
    const { deviceId, processing } = this.settings;
    const audio: MediaTrackConstraints = {
      channelCount: 1,
      echoCancellation: processing,
      noiseSuppression: processing,
      autoGainControl: processing,
      ...(deviceId === undefined ? {} : { deviceId: { ideal: deviceId } }),
    };
    const stream = await devices.getUserMedia({ audio }).catch((error: unknown) => {
      throw new PalcoError(refusal(error));
    });
    const track = stream.getAudioTracks()[0];
    if (!track) throw new PalcoError('microphone_missing');
    // Unplugged: the next unmute asks for another.
    track.onended = () => {
      if (this.#track === track) this.close();
    };
    this.#track = track;
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
    const context = new AudioContext();
    const analyser = new AnalyserNode(context, { fftSize: 1024 });
    const source = context.createMediaStreamSource(new MediaStream([track]));
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

function refusal(error: unknown): 'microphone_refused' | 'microphone_missing' | 'microphone_failed' {
  const name = error instanceof DOMException ? error.name : '';
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'microphone_refused';
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'microphone_missing';
  return 'microphone_failed';
}
