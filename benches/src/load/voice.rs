//! Real Opus, encoded once and sent over and over: a pitch that glides and swells, so that no two frames are alike and
//! a received frame tells which it was. Pure.

use std::f64::consts::TAU;

/// Samples of a frame of 20 ms at 48 kHz, which is also its step in RTP time.
pub(super) const FRAME_48K: u32 = 960;
/// Frames before the voice repeats: 5 s. Longer than any latency of interest, so that a frame's time is known by its
/// content.
pub(super) const CYCLE: usize = 256;
/// What browsers choose for a voice.
const BITRATE: i32 = 32_000;

/// One 20 ms frame.
pub(super) struct Frame {
    pub(super) opus: Vec<u8>,
    /// RFC 6464: -dBov.
    pub(super) level: u8,
}

/// A cycle of frames, each different from every other of every voice. `voice` numbers the speaker.
pub(super) fn frames(voice: usize) -> Result<Vec<Frame>, opus::Error> {
    let mut encoder = opus::Encoder::new(48_000, opus::Channels::Mono, opus::Application::Voip)?;
    encoder.set_bitrate(opus::Bitrate::Bits(BITRATE))?;
    encoder.set_inband_fec(true)?;
    let base_hz = 110.0 * 2_f64.powf(voice as f64 / 12.0);
    let mut phase = 0.0;
    let mut frames = Vec::with_capacity(CYCLE);
    for frame in 0..CYCLE {
        let pcm: Vec<f32> = (0..FRAME_48K)
            .map(|sample| {
                let at = (frame as f64 + f64::from(sample) / f64::from(FRAME_48K)) / CYCLE as f64;
                // Up and down a fifth within the cycle, louder and softer every second: about a sentence.
                phase += base_hz * (1.0 + 0.5 * (TAU * at).sin()) / 48_000.0;
                let swell = 0.55 + 0.45 * (5.0 * TAU * at).sin();
                let voiced: f64 = (1..=6)
                    .map(|harmonic| (TAU * phase * f64::from(harmonic)).sin() / f64::from(harmonic))
                    .sum();
                (0.2 * swell * voiced) as f32
            })
            .collect();
        let power =
            pcm.iter().map(|sample| f64::from(sample * sample)).sum::<f64>() / pcm.len() as f64;
        let level = (-10.0 * power.max(1e-12).log10()).clamp(0.0, 127.0) as u8;
        frames.push(Frame { opus: encoder.encode_vec_float(&pcm, 400)?, level });
    }
    Ok(frames)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn frames_are_twenty_milliseconds_of_distinct_opus() {
        let voices: Vec<Vec<Frame>> = (0..3).map(|voice| frames(voice).unwrap()).collect();
        let all: Vec<&Frame> = voices.iter().flatten().collect();
        let distinct: HashSet<&[u8]> = all.iter().map(|frame| frame.opus.as_slice()).collect();
        assert_eq!((all.len(), distinct.len()), (3 * CYCLE, 3 * CYCLE));
        for frame in &all {
            assert_eq!(palco_sfu::packet::duration_48k(&frame.opus), FRAME_48K);
            assert!((20..=200).contains(&frame.opus.len()), "{}", frame.opus.len());
            assert!(frame.level > 5 && frame.level < 60, "{}", frame.level);
        }
        let mean = all.iter().map(|frame| frame.opus.len()).sum::<usize>() / all.len();
        assert!((50..=110).contains(&mean), "{mean} bytes are not about 32 kbit/s");
    }
}
