// What a page received, as its browser's own statistics say: packets, and samples that were made up
// because nothing came in time (concealment).

import type { Person } from './person.js';

export interface Reception {
  packets: number;
  samples: number;
  /** Made up; `silent` of them as silence, which an idle slot is too. */
  concealed: number;
  silent: number;
}

interface InboundRtp {
  type: string;
  packetsReceived?: number;
  totalSamplesReceived?: number;
  concealedSamples?: number;
  silentConcealedSamples?: number;
}

declare global {
  interface Window {
    /** The page's client (web-demo/src/sdk): what these tests use of it. */
    palco: {
      peerConnection?: RTCPeerConnection;
      readonly room: { readonly chat: readonly { text: string }[] } | undefined;
      readonly microphone: { readonly track: MediaStreamTrack | undefined };
      readonly speaking: ReadonlyMap<number, number>;
      on(event: 'speaking', listener: (speaking: ReadonlyMap<number, number>) => void): () => void;
    };
  }
}

/** All slots together, since the connection was made. */
export async function reception(person: Person): Promise<Reception> {
  return person.page.evaluate(async () => {
    const sum = { packets: 0, samples: 0, concealed: 0, silent: 0 };
    const stats = await window.palco.peerConnection!.getStats();
    stats.forEach((one: InboundRtp) => {
      if (one.type !== 'inbound-rtp' || !one.packetsReceived) return;
      sum.packets += one.packetsReceived;
      sum.samples += one.totalSamplesReceived ?? 0;
      sum.concealed += one.concealedSamples ?? 0;
      sum.silent += one.silentConcealedSamples ?? 0;
    });
    return sum;
  });
}

/** What was received while something happened. */
export async function received(person: Person, during: () => Promise<void>): Promise<Reception> {
  const before = await reception(person);
  await during();
  const after = await reception(person);
  return {
    packets: after.packets - before.packets,
    samples: after.samples - before.samples,
    concealed: after.concealed - before.concealed,
    silent: after.silent - before.silent,
  };
}

export function concealment({ samples, concealed, silent }: Reception): string {
  const audible = concealed - silent;
  const percent = (part: number): string => `${((100 * part) / Math.max(samples, 1)).toFixed(2)} %`;
  return `${concealed} of ${samples} samples concealed (${percent(concealed)}), ${audible} of them audibly (${percent(audible)})`;
}

/** How media reaches the page: the transport of the candidate pair in use. */
export async function transport(person: Person): Promise<string | undefined> {
  return person.page.evaluate(async () => {
    const stats = await window.palco.peerConnection!.getStats();
    let chosen: string | undefined;
    stats.forEach((one: { type: string; selectedCandidatePairId?: string }) => {
      if (one.type === 'transport') chosen = one.selectedCandidatePairId ?? chosen;
    });
    // Firefox marks the pair itself.
    stats.forEach((one: { type: string; id: string; selected?: boolean }) => {
      if (one.type === 'candidate-pair' && one.selected) chosen = one.id;
    });
    const pair = chosen === undefined ? undefined : (stats.get(chosen) as { remoteCandidateId: string });
    return pair && (stats.get(pair.remoteCandidateId) as { protocol: string }).protocol;
  });
}
