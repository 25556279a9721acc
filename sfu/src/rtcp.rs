//! RTCP on the wire (RFC 3550 section 6): the reports a relay writes and reads. Written into the caller's buffer,
//! read without copying. Not its job: when to report, SRTCP.

use std::time::Duration;

use crate::rtp::Ssrc;

mod reception;

pub use reception::Reception;

/// Wall-clock time as RTCP writes it: seconds since 1900 in the upper, their fraction in the lower 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NtpTime(pub u64);

impl NtpTime {
    /// From the time since 1970 (RFC 3550 section 4). Wraps in 2036, as the format does.
    pub fn from_unix(since_epoch: Duration) -> NtpTime {
        // 70 years with 17 leap days.
        let seconds = since_epoch.as_secs().wrapping_add(2_208_988_800) & 0xffff_ffff;
        let fraction = (u64::from(since_epoch.subsec_nanos()) << 32) / 1_000_000_000;
        NtpTime((seconds << 32) | fraction)
    }

    /// The middle 32 bits, units of 1/65536 s: what reports echo.
    pub fn middle(self) -> u32 {
        ((self.0 >> 16) & 0xffff_ffff) as u32
    }
}

/// A slot's sender report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderReport {
    /// Whose stream.
    pub ssrc: Ssrc,
    /// Now.
    pub ntp: NtpTime,
    /// The stream's clock now, units of 1/48000 s.
    pub ts_48k: u32,
    /// Packets sent so far; wraps.
    pub packets: u32,
    /// Payload bytes sent so far; wraps.
    pub octets: u32,
}

/// What a receiver says of one source (RFC 3550 section 6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportBlock {
    /// The source.
    pub ssrc: Ssrc,
    /// Loss since the last report, in 256ths.
    pub fraction_lost: u8,
    /// Loss since the beginning; -2^23 ..= 2^23 - 1, negative with duplicates.
    pub cumulative_lost: i32,
    /// The highest sequence number received, with the count of its roll-overs above it.
    pub highest_seq: u32,
    /// Inter-arrival jitter, units of 1/48000 s.
    pub jitter_48k: u32,
    /// The middle of the last sender report's NTP time; 0 if there was none.
    pub last_sr: u32,
    /// Since that report arrived, units of 1/65536 s.
    pub delay_since_last_sr: u32,
}

/// One packet of a compound, or the part of it that a relay uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rtcp<'a> {
    /// A sender report; its blocks are `blocks`.
    SenderReport(SenderReport, Blocks<'a>),
    /// A receiver report by this source.
    ReceiverReport(Ssrc, Blocks<'a>),
    /// These sources have stopped; the first is named.
    Bye(Ssrc),
}

/// Report blocks in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks<'a>(&'a [u8]);

impl Iterator for Blocks<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        let (block, rest) = self.0.split_first_chunk::<24>()?;
        self.0 = rest;
        let word = |at: usize| {
            u32::from_be_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
        };
        Some(ReportBlock {
            ssrc: Ssrc(word(0)),
            fraction_lost: block[4],
            // 24 bits, signed.
            cumulative_lost: (word(4) << 8).cast_signed() >> 8,
            highest_seq: word(8),
            jitter_48k: word(12),
            last_sr: word(16),
            delay_since_last_sr: word(20),
        })
    }
}

/// Walks a decrypted compound packet; stops at the first malformed one, passes over what a relay does not use.
pub fn parse(compound: &[u8]) -> impl Iterator<Item = Rtcp<'_>> {
    let mut rest = compound;
    std::iter::from_fn(move || {
        loop {
            let [first, kind, high, low, ..] = rest else { return None };
            let len = 4 + 4 * usize::from(u16::from_be_bytes([*high, *low]));
            let (packet, after) = rest.split_at_checked(len)?;
            if first >> 6 != 2 {
                return None;
            }
            rest = after;
            if let Some(read) = parse_one(*kind, usize::from(first & 0x1f), &packet[4..]) {
                return Some(read);
            }
        }
    })
}

