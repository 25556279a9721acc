//! A slot's continuity: whoever holds it, listeners see one stream whose sequence numbers and timestamps never
//! break. Pure, driven by an explicit `now`. Owned by the room on its shard. Not its job: who holds the slot
//! (`loudest`), the packet's bytes (`packet`), a listener's key.

use std::time::{Duration, Instant};

use crate::loudest::SpeakerNo;
use crate::rtp::{SeqNo, Ssrc};

/// After this long without a packet a talk is over: the next one is anchored to the wall clock anew. Browsers
/// freeze the RTP clock while no track is attached; carried through, their jitter buffers would grow.
pub const TALK_GAP: Duration = Duration::from_millis(200);

/// Where a packet comes from; a change of either part is a new source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The speaker.
    pub speaker: SpeakerNo,
    /// The speaker's own SSRC.
    pub ssrc: Ssrc,
}

/// What continuity needs to know of a speaker's packet.
#[derive(Clone, Copy, Debug)]
pub struct SourcePacket {
    /// Its origin.
    pub source: Source,
    /// The speaker's sequence number.
    pub seq: SeqNo,
    /// The speaker's timestamp, units of 1/48000 s.
    pub ts_48k: u32,
    /// The speaker's marker bit.
    pub marker: bool,
    /// How much sound the payload holds (see `packet::duration_48k`), units of 1/48000 s.
    pub duration_48k: u32,
    /// The payload says silence (see `packet::is_dtx`): the talk needs no end frames.
    pub dtx: bool,
}

/// Where a packet stands in the slot's outgoing stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Continued {
    /// The extended sequence number: the low 16 bits travel, the rest counts the roll-overs.
    pub ext_seq: u64,
    /// The outgoing timestamp, units of 1/48000 s.
    pub ts_48k: u32,
    /// First packet of a talk.
    pub marker: bool,
}

/// One outgoing slot's clock.
#[derive(Debug)]
pub struct Slot {
    /// One past the highest number given.
    next_seq: u64,
    start_ts_48k: u32,
    last: Option<Last>,
    talk: Option<Talk>,
}

/// The packet with the highest number: where the stream stands.
#[derive(Debug)]
struct Last {
    at: Instant,
    /// The timestamp, with its roll-overs (every 24.8 h) counted.
    ts_48k: u64,
    duration_48k: u32,
    /// The stream's time by the wall clock: a source that was anchored late, or whose packets came in a burst, runs
    /// ahead of it, and the next pause takes the lead back.
    epoch: (Instant, u64),
}

/// One source's run of packets under one mapping of numbers and one of timestamps.
#[derive(Debug)]
struct Talk {
    source: Source,
    highest: SeqNo,
    /// Outgoing minus the source's timestamp; wraps.
    ts_offset: u32,
    /// Bit n: `highest - n` was sent.
    sent: u64,
    /// How far back from `highest` the run reaches, at most 63: numbers before it belong to somebody else.
    reach: u16,
    dtx: bool,
}

/// The longest hole that is carried through, in packets: as far back as `Talk::sent` remembers. A longer one is a
/// restart of the source, and listeners could not conceal it anyhow.
const MAX_HOLE: i16 = 63;
/// How far the source's clock may deviate from the wall clock over a pause before it counts as having stood still:
/// more than usual network jitter, less than listeners notice as delay.
const PAUSE_TOLERANCE_48K: i64 = 100 * 48;
/// How far a timestamp may leap ahead of the wall clock between two packets: a burst after a stall, not a forgery.
const MAX_LEAP_48K: i64 = 1000 * 48;
/// The grid on which a new source starts, so that its frames follow the former source's without a fraction of a
/// frame between them, which receivers would have to conceal.
const FRAME_48K: i64 = 960;

impl Slot {
    /// A slot that has sent nothing; `ts_48k` is the first outgoing timestamp (any value).
    pub fn new(ts_48k: u32) -> Slot {
        Slot { next_seq: 0, start_ts_48k: ts_48k, last: None, talk: None }
    }

