// Sound in and out: the connection it takes, the elements that play it, your voice, and what mends it all.
//
// At most one connection at a time. Not its job: when one is needed, and what the room says.

import type { ClientMessage, Reply } from '../protocol.gen';
import { onDevicesChanged } from './devices';
import type { Connection } from './events';
import { Healing } from './healing';
import { Media, type MediaState } from './media';
import { Microphone } from './microphone';
import { Playback } from './playback';
import { GOOD, type Quality } from './quality';
import type { Speaking } from './speaking';
import { Voice, type Surroundings } from './voice';

export interface Listener extends Pick<Surroundings, 'you' | 'member' | 'lost'> {
  ask: (message: ClientMessage) => Promise<Reply>;
  /** Whether the server can be asked now. */
  signalling: () => boolean;
  /** The connection is beyond repair: another one is needed. */
  renew: () => Promise<void>;
  changed: (changed: Partial<Connection>) => void;
  speaking: (speaking: Speaking) => void;
  quality: (quality: Quality) => void;
}

export class Sound {
  readonly microphone = new Microphone();
  readonly playback = new Playback();
  readonly voice: Voice;
  readonly healing: Healing;
  readonly #listener: Listener;
  #media: Media | undefined;
  #speaking: Speaking = new Map();
  #quality = GOOD;
  #level = 0;
  readonly #stopWatchingDevices: () => void;

  constructor(listener: Listener) {
    this.#listener = listener;
    const { you, member, ask, lost } = listener;
    const send = (track: MediaStreamTrack | null): Promise<void> =>
      this.#media?.send(track) ?? Promise.resolve();
    this.voice = new Voice(this.microphone, { you, member, ask, lost, send });
    this.healing = new Healing({
      signalling: listener.signalling,
      restart: () => this.#restart(),
      renew: listener.renew,
    });
    this.playback.onBlocked = (audioBlocked) => listener.changed({ audioBlocked });
    this.microphone.on('level', (level) => (this.#level = level));
    this.#stopWatchingDevices = onDevicesChanged(() => {
      this.playback.devicesChanged().catch(() => undefined);
    });
  }

  get media(): Media | undefined {
    return this.#media;
  }

  get speaking(): Speaking {
    return this.#speaking;
  }

  get quality(): Quality {
    return this.#quality;
  }

  /** The connection at hand, or a new one: nothing is negotiated yet. Within a tap it may sound. */
  prepare(): Media {
    this.playback.prepare();
    return this.#media ?? this.#make();
  }

  /** A new connection in the place of the one there was. */
  renew(): Media {
    this.#media?.close();
    return this.#make();
  }

  /** No connection, and no microphone. */
  drop(): void {
    this.healing.reset();
    this.#media?.close();
    this.#media = undefined;
    this.playback.stop();
    this.voice.reset();
    this.#spoken(new Map());
    this.#listener.changed({ media: 'idle', audioBlocked: false });
  }

  /** The page is looked at again: perhaps after hours of sleep, or a call that paused what played. */
  looked(): void {
    if (this.#media) this.playback.resume();
  }

  measured(quality: Quality): void {
    this.#quality = quality;
    this.#listener.quality(quality);
  }

  close(): void {
    this.drop();
    this.#stopWatchingDevices();
    this.playback.remove();
  }

  #make(): Media {
    const media = new Media({
      state: (state) => this.#media === media && this.#changed(state),
      speaking: (speaking) => this.#spoken(speaking),
      own: () => {
        const member = this.#listener.member();
        if (!member || member.muted || !this.microphone.track) return undefined;
        return { number: member.number, level: this.#level };
      },
    });
    this.healing.reset();
    this.#media = media;
    this.#listener.changed({ media: 'connecting' });
    this.measured(GOOD);
    this.playback.play(media.tracks);
    return media;
  }

  #changed(media: MediaState): void {
    this.healing.mediaChanged(media);
    this.#listener.changed({ media });
  }

  #spoken(speaking: Speaking): void {
    this.#speaking = speaking;
    this.#listener.speaking(speaking);
  }

  async #restart(): Promise<void> {
    await this.#media?.restart(async (offer) => {
      const reply = await this.#listener.ask({ type: 'restart_ice', offer });
      return reply.type === 'ice_restarted' ? reply.answer : undefined;
    });
  }
}
