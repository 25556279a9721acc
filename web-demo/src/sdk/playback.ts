// The K audio elements. Created and started once, inside the tap that joins (iOS and autoplay rules
// let nothing else start sound), and kept for every later connection: only their streams change.
// Sound never passes through WebAudio: echo cancellation and background playback would lose it.

import { listDevices } from './devices';

/** One element per slot of the server; design: K = 4. */
export const SLOTS = 4;

export class Playback {
  readonly #elements: HTMLAudioElement[] = [];
  #volume = 1;
  /** The empty id is the system's choice. */
  #output = '';
  #onBlocked: (blocked: boolean) => void = () => undefined;

  /** Call within a tap or key press. Does nothing when already done. */
  prepare(): void {
    if (this.#elements.length > 0) return;
    for (let slot = 0; slot < SLOTS; slot++) {
      const element = document.createElement('audio');
      element.autoplay = true;
      element.hidden = true;
      element.dataset['slot'] = String(slot);
      element.volume = this.#volume;
      document.body.append(element);
      this.#elements.push(element);
    }
    // A device that was chosen once may be gone by now: then the system's choice plays.
    if (this.#output !== '') this.setOutput(this.#output).catch(() => undefined);
  }

  /** Told when the browser refuses to play without a tap (after a reload), and when it plays again. */
  set onBlocked(listener: (blocked: boolean) => void) {
    this.#onBlocked = listener;
  }

  play(tracks: readonly MediaStreamTrack[]): void {
    this.prepare();
    this.#elements.forEach((element, slot) => {
      const track = tracks[slot];
      element.srcObject = track ? new MediaStream([track]) : null;
    });
    this.resume();
  }

  /** After a refusal: call within a tap. Elements that play already go on. */
  resume(): void {
    const started = this.#elements.filter((element) => element.srcObject).map((element) => element.play());
    void Promise.all(started).then(
      () => this.#onBlocked(false),
      (error: unknown) => {
        // AbortError: a newer stream took its place. Only NotAllowedError needs the person.
        if (error instanceof DOMException && error.name === 'NotAllowedError') this.#onBlocked(true);
      },
    );
  }

  get volume(): number {
    return this.#volume;
  }

  set volume(volume: number) {
    this.#volume = volume;
    for (const element of this.#elements) element.volume = volume;
  }

  get output(): string {
    return this.#output;
  }

  /** The output device, where the browser can choose it; now, and for every element to come. */
  async setOutput(deviceId: string): Promise<void> {
    this.#output = deviceId;
    await Promise.all(this.#elements.map((element) => element.setSinkId(deviceId)));
  }

  /** Devices came or went: without the chosen one the system's choice plays, rather than nothing. */
  async devicesChanged(): Promise<void> {
    if (this.#output === '') return;
    const there = await listDevices('audiooutput');
    if (there.length > 0 && !there.some(({ deviceId }) => deviceId === this.#output))
      await this.setOutput('');
  }

  stop(): void {
    for (const element of this.#elements) element.srcObject = null;
  }

  remove(): void {
    this.stop();
    for (const element of this.#elements) element.remove();
    this.#elements.length = 0;
  }
}
