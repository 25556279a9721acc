import { describe, expect, it } from 'vitest';
import { SpeakingMeter, loudness, type Source } from '../src/sdk/speaking';

const source = (number: number, timestamp: number, audioLevel = 0.1): Source => ({
  source: number,
  timestamp,
  audioLevel,
});

describe('SpeakingMeter', () => {
  it('names who is heard, and says nothing while nothing changes', () => {
    const meter = new SpeakingMeter();
    expect([...(meter.update(1000, [source(3, 990), source(5, 995)]) ?? [])].map(([n]) => n)).toEqual([3, 5]);
    expect(meter.update(1100, [source(3, 1090), source(5, 1095)])).toBeUndefined();
  });

  it('ignores entries that browsers keep for longer than half a second', () => {
    const meter = new SpeakingMeter();
    expect(meter.update(1000, [source(3, 499)])).toBeUndefined();
    expect(meter.speaking.size).toBe(0);
    expect(meter.update(1000, [source(3, 500)])?.has(3)).toBe(true);
  });

  it('holds a ring over the gap between words, no longer', () => {
    const meter = new SpeakingMeter();
    meter.update(1000, [source(3, 1000)]);
    // The level falls to its lowest at once; the ring stays.
    expect(meter.update(1100, [source(3, 1100, 0)])?.get(3)).toBe(1 / 8);
    expect(meter.update(1400, [source(3, 1400, 0)])).toBeUndefined();
    expect(meter.update(1401, [source(3, 1401, 0)])?.size).toBe(0);
  });

  it('does not call a quiet room a voice, nor a packet without a level', () => {
    const meter = new SpeakingMeter();
    expect(meter.update(1000, [source(3, 1000, 0.0029)])).toBeUndefined();
    expect(meter.update(1000, [{ source: 3, timestamp: 1000 }])).toBeUndefined();
  });

  it('takes the loudest of two slots that carry one speaker during a hand-over', () => {
    const meter = new SpeakingMeter();
    expect(meter.update(1000, [source(3, 1000, 0.01), source(3, 1000, 0.3)])?.get(3)).toBe(loudness(0.3));
  });
});

describe('loudness', () => {
  it('goes in eighths from a whisper to a loud voice', () => {
    expect([0, 0.003, 0.01, 0.1, 0.3163, 1].map(loudness)).toEqual([0.125, 0.125, 0.25, 0.75, 1, 1]);
  });
});