    /// Gives a speaker's packet its place. `None`: a duplicate, or too late to be placed; drop it.
    pub fn on_packet(&mut self, now: Instant, packet: &SourcePacket) -> Option<Continued> {
        let (Some(talk), Some(last)) = (&mut self.talk, &self.last) else {
            return Some(self.start_talk(now, packet));
        };
        if talk.source != packet.source {
            return Some(self.start_talk(now, packet));
        }
        let ahead = packet.seq.distance_from(talk.highest);
        let ts_48k = packet.ts_48k.wrapping_add(talk.ts_offset);
        let advance = i64::from(ts_48k.wrapping_sub(low_32(last.ts_48k)).cast_signed());
        if ahead <= 0 {
            // A hole is filled once, and only by what lies before the newest packet in time too.
            let back = ahead.unsigned_abs();
            if back > talk.reach || talk.sent & (1 << back) != 0 || advance >= 0 {
                return None;
            }
            talk.sent |= 1 << back;
            let ext_seq = self.next_seq - 1 - u64::from(back);
            return Some(Continued { ext_seq, ts_48k, marker: packet.marker });
        }
        let since_last = now.saturating_duration_since(last.at);
        let paused = since_last > TALK_GAP;
        let wall = wall_48k(since_last);
        let in_time = match paused {
            true => (advance - wall).abs() <= PAUSE_TOLERANCE_48K,
            false => advance <= wall + MAX_LEAP_48K,
        };
        if ahead > MAX_HOLE || advance <= 0 || !in_time {
            return Some(self.start_talk(now, packet));
        }
        let ahead = ahead.unsigned_abs();
        talk.sent = talk.sent << ahead | 1;
        talk.reach = (talk.reach + ahead).min(MAX_HOLE.unsigned_abs());
        talk.highest = packet.seq;
        talk.dtx = packet.dtx;
        self.next_seq += u64::from(ahead);
        let (epoch, extended) = (last.epoch, last.ts_48k.wrapping_add_signed(advance));
        self.last =
            Some(Last { at: now, ts_48k: extended, duration_48k: packet.duration_48k, epoch });
        // The refreshing packets of a DTX pause come every 400 ms and start nothing.
        let marker = packet.marker || (paused && !packet.dtx);
        Some(Continued { ext_seq: self.next_seq - 1, ts_48k, marker })
    }

    /// The source's packet takes the next number and the time that the wall clock gives it.
    fn start_talk(&mut self, now: Instant, packet: &SourcePacket) -> Continued {
        let ts_48k = self.append(now, packet.duration_48k);
        self.talk = Some(Talk {
            source: packet.source,
            highest: packet.seq,
            ts_offset: ts_48k.wrapping_sub(packet.ts_48k),
            sent: 1,
            reach: 0,
            dtx: packet.dtx,
        });
        Continued { ext_seq: self.next_seq - 1, ts_48k, marker: true }
    }

    /// Gives out the next number with a timestamp anchored to the wall clock; returns the timestamp.
    fn append(&mut self, now: Instant, duration_48k: u32) -> u32 {
        self.next_seq += 1;
        let (ts_48k, epoch) = match &self.last {
            None => (u64::from(self.start_ts_48k), (now, u64::from(self.start_ts_48k))),
            Some(last) => {
                let wall = wall_48k(now.saturating_duration_since(last.at));
                let (epoch_at, epoch_ts) = last.epoch;
                let by_epoch =
                    epoch_ts.wrapping_add_signed(wall_48k(now.saturating_duration_since(epoch_at)));
                let due = by_epoch.wrapping_sub(last.ts_48k).cast_signed();
                // Never further than the pause was long: a source whose clock ran slow is not made up for.
                let frames = (due.min(wall) + FRAME_48K / 2) / FRAME_48K;
                // 2.5 ms is the shortest Opus frame; a malformed payload has no duration.
                let advance = (frames * FRAME_48K).max(i64::from(last.duration_48k.max(120)));
                let ts_48k = last.ts_48k.wrapping_add_signed(advance);
                (ts_48k, if advance > due { last.epoch } else { (now, ts_48k) })
            }
        };
        self.last = Some(Last { at: now, ts_48k, duration_48k, epoch });
        low_32(ts_48k)
    }

