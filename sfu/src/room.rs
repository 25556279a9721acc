//! One room's audio on one shard: who is heard, in which slot, with which clock, and who listens.
//!
//! Owned by the shard. Ties the pure parts together: `loudest` chooses, `slot` continues, `fanout` sends. Knows
//! nothing of roles or of why somebody may send.

use std::time::Instant;

use crate::RoomKey;
use crate::fanout::{Fanout, Place, Sinks, Target};
use crate::loudest::{Decision, Loudest, SLOTS, SpeakerNo};
use crate::packet::{END_FRAMES, SlotPackets, Variant, duration_48k, is_dtx};
use crate::relay::{Packet, Reach};
use crate::rtp::Ssrc;
use crate::slab::Id;
use crate::slot::{Slot, Source, SourcePacket};
use crate::stats::{DropCause, RoomStats, Traffic};

/// Slot k is sent under this SSRC plus k, in every room: each listener has keys of its own, so nothing is reused.
const FIRST_SLOT_SSRC: u32 = 0x5041_0001;
/// The server's SSRC as a receiver of a client's microphone; no slot's.
pub(crate) const RECEIVER_SSRC: Ssrc = Ssrc(0x5041_0000);

pub(crate) fn slot_ssrcs() -> [Ssrc; SLOTS] {
    std::array::from_fn(|slot| Ssrc(FIRST_SLOT_SSRC + slot as u32))
}

pub(crate) struct Room {
    pub(crate) key: RoomKey,
    pub(crate) reach: Reach,
    /// Peers here, connected or not: the room is dropped with the last.
    pub(crate) peers: Vec<Id>,
    pub(crate) sinks: Sinks,
    /// The audience gets bundles.
    pub(crate) bundling: bool,
    loudest: Loudest,
    clocks: [Clock; SLOTS],
    packets: [SlotPackets; SLOTS],
    received: Traffic,
    forwarded: Traffic,
    slot_changes: u64,
}

struct Clock {
    slot: Slot,
    /// Who was last heard in it, and which peer of this shard that is.
    holder: Option<(SpeakerNo, Option<Id>)>,
    /// A timer for the end of the talk is set.
    timed: bool,
}

impl Room {
    pub(crate) fn new(key: RoomKey, reach: Reach) -> Self {
        let ssrcs = slot_ssrcs();
        Self {
            key,
            reach,
            peers: Vec::new(),
            sinks: Sinks::default(),
            bundling: false,
            loudest: Loudest::new(),
            clocks: std::array::from_fn(|_| Clock {
                slot: Slot::new(0),
                holder: None,
                timed: false,
            }),
            packets: std::array::from_fn(|slot| SlotPackets::new(ssrcs[slot])),
            received: Traffic::default(),
            forwarded: Traffic::default(),
            slot_changes: 0,
        }
    }

    /// Takes a speaker's packet; `own` is the speaker's peer if it is on this shard. On success, when a timer is
    /// wanted: the slot and when `talk_may_have_ended` is to be called for it.
    pub(crate) fn on_packet(
        &mut self,
        now: Instant,
        id: Id,
        speaker: SpeakerNo,
        own: Option<Id>,
        packet: &Packet,
        out: &mut Fanout,
    ) -> Result<Option<(usize, Instant)>, DropCause> {
        let payload = packet.payload();
        // Where the speaker is: the shards' counts can then be added up.
        if own.is_some() {
            self.received.count(payload.len());
        }
        let dtx = is_dtx(payload);
        let slot = match self.loudest.on_packet(now, speaker, packet.level, dtx) {
            Decision::Forward { slot } => slot,
            Decision::Won { slot, from } => {
                self.slot_changes += u64::from(from.is_some());
                slot
            }
            Decision::Silent { slot } => {
                self.end_talk(now, id, slot, out);
                return Err(DropCause::NotHeard);
            }
            Decision::Drop => return Err(DropCause::NotHeard),
        };
        let clock = &mut self.clocks[slot];
        let continued = clock
            .slot
            .on_packet(
                now,
                &SourcePacket {
                    source: Source { speaker, ssrc: packet.ssrc },
                    seq: packet.seq,
                    ts_48k: packet.ts_48k,
                    marker: packet.marker,
                    duration_48k: duration_48k(payload),
                    dtx,
                },
            )
            .ok_or(DropCause::Late)?;
        clock.holder = Some((speaker, own));
        let place = Place { room: id, slot, own, continued, speaker, level: packet.level };
        out.push(place, payload);
        if clock.timed {
            return Ok(None);
        }
        let end_at = clock.slot.end_due();
        clock.timed = end_at.is_some();
        Ok(end_at.map(|at| (slot, at)))
    }

    /// A talk's timer fired. Returns when to look again.
    pub(crate) fn talk_may_have_ended(
        &mut self,
        now: Instant,
        id: Id,
        slot: usize,
        out: &mut Fanout,
    ) -> Option<Instant> {
        let clock = &mut self.clocks[slot];
        clock.timed = false;
        let due = clock.slot.end_due()?;
        if due > now {
            clock.timed = true;
            return Some(due);
        }
        self.end_talk(now, id, slot, out);
        None
    }

    /// A speaker may no longer send, or left.
    pub(crate) fn speaker_gone(
        &mut self,
        now: Instant,
        id: Id,
        speaker: SpeakerNo,
        out: &mut Fanout,
    ) {
        if let Some(slot) = self.loudest.remove(speaker) {
            self.end_talk(now, id, slot, out);
        }
    }

    fn end_talk(&mut self, now: Instant, id: Id, slot: usize, out: &mut Fanout) {
        let clock = &mut self.clocks[slot];
        let Some((speaker, own)) = clock.holder else {
            return;
        };
        let Some(places) = clock.slot.end(now) else {
            return;
        };
        for (continued, payload) in places.into_iter().zip(END_FRAMES) {
            let place = Place { room: id, slot, own, continued, speaker, level: None };
            out.push(place, payload);
        }
    }

    /// The numbers with which the slots go on, for a listener who joins them in this form.
    pub(crate) fn next_numbers(&self, variant: Variant) -> [u64; SLOTS] {
        std::array::from_fn(|slot| self.packets[slot].next_ext_seq(variant))
    }

    /// What time it is in a slot's stream, if it has one.
    pub(crate) fn slot_time(&self, slot: usize, now: Instant) -> Option<u32> {
        self.clocks[slot].slot.ts_at(now)
    }

    pub(crate) fn target(&mut self) -> Target<'_> {
        Target {
            packets: &mut self.packets,
            sinks: &mut self.sinks,
            forwarded: &mut self.forwarded,
        }
    }

    pub(crate) fn stats(&self) -> RoomStats {
        RoomStats {
            room: self.key,
            listeners: self.sinks.len(),
            received: self.received,
            forwarded: self.forwarded,
            slot_changes: self.slot_changes,
        }
    }
}
