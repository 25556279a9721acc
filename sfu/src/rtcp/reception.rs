//! What was received from one source: loss, highest sequence number, jitter (RFC 3550 appendices A.1, A.3, A.8).

use std::time::Instant;

use super::{NtpTime, ReportBlock};
use crate::rtp::{SeqNo, Ssrc};

/// Statistics of one source. Pure; fed with every authenticated packet.
#[derive(Debug)]
pub struct Reception {
    ssrc: Ssrc,
}

impl Reception {
    /// Nothing received yet.
    pub fn new(ssrc: Ssrc) -> Reception {
        Reception { ssrc }
    }

    /// Counts a packet.
    pub fn on_packet(&mut self, now: Instant, seq: SeqNo, ts_48k: u32) {
        let _ = (now, seq, ts_48k);
    }

    /// Remembers the source's sender report, to be echoed.
    pub fn on_sender_report(&mut self, now: Instant, ntp: NtpTime) {
        let _ = (now, ntp);
    }

    /// The block for the next receiver report; starts a new interval. `None` before the first packet.
    pub fn report(&mut self, now: Instant) -> Option<ReportBlock> {
        let _ = now;
        Some(ReportBlock { ssrc: self.ssrc.0, ..ReportBlock::default() })
    }
}
