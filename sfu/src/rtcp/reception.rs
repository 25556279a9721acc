//! What was received from one source: loss, highest sequence number, jitter (RFC 3550 appendices A.1, A.3, A.8).

use std::time::Instant;

use super::{NtpTime, ReportBlock};
use crate::rtp::{SeqNo, Ssrc};
use crate::slot::TALK_GAP;

/// Further ahead than this is a restart, not loss (RFC 3550 appendix A.1): a minute of 20 ms packets.
const MAX_DROPOUT: i16 = 3000;
/// Further behind than this is a restart, not reordering: two seconds.
const MAX_MISORDER: i16 = 100;

/// Statistics of one source. Pure; fed with every authenticated packet.
#[derive(Debug)]
pub struct Reception {
    ssrc: Ssrc,
    heard: Option<Heard>,
    last_sr: Option<(u32, Instant)>,
}

#[derive(Debug)]
struct Heard {
    /// Extended as reported: roll-overs counted from 0.
    base_seq: u32,
    highest_seq: u32,
    /// The number that would confirm a restart.
    restart_seq: Option<SeqNo>,
    received: u32,
    expected_before: u32,
    received_before: u32,
    /// Where the clock of transit times starts.
    epoch: Instant,
    last_at: Instant,
    /// Arrival minus timestamp; only differences mean something.
    transit_48k: u32,
    /// Sixteen times the jitter: keeps the fraction.
    jitter_x16: u32,
}

impl Reception {
    /// Nothing received yet.
    pub fn new(ssrc: Ssrc) -> Reception {
        Reception { ssrc, heard: None, last_sr: None }
    }

    /// Counts a packet.
    pub fn on_packet(&mut self, now: Instant, seq: SeqNo, ts_48k: u32) {
        match &mut self.heard {
            Some(heard) => heard.on_packet(now, seq, ts_48k),
            None => self.heard = Some(Heard::first(now, seq, ts_48k)),
        }
    }

    /// Remembers the source's sender report, to be echoed.
    pub fn on_sender_report(&mut self, now: Instant, ntp: NtpTime) {
        self.last_sr = Some((ntp.middle(), now));
    }

    /// The block for the next receiver report; starts a new interval. `None` before the first packet.
    pub fn report(&mut self, now: Instant) -> Option<ReportBlock> {
        let heard = self.heard.as_mut()?;
        let (last_sr, delay_since_last_sr) = self.last_sr.map_or((0, 0), |(middle, at)| {
            let delay = now.saturating_duration_since(at).as_nanos() * 65_536 / 1_000_000_000;
            (middle, u32::try_from(delay).unwrap_or(u32::MAX))
        });
        Some(ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: heard.fraction_lost(),
            cumulative_lost: heard.lost(),
            highest_seq: heard.highest_seq,
            jitter_48k: heard.jitter_x16 >> 4,
            last_sr,
            delay_since_last_sr,
        })
    }

    /// Packets received since the beginning (or the source's restart).
    pub fn received(&self) -> u32 {
        self.heard.as_ref().map_or(0, |heard| heard.received)
    }

    /// Packets lost since the beginning (or the source's restart); negative with duplicates.
    pub fn lost(&self) -> i32 {
        self.heard.as_ref().map_or(0, Heard::lost)
    }

    /// Inter-arrival jitter, units of 1/48000 s.
    pub fn jitter_48k(&self) -> u32 {
        self.heard.as_ref().map_or(0, |heard| heard.jitter_x16 >> 4)
    }
}

impl Heard {
    fn first(now: Instant, seq: SeqNo, ts_48k: u32) -> Heard {
        Heard {
            base_seq: u32::from(seq.0),
            highest_seq: u32::from(seq.0),
            restart_seq: None,
            received: 1,
            expected_before: 0,
            received_before: 0,
            epoch: now,
            last_at: now,
            transit_48k: 0u32.wrapping_sub(ts_48k),
            jitter_x16: 0,
        }
    }

    fn on_packet(&mut self, now: Instant, seq: SeqNo, ts_48k: u32) {
        let ahead = seq.distance_from(SeqNo((self.highest_seq & 0xffff) as u16));
        if ahead >= MAX_DROPOUT || ahead <= -MAX_MISORDER {
            // One stray packet is ignored; a second one in its sequence is a source that started anew.
            if self.restart_seq == Some(seq) {
                *self = Heard::first(now, seq, ts_48k);
            } else {
                self.restart_seq = Some(SeqNo(seq.0.wrapping_add(1)));
            }
            return;
        }
        self.restart_seq = None;
        self.received = self.received.wrapping_add(1);
        if ahead > 0 {
            self.highest_seq = self.highest_seq.wrapping_add(ahead.cast_unsigned().into());
        }
        self.measure_transit(now, ts_48k);
    }

    fn measure_transit(&mut self, now: Instant, ts_48k: u32) {
        let arrival = now.saturating_duration_since(self.epoch).as_micros() * 48 / 1000;
        let transit = ((arrival & 0xffff_ffff) as u32).wrapping_sub(ts_48k);
        // Ten seconds at most, so that forged timestamps cannot overflow the sum.
        let change =
            transit.wrapping_sub(self.transit_48k).cast_signed().unsigned_abs().min(480_000);
        // Across a pause the difference measures how long the sender's clock stood still (browsers stop it while no
        // track is attached), not the network.
        if now.saturating_duration_since(self.last_at) <= TALK_GAP {
            let decay = (self.jitter_x16 + 8) >> 4;
            self.jitter_x16 = self.jitter_x16 + change - decay;
        }
        self.transit_48k = transit;
        self.last_at = now;
    }

    fn expected(&self) -> u32 {
        self.highest_seq.wrapping_sub(self.base_seq).wrapping_add(1)
    }

    /// 24 bits, signed.
    fn lost(&self) -> i32 {
        self.expected().wrapping_sub(self.received).cast_signed().clamp(-(1 << 23), (1 << 23) - 1)
    }

    /// Of the interval since the last call.
    fn fraction_lost(&mut self) -> u8 {
        let expected = self.expected().wrapping_sub(self.expected_before);
        let received = self.received.wrapping_sub(self.received_before);
        (self.expected_before, self.received_before) = (self.expected(), self.received);
        match expected.checked_sub(received) {
            Some(lost) if expected > 0 => {
                (u64::from(lost) * 256 / u64::from(expected)).min(255) as u8
            }
            _ => 0,
        }
    }
}
