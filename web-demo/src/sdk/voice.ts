// Your own voice: whether the microphone is sent, and what happens when it goes away.
//
// What is sent follows from the room (on stage, not muted) and from the last wish on this device, which counts
// before the server has heard of it, and after a reconnect that brings a state from before it.

import type { ClientMessage, StageMember, You } from '../protocol.gen';
import { PalcoError, codeOf } from './errors';
import { microphoneAllowed, type Microphone } from './microphone';

/** What the room and the connection are for it. */
export interface Surroundings {
  /** You, in a room. */
  you: () => You | undefined;
  /** Your place on stage. */
  member: () => StageMember | undefined;
  send: (track: MediaStreamTrack | null) => Promise<void>;
  ask: (message: ClientMessage) => Promise<unknown>;
  /** The microphone; undefined: another one took its place. */
  lost: (why: PalcoError['code'] | undefined) => void;
}

export class Voice {
  readonly #microphone: Microphone;
  readonly #around: Surroundings;
  /** Silence lasts until it is broken here; speech until the room's own word arrives. */
  #wish: 'silence' | 'speech' | undefined;
  /** An unmute that waits for the microphone is undone by a mute meanwhile. */
  #mutes = 0;

  constructor(microphone: Microphone, around: Surroundings) {
    this.#microphone = microphone;
    this.#around = around;
    microphone.on('track', () => this.follow());
    microphone.on('lost', () => void this.#replace());
  }

  /** Silent at once, whatever the server says, and until `unmute`. */
  async mute(): Promise<void> {
    this.#mutes += 1;
    this.#wish = 'silence';
    this.follow();
    await this.#around.ask({ type: 'mute' });
  }

  async unmute(): Promise<void> {
    const mutes = this.#mutes;
    await this.#microphone.open();
    if (mutes !== this.#mutes) throw new PalcoError('aborted');
    this.#wish = 'speech';
    try {
      await Promise.all([this.#around.ask({ type: 'unmute' }), this.#apply()]);
    } catch (error) {
      if (mutes === this.#mutes) this.#wish = undefined;
      this.follow();
      throw error;
    }
  }

  /** The room said how you are: a wish to speak is fulfilled, or refused. */
  heardOfYou(): void {
    if (this.#wish === 'speech') this.#wish = undefined;
  }

  /** Sends what is to be sent now. */
  follow(): void {
    // A connection that closes meanwhile sends nothing anyway.
    this.#apply().catch(() => undefined);
  }

  /** After a fresh snapshot: where others think they hear you and nothing is sent, they are told. */
  settle(): void {
    this.follow();
    if (this.#around.member()?.muted === false && !this.#sent()) {
      this.#around.ask({ type: 'mute' }).catch(() => undefined);
    }
  }

  /** Out of the room. */
  reset(): void {
    this.#mutes += 1;
    this.#wish = undefined;
    this.#microphone.close();
  }

  #sent(): MediaStreamTrack | undefined {
    const member = this.#around.member();
    if (!member || member.muted_by_moderator || this.#wish === 'silence') return undefined;
    return member.muted && this.#wish !== 'speech' ? undefined : this.#microphone.track;
  }

  async #apply(): Promise<void> {
    // In the audience it is open only for the check before the stage.
    const you = this.#around.you();
    if (you && !this.#around.member() && !you.invitation && !you.hand) this.#microphone.close();
    await this.#around.send(this.#sent() ?? null);
  }

  /** It went away. Who speaks goes on with another one, unless somebody would have to be asked; else is muted. */
  async #replace(): Promise<void> {
    const speaks = (): boolean => this.#around.member()?.muted === false && this.#wish !== 'silence';
    if (!speaks()) return;
    try {
      if (!(await microphoneAllowed())) throw new PalcoError('microphone_refused');
      if (!speaks()) return;
      await this.#microphone.open();
      this.#around.lost(undefined);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'aborted' || !speaks()) return;
      this.mute().catch(() => undefined);
      this.#around.lost(code);
    }
  }
}