fn parse_one(kind: u8, count: usize, body: &[u8]) -> Option<Rtcp<'_>> {
    let word = |at: usize| Some(u32::from_be_bytes(*body.get(at..)?.first_chunk()?));
    let ssrc = Ssrc(word(0)?);
    match kind {
        200 => {
            let ntp = NtpTime(u64::from(word(4)?) << 32 | u64::from(word(8)?));
            let report = SenderReport {
                ssrc,
                ntp,
                ts_48k: word(12)?,
                packets: word(16)?,
                octets: word(20)?,
            };
            Some(Rtcp::SenderReport(report, Blocks(body.get(24..24 + 24 * count)?)))
        }
        201 => Some(Rtcp::ReceiverReport(ssrc, Blocks(body.get(4..4 + 24 * count)?))),
        203 if count > 0 => Some(Rtcp::Bye(ssrc)),
        _ => None,
    }
}

/// Longest compound that the writers below produce, in bytes: header, one report block, the canonical name.
pub const MAX_REPORT_LEN: usize = 8 + 24 + 16;

/// The canonical name of everything the server sends: all slots play by one clock (RFC 3550 section 6.5.1).
pub const CNAME: &str = "room";

/// Writes a compound of a sender report without blocks and the canonical name; returns its length.
pub fn write_sender_report(report: &SenderReport, out: &mut [u8; MAX_REPORT_LEN]) -> usize {
    let mut out = Writer { out, len: 0 };
    out.word(0x80c8_0006);
    out.word(report.ssrc.0);
    out.word((report.ntp.0 >> 32) as u32);
    out.word((report.ntp.0 & 0xffff_ffff) as u32);
    out.word(report.ts_48k);
    out.word(report.packets);
    out.word(report.octets);
    out.canonical_name(report.ssrc)
}

/// Writes a compound of a receiver report with one block and the canonical name; returns its length.
/// `own`: the server's SSRC towards this client (no slot's).
pub fn write_receiver_report(
    own: Ssrc,
    block: &ReportBlock,
    out: &mut [u8; MAX_REPORT_LEN],
) -> usize {
    let mut out = Writer { out, len: 0 };
    out.word(0x81c9_0007);
    out.word(own.0);
    out.word(block.ssrc.0);
    let lost = block.cumulative_lost.clamp(-(1 << 23), (1 << 23) - 1).cast_unsigned() & 0x00ff_ffff;
    out.word(u32::from(block.fraction_lost) << 24 | lost);
    out.word(block.highest_seq);
    out.word(block.jitter_48k);
    out.word(block.last_sr);
    out.word(block.delay_since_last_sr);
    out.canonical_name(own)
}

struct Writer<'a> {
    out: &'a mut [u8; MAX_REPORT_LEN],
    len: usize,
}

impl Writer<'_> {
    fn word(&mut self, word: u32) {
        self.out[self.len..self.len + 4].copy_from_slice(&word.to_be_bytes());
        self.len += 4;
    }

    /// Ends the compound, as every compound must, with a source description (RFC 3550 sections 6.1 and 6.5): four
    /// letters leave two zero bytes to the next word, which end the chunk.
    fn canonical_name(mut self, ssrc: Ssrc) -> usize {
        const { assert!(CNAME.len() == 4) };
        self.word(0x81ca_0003);
        self.word(ssrc.0);
        self.out[self.len..self.len + 8].copy_from_slice(&[1, 4, 0, 0, 0, 0, 0, 0]);
        self.out[self.len + 2..self.len + 6].copy_from_slice(CNAME.as_bytes());
        self.len + 8
    }
}

/// The round trip that a report block about our own stream shows (RFC 3550 section 6.4.1). `None` if the receiver
/// had no sender report of ours yet, or the figures contradict the clock.
pub fn round_trip(now: NtpTime, block: &ReportBlock) -> Option<Duration> {
    if block.last_sr == 0 {
        return None;
    }
    let since = now.middle().wrapping_sub(block.last_sr).checked_sub(block.delay_since_last_sr)?;
    // Units of 1/65536 s. More than a minute is a forged or stale report.
    let round_trip = Duration::from_nanos(u64::from(since) * 1_000_000_000 / 65_536);
    (round_trip < Duration::from_secs(60)).then_some(round_trip)
}

#[cfg(test)]
mod tests;
