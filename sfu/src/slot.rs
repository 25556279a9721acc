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
    next_seq: u64,
    next_ts_48k: u32,
    anchor: Option<Anchor>,
}

#[derive(Debug)]
struct Anchor {
    source: Source,
    last_at: Instant,
    dtx: bool,
}

impl Slot {
    /// A slot that has sent nothing; `ts_48k` is the first outgoing timestamp (any value).
    pub fn new(ts_48k: u32) -> Slot {
        Slot { next_seq: 0, next_ts_48k: ts_48k, anchor: None }
    }

    /// Gives a speaker's packet its place. `None`: a duplicate, or too late to be placed; drop it.
    pub fn on_packet(&mut self, now: Instant, packet: &SourcePacket) -> Option<Continued> {
        let marker = self.anchor.as_ref().is_none_or(|anchor| anchor.source != packet.source);
        self.anchor = Some(Anchor { source: packet.source, last_at: now, dtx: packet.dtx });
        let placed = Continued {
            ext_seq: self.next_seq,
            ts_48k: self.next_ts_48k,
            marker: marker || packet.marker,
        };
        self.next_seq += 1;
        self.next_ts_48k = self.next_ts_48k.wrapping_add(packet.duration_48k);
        Some(placed)
    }

    /// When `end` should be called if no packet comes before: `TALK_GAP` after the last packet of a talk that did
    /// not end in silence by itself. `None`: nothing to end.
    pub fn end_due(&self) -> Option<Instant> {
        self.anchor.as_ref().filter(|anchor| !anchor.dtx).map(|anchor| anchor.last_at + TALK_GAP)
    }

    /// Ends the talk: places for `packet::END_FRAMES`, in order, so that listeners hear silence rather than half a
    /// second of concealment. `None` if the slot is silent already. Also call it when a speaker is muted or leaves.
    pub fn end(&mut self, now: Instant) -> Option<[Continued; 2]> {
        let _ = now;
        let anchor = self.anchor.take()?;
        (!anchor.dtx).then(|| {
            [0, 1].map(|_| {
                let placed =
                    Continued { ext_seq: self.next_seq, ts_48k: self.next_ts_48k, marker: false };
                self.next_seq += 1;
                self.next_ts_48k = self.next_ts_48k.wrapping_add(960);
                placed
            })
        })
    }

    /// The outgoing RTP time that corresponds to `now` (for sender reports). `None` before the first packet.
    pub fn ts_at(&self, now: Instant) -> Option<u32> {
        let anchor = self.anchor.as_ref()?;
        let since = now.saturating_duration_since(anchor.last_at).as_micros() * 48 / 1000;
        Some(self.next_ts_48k.wrapping_add(since as u32))
    }
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
    /// `None`: the packet lies before the listener joined or switched; do not send it.
    pub fn place(&mut self, stream_ext_seq: u64) -> Option<u64> {
        let own = stream_ext_seq.wrapping_sub(self.base);
        // Below the base the subtraction wraps to a huge number.
        if own < self.floor || own > u64::from(u32::MAX) << 16 {
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
