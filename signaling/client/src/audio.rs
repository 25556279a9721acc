//! Opus frames ready to be sent: from a tone here, from a file in `oggopus`.

use std::f64::consts::TAU;

use bytes::Bytes;
use opus::{Application, Channels, Encoder};

use crate::{Error, level_dbfs};

/// The RTP clock of Opus, whatever its bandwidth (RFC 7587, section 4.1).
pub(crate) const RATE_HZ: u32 = 48_000;
/// 20 ms, what everybody sends.
pub(crate) const FRAME_SAMPLES: usize = 960;
/// An Opus packet of constant 20 ms audio at the codec's highest rate.
pub(crate) const PACKET_MAX_BYTES: usize = 1275;

/// One Opus packet and what its RTP packet says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpusFrame {
    /// The Opus packet.
    pub payload: Bytes,
    /// Its duration at 48 kHz.
    pub samples_48k: u32,
    /// Its loudness for the RFC 6464 extension, in -dBov: 0 loudest, 127 silence.
    pub level_dbov: u8,
}

/// RFC 6464, section 3: the level in -dBov, 0 to 127.
pub(crate) fn level_dbov(pcm: &[i16]) -> u8 {
    (-level_dbfs(pcm)).clamp(0.0, 127.0).round() as u8
}

/// An endless sine, as a microphone would send it: 20 ms Opus frames, mono.
pub struct Tone {
    encoder: Encoder,
    step: f64,
    phase: f64,
}

impl Tone {
    /// A quarter of full scale: -15 dBov, well above what any gate takes for silence.
    const AMPLITUDE: f64 = 8192.0;

    /// A sine of this pitch.
    ///
    /// # Errors
    /// Only if libopus cannot allocate.
    pub fn new(hz: f64) -> Result<Self, Error> {
        let mut encoder = Encoder::new(RATE_HZ, Channels::Mono, Application::Voip)?;
        // What browsers send: in-band FEC is negotiated (`useinbandfec=1`).
        encoder.set_inband_fec(true)?;
        encoder.set_packet_loss_perc(5)?;
        Ok(Self { encoder, step: TAU * hz / f64::from(RATE_HZ), phase: 0.0 })
    }

    pub(crate) fn pcm(&mut self) -> [i16; FRAME_SAMPLES] {
        std::array::from_fn(|_| {
            self.phase = (self.phase + self.step) % TAU;
            (self.phase.sin() * Self::AMPLITUDE) as i16
        })
    }
}

impl Iterator for Tone {
    type Item = OpusFrame;

    fn next(&mut self) -> Option<OpusFrame> {
        let pcm = self.pcm();
        let payload = self.encoder.encode_vec(&pcm, PACKET_MAX_BYTES).ok()?;
        Some(OpusFrame {
            payload: payload.into(),
            samples_48k: FRAME_SAMPLES as u32,
            level_dbov: level_dbov(&pcm),
        })
    }
}
