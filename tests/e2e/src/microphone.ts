// A microphone with a known pitch: a page's getUserMedia gives a real track fed by an oscillator, so
// that the real encoder, transport and decoder carry it, and a listener can be asked what it hears.

import type { BrowserContext } from 'playwright-core';

declare global {
  interface Window {
    /** How often the page has asked for a microphone. */
    palcoMicrophoneAsked?: number;
    /** How loudly its owner speaks; 0 is silence in an open microphone. */
    palcoVoice?: AudioParam;
  }
}

export async function giveMicrophone(context: BrowserContext, hz: number): Promise<void> {
  await context.addInitScript((pitch: number) => {
    window.palcoMicrophoneAsked = 0;
    // Absent where the page is no secure context: then the test fails as a person would.
    if (!navigator.mediaDevices) return;
    navigator.mediaDevices.getUserMedia = async () => {
      window.palcoMicrophoneAsked = (window.palcoMicrophoneAsked ?? 0) + 1;
      const audio = new AudioContext({ sampleRate: 48_000 });
      const oscillator = new OscillatorNode(audio, { frequency: pitch });
      const volume = new GainNode(audio, { gain: 0.4 });
      const out = new MediaStreamAudioDestinationNode(audio, { channelCount: 1 });
      oscillator.connect(volume).connect(out);
      oscillator.start();
      window.palcoVoice = volume.gain;
      await audio.resume();
      return out.stream;
    };
  }, hz);
}
