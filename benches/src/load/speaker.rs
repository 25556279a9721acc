//! Speakers' microphones: a frame every 20 ms, on time whatever else happens.

use std::time::Duration;

use rtc_srtp::context::Context;

use super::sdp::{LEVEL_EXT, MICROPHONE_MID, MID_EXT, OPUS_PT};
use super::voice::{CYCLE, FRAME_48K, Frame};

/// Between two frames.
pub(super) const FRAME_INTERVAL: Duration = Duration::from_millis(20);

/// One speaker's microphone.
pub(super) struct Microphone {
    pub(super) client: usize,
    /// As `Meter::speaker` numbered it.
    pub(super) speaker: usize,
    pub(super) next_at: Duration,
    ssrc: u32,
    frames: Vec<Frame>,
    outbound: Context,
    packet: Vec<u8>,
}

impl Microphone {
    pub(super) fn new(
        client: usize,
        speaker: usize,
        ssrc: u32,
        frames: Vec<Frame>,
        outbound: Context,
    ) -> Self {
        Self {
            client,
            speaker,
            next_at: Duration::ZERO,
            ssrc,
            frames,
            outbound,
            packet: Vec::new(),
        }
    }

    /// Frame `number`, sealed.
    pub(super) fn frame(
        &mut self,
        number: usize,
    ) -> Result<bytes::BytesMut, rtc_shared::error::Error> {
        let frame = &self.frames[number % CYCLE];
        // The marker begins the talk (RFC 3551 section 4.1).
        let marker = if number == 0 { 0x80 } else { 0 };
        self.packet.clear();
        self.packet.extend_from_slice(&[0x90, marker | OPUS_PT]);
        self.packet.extend_from_slice(&(number as u16).to_be_bytes());
        self.packet.extend_from_slice(&(number as u32).wrapping_mul(FRAME_48K).to_be_bytes());
        self.packet.extend_from_slice(&self.ssrc.to_be_bytes());
        // One-byte extensions (RFC 8285 section 4.2): the level with the voice flag, and the mid; one word.
        let mid = MICROPHONE_MID.as_bytes()[0];
        self.packet.extend_from_slice(&[0xbe, 0xde, 0, 1]);
        self.packet.extend_from_slice(&[LEVEL_EXT << 4, 0x80 | frame.level, MID_EXT << 4, mid]);
        self.packet.extend_from_slice(&frame.opus);
        self.outbound.encrypt_rtp(&self.packet)
    }
}

/// A receiver report on what a client hears (RFC 3550 section 6.4.2), nothing or a tenth lost, in clear.
pub(super) fn receiver_report(
    from: u32,
    lossy: bool,
    heard: impl Iterator<Item = (u32, u32)>,
) -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend_from_slice(&from.to_be_bytes());
    for (ssrc, highest) in heard {
        packet[0] += 1;
        packet[3] += 6;
        packet.extend_from_slice(&ssrc.to_be_bytes());
        packet.extend_from_slice(&[if lossy { 26 } else { 0 }, 0, 0, 0]);
        packet.extend_from_slice(&highest.to_be_bytes());
        // Jitter, last sender report, delay since: not measured.
        packet.extend_from_slice(&[0; 12]);
    }
    packet
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::voice;
    use palco_sfu::rtp::{RtpPacket, SeqNo, Ssrc};
    use rtc_crypto::RTCCryptoProvider as _;
    use rtc_crypto::providers::AwsLcRsProvider;
    use rtc_srtp::protection_profile::ProtectionProfile;

    #[test]
    fn the_server_reads_what_a_microphone_sends() {
        let provider = AwsLcRsProvider::new();
        let context = || {
            Context::new(
                &[1; 16],
                &[2; 12],
                ProtectionProfile::AeadAes128Gcm,
                None,
                None,
                provider.crypto(),
            )
            .unwrap()
        };
        let frames = voice::frames(0).unwrap();
        let expected: Vec<Vec<u8>> = frames.iter().map(|frame| frame.opus.clone()).collect();
        let level = frames[1].level;
        let mut microphone = Microphone::new(0, 0, 42, frames, context());
        let mut opener = context();
        let clear = opener.decrypt_rtp(&microphone.frame(1).unwrap()).unwrap();
        let packet = RtpPacket::parse(&clear).unwrap();
        assert_eq!((packet.seq, packet.ts_48k, packet.ssrc), (SeqNo(1), FRAME_48K, Ssrc(42)));
        assert_eq!(
            (packet.payload_type, packet.marker, packet.payload),
            (OPUS_PT, false, &expected[1][..])
        );
        assert_eq!(packet.extension(LEVEL_EXT), Some(&[0x80 | level][..]));
        assert_eq!(packet.extension(MID_EXT), Some(MICROPHONE_MID.as_bytes()));
    }

    #[test]
    fn a_report_has_as_many_words_as_it_says() {
        let report = receiver_report(9, false, [(11, 70_000), (12, 3)].into_iter());
        assert_eq!((report[0], report[1], report[3]), (0x82, 201, 13));
        assert_eq!(report.len(), 4 * (13 + 1));
    }
}
