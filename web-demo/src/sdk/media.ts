// One peer connection and its one negotiation: a sendonly microphone section and K recvonly slots.
// Going on stage, muting and changing the device only replace the sender's track.
//
// Not its job: elements (playback.ts), the microphone (microphone.ts), what the server says.

import type { SpeakerNumber } from '../protocol.gen';
import { PalcoError } from './errors';
import { SLOTS } from './playback';
import { SpeakingMeter, type Source, type Speaking } from './speaking';

export type MediaState = 'connecting' | 'connected' | 'interrupted' | 'failed';

export interface MediaHandlers {
  state: (state: MediaState) => void;
  speaking: (speaking: Speaking) => void;
  /** Our own voice never comes back to us: its number and linear level, while we are heard. */
  own: () => { number: SpeakerNumber; level: number } | undefined;
}

const SPEAKING_INTERVAL_MS = 100;

export class Media {
  readonly #pc: RTCPeerConnection;
  readonly #sender: RTCRtpSender;
  readonly #receivers: RTCRtpReceiver[];
  readonly #meter = new SpeakingMeter();
  readonly #meterTimer: ReturnType<typeof setInterval>;
  /** Rejects when the connection closes: what a browser is doing for it then is never done, nor refused. */
  readonly #over: Promise<never>;
  #end: () => void = () => undefined;
  /** Offers made; an answer to one before the last fits nothing. */
  #offers = 0;
  #wanted: MediaStreamTrack | null = null;
  #replacing: Promise<void> | undefined;

  constructor(handlers: MediaHandlers) {
    if (typeof RTCPeerConnection === 'undefined') throw new PalcoError('browser_too_old');
    const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', rtcpMuxPolicy: 'require' });
    this.#pc = pc;
    this.#over = new Promise((_, reject) => (this.#end = () => reject(new PalcoError('aborted'))));
    this.#over.catch(() => undefined);
    this.#sender = pc.addTransceiver('audio', { direction: 'sendonly' }).sender;
    this.#receivers = Array.from(
      { length: SLOTS },
      () => pc.addTransceiver('audio', { direction: 'recvonly' }).receiver,
    );
    pc.onconnectionstatechange = () => {
      const state = stateOf(pc.connectionState);
      if (state) handlers.state(state);
    };
    this.#meterTimer = setInterval(() => {
      const now = performance.timeOrigin + performance.now();
      const sources: Source[] = this.#receivers.flatMap((receiver) => receiver.getContributingSources());
      const own = handlers.own();
      if (own) sources.push({ source: own.number, audioLevel: own.level, timestamp: now });
      const speaking = this.#meter.update(now, sources);
      if (speaking) handlers.speaking(speaking);
    }, SPEAKING_INTERVAL_MS);
  }

  /** What the slots receive; exists before anything is negotiated, so that a tap can start it. */
  get tracks(): MediaStreamTrack[] {
    return this.#receivers.map((receiver) => receiver.track);
  }

  /** For measurements on the page. */
  get connection(): RTCPeerConnection {
    return this.#pc;
  }

  /** The one offer. Candidates need not wait: the server learns ours from our checks. */
  offer(): Promise<string> {
    return this.#describe();
  }

  /**
   * New ICE credentials, for a network that changed; DTLS and the streams stay. `ask` gets the offer and gives the
   * server's answer, unless it has become pointless.
   */
  async restart(ask: (offer: string) => Promise<string | undefined>): Promise<void> {
    if (this.#pc.signalingState !== 'stable') await this.#pc.setLocalDescription({ type: 'rollback' });
    const offer = await this.#describe({ iceRestart: true });
    const made = this.#offers;
    const answer = await ask(offer);
    if (answer !== undefined && made === this.#offers) await this.answer(answer);
  }

  async answer(sdp: string): Promise<void> {
    await this.#unlessOver(this.#pc.setRemoteDescription({ type: 'answer', sdp }));
  }

  /** The microphone's track, or null to send nothing at all. Never renegotiates. */
  async send(track: MediaStreamTrack | null): Promise<void> {
    this.#wanted = track;
    if (!this.#replacing && this.#sender.track === track) return;
    this.#replacing ??= this.#replace();
    await this.#unlessOver(this.#replacing);
  }

  /** One replacement at a time, until the last wish is true: two at once would end in either order. */
  async #replace(): Promise<void> {
    try {
      while (this.#sender.track !== this.#wanted && this.#pc.connectionState !== 'closed') {
        await this.#sender.replaceTrack(this.#wanted);
      }
    } finally {
      this.#replacing = undefined;
    }
  }

  close(): void {
    clearInterval(this.#meterTimer);
    this.#pc.onconnectionstatechange = null;
    this.#pc.close();
    this.#end();
  }

  #unlessOver<Done>(doing: Promise<Done>): Promise<Done> {
    return Promise.race([doing, this.#over]);
  }

  async #describe(options?: RTCOfferOptions): Promise<string> {
    const offer = await this.#unlessOver(this.#pc.createOffer(options));
    await this.#unlessOver(this.#pc.setLocalDescription(offer));
    this.#offers += 1;
    const sdp = this.#pc.localDescription?.sdp;
    if (sdp === undefined) throw new PalcoError('browser_too_old');
    return sdp;
  }
}

function stateOf(state: RTCPeerConnectionState): MediaState | undefined {
  switch (state) {
    case 'new':
    case 'connecting':
      return 'connecting';
    case 'connected':
      return 'connected';
    case 'disconnected':
      return 'interrupted';
    case 'failed':
      return 'failed';
    case 'closed':
      return undefined;
  }
}
