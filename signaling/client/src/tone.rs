//! What is heard, measured: loudness and pitch of a stretch of audio. Pure.

use std::f64::consts::TAU;

use crate::audio::RATE_HZ;

/// Voices and test tones lie in here; hum below, hiss above.
const LOWEST_HZ: f64 = 80.0;
const HIGHEST_HZ: f64 = 4_000.0;
/// Every fourth sample after averaging four: enough for `HIGHEST_HZ`, a quarter of the work.
const DECIMATE: usize = 4;
/// Below this it is silence, whatever its spectrum.
const SILENCE_DBFS: f64 = -60.0;
/// A lone sine through Opus keeps more than 0.9 of the energy in its peak; of two equal ones each
/// has less than half. Below this share there is no single pitch.
const TONAL_SHARE: f64 = 0.6;

/// Root mean square relative to full scale, in dB: 0 is a full-scale square wave (dBov of
/// RFC 6464), -127 is silence.
#[must_use]
pub fn level_dbfs(pcm: &[i16]) -> f64 {
    let energy: f64 = pcm.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    if energy == 0.0 {
        return -127.0;
    }
    let mean_square = energy / pcm.len() as f64;
    (10.0 * (mean_square / 32_768f64.powi(2)).log10()).max(-127.0)
}

/// The pitch of mono 48 kHz audio that is one tone, to about 1 Hz from 100 ms on; nothing if it is
/// silent, shorter than 40 ms, or not one tone.
#[must_use]
pub fn dominant_hz(pcm: &[i16]) -> Option<f64> {
    if pcm.len() < RATE_HZ as usize / 25 || level_dbfs(pcm) < SILENCE_DBFS {
        return None;
    }
    let windowed = hann(&decimate(pcm));
    let rate = f64::from(RATE_HZ) / DECIMATE as f64;
    let samples = windowed.len() as f64;
    // Half the main lobe of the window is two bins; one bin a step cannot miss it.
    let step = rate / samples;
    let mut best = (0.0, LOWEST_HZ);
    let mut hz = LOWEST_HZ;
    while hz < HIGHEST_HZ {
        let here = power(&windowed, hz / rate);
        if here > best.0 {
            best = (here, hz);
        }
        hz += step;
    }
    // Golden-section search within the lobe, which has one maximum.
    let (mut low, mut high) = (best.1 - step, best.1 + step);
    for _ in 0..24 {
        let third = (high - low) * 0.381_966;
        if power(&windowed, (low + third) / rate) > power(&windowed, (high - third) / rate) {
            high -= third;
        } else {
            low += third;
        }
    }
    let peak_hz = (low + high) / 2.0;
    // Share of the energy: a sine of amplitude A, windowed, has power (A·Σw/2)² and energy
    // A²·Σw²/2; for Hann Σw = n/2 and Σw² = 3n/8.
    let energy: f64 = windowed.iter().map(|x| x * x).sum();
    let share = power(&windowed, peak_hz / rate) * 3.0 / (energy * samples);
    (share > TONAL_SHARE).then_some(peak_hz)
}

fn decimate(pcm: &[i16]) -> Vec<f64> {
    pcm.chunks_exact(DECIMATE)
        .map(|four| four.iter().map(|&sample| f64::from(sample)).sum::<f64>() / DECIMATE as f64)
        .collect()
}

fn hann(samples: &[f64]) -> Vec<f64> {
    let turn = TAU / samples.len() as f64;
    samples
        .iter()
        .enumerate()
        .map(|(index, sample)| {
            let weight = 0.5 - 0.5 * (turn * index as f64).cos();
            sample * weight
        })
        .collect()
}

/// The Goertzel algorithm: squared magnitude of one frequency, in cycles per sample.
fn power(samples: &[f64], cycles_per_sample: f64) -> f64 {
    let turn = 2.0 * (TAU * cycles_per_sample).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for sample in samples {
        let next = sample + turn * last - before;
        before = last;
        last = next;
    }
    last * last + before * before - turn * last * before
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tone;

    fn sine(hz: f64, amplitude: f64, samples: usize) -> Vec<i16> {
        (0..samples).map(|n| ((TAU * hz * n as f64 / 48_000.0).sin() * amplitude) as i16).collect()
    }

    fn mix(a: &[i16], b: &[i16]) -> Vec<i16> {
        a.iter().zip(b).map(|(a, b)| a + b).collect()
    }

    #[test]
    fn the_pitch_of_a_sine_is_found_within_a_hertz() {
        for hz in [100.0, 440.0, 445.3, 880.0, 1_234.5, 3_500.0] {
            let found = dominant_hz(&sine(hz, 8_000.0, 4_800)).unwrap();
            assert!((found - hz).abs() < 1.0, "{hz}: {found}");
        }
    }

    #[test]
    fn a_tone_through_opus_keeps_its_pitch_and_level() {
        let mut decoder = opus::Decoder::new(48_000, opus::Channels::Mono).unwrap();
        let mut heard = Vec::new();
        for frame in Tone::new(440.0).unwrap().take(25) {
            assert_eq!(frame.samples_48k, 960);
            assert_eq!(frame.level_dbov, 15);
            let mut pcm = [0; 960];
            assert_eq!(decoder.decode(&frame.payload, &mut pcm, false).unwrap(), 960);
            heard.extend_from_slice(&pcm);
        }
        let settled = &heard[heard.len() - 9_600..];
        let hz = dominant_hz(settled).unwrap();
        assert!((hz - 440.0).abs() < 2.0, "{hz}");
        assert!((level_dbfs(settled) + 15.0).abs() < 2.0, "{}", level_dbfs(settled));
    }

    #[test]
    fn silence_noise_and_two_tones_have_no_pitch() {
        assert_eq!(dominant_hz(&[0; 4_800]), None);
        assert_eq!(dominant_hz(&sine(440.0, 8_000.0, 960)), None, "too short to tell");
        let mut state = 1u32;
        let noise: Vec<i16> = (0..9_600)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                ((state >> 16) as i16) / 4
            })
            .collect();
        assert_eq!(dominant_hz(&noise), None);
        let both = mix(&sine(440.0, 8_000.0, 9_600), &sine(880.0, 8_000.0, 9_600));
        assert_eq!(dominant_hz(&both), None);
    }

    #[test]
    fn levels_are_relative_to_full_scale() {
        assert_eq!(level_dbfs(&[]), -127.0);
        assert_eq!(level_dbfs(&[0; 10]), -127.0);
        assert!(level_dbfs(&[-32_768; 10]).abs() < 1e-9);
        assert!((level_dbfs(&sine(1_000.0, 32_767.0, 48_000)) + 3.01).abs() < 0.01);
    }
}