    /// When `end` should be called if no packet comes before: `TALK_GAP` after the last packet of a talk that did
    /// not end in silence by itself. `None`: nothing to end.
    pub fn end_due(&self) -> Option<Instant> {
        let talk = self.talk.as_ref()?;
        if talk.dtx { None } else { self.last.as_ref().map(|last| last.at + TALK_GAP) }
    }

    /// Ends the talk: places for `packet::END_FRAMES`, in order, so that listeners hear silence rather than half a
    /// second of concealment. `None` if the slot is silent already. Also call it when a speaker is muted or leaves:
    /// whoever comes next, and be it the same source, starts anew without a hole.
    pub fn end(&mut self, now: Instant) -> Option<[Continued; 2]> {
        if self.talk.take()?.dtx {
            return None;
        }
        Some([0, 1].map(|_| {
            let ts_48k = self.append(now, FRAME_48K as u32);
            Continued { ext_seq: self.next_seq - 1, ts_48k, marker: false }
        }))
    }

    /// The outgoing RTP time that corresponds to `now` (for sender reports). `None` before the first packet.
    pub fn ts_at(&self, now: Instant) -> Option<u32> {
        let last = self.last.as_ref()?;
        Some(low_32(
            last.ts_48k.wrapping_add_signed(wall_48k(now.saturating_duration_since(last.at))),
        ))
    }
}

/// What travels of an extended timestamp.
fn low_32(ts_48k: u64) -> u32 {
    (ts_48k & 0xffff_ffff) as u32
}

/// A span in units of 1/48000 s.
fn wall_48k(span: Duration) -> i64 {
    // A span that does not fit (6,000 years) saturates.
    i64::try_from(span.as_micros() * 48 / 1000).unwrap_or(i64::MAX)
}

/// One listener's view of one slot: its own sequence starts at a small number with roll-over 0, whatever the slot's
/// count, because a new receiver assumes roll-over 0 (RFC 3711 section 3.3.1) and a start below 2^15 leaves no
/// doubt. Switching between variants (whose counts differ) keeps it unbroken; no number is used twice.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListenerSeq {
    /// Stream number minus listener's number; wraps.
    base: u64,
    /// The lowest number this listener may still be given from the present stream.
    floor: u64,
    /// One past the highest number given.
    next: u64,
}

impl ListenerSeq {
    /// Joins a stream whose next packet is `stream_ext_seq`.
    pub fn join(stream_ext_seq: u64) -> ListenerSeq {
        ListenerSeq { base: stream_ext_seq, floor: 0, next: 0 }
    }

    /// The listener's number (low 16 bits: sequence; `>> 16`: roll-over counter) for a packet of the stream.
    /// `None`: the packet lies before the listener joined or switched, or the key's 2^48 numbers are used up
    /// (RFC 3711 section 9.2); do not send it.
    pub fn place(&mut self, stream_ext_seq: u64) -> Option<u64> {
        let own = stream_ext_seq.wrapping_sub(self.base);
        // Below the base the subtraction wraps to a huge number.
        if own < self.floor || own >= 1 << 48 {
            return None;
        }
        self.next = self.next.max(own + 1);
        Some(own)
    }

    /// Continues with another stream (another variant of the slot) whose next packet is `stream_ext_seq`.
    pub fn switch(&mut self, stream_ext_seq: u64) {
        self.floor = self.next;
        self.base = stream_ext_seq.wrapping_sub(self.next);
    }
}

#[cfg(test)]
mod tests;
