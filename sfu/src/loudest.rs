//! Who is heard: K slots, held by the loudest active speakers of a room. Pure, driven by an explicit `now`. Owned by
//! the room on its shard. Not its job: sequence numbers (`slot`), whether a peer may send at all (`peer`).

use std::time::Instant;

use crate::rtp::AudioLevel;

/// Slots of a room: recvonly sections of an offer, streams a listener gets at most.
pub const SLOTS: usize = 4;

/// A speaker's number in its room, as the snapshot gives it and the CSRC carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpeakerNo(pub u32);

/// What to do with a speaker's packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Send it in this slot (0 ..= 3), which the speaker holds.
    Forward {
        /// The slot.
        slot: usize,
    },
    /// Send it in this slot, which the speaker has just won.
    Won {
        /// The slot.
        slot: usize,
        /// Who held it before and is heard no more.
        from: Option<SpeakerNo>,
    },
    /// The holder of this slot has been silent for a while: end the slot's talk (`Slot::end`), send nothing.
    Silent {
        /// The slot.
        slot: usize,
    },
    /// Not heard.
    Drop,
}

/// A room's slots and the levels of its speakers.
#[derive(Debug, Default)]
pub struct Loudest {
    holders: [Option<SpeakerNo>; SLOTS],
}

impl Loudest {
    /// No speaker, all slots free.
    pub fn new() -> Loudest {
        Loudest::default()
    }

    /// Weighs a packet. `level`: its RFC 6464 level if it carries one; `dtx`: see `packet::is_dtx`.
    pub fn on_packet(
        &mut self,
        now: Instant,
        speaker: SpeakerNo,
        level: Option<AudioLevel>,
        dtx: bool,
    ) -> Decision {
        let _ = (now, level);
        if let Some(slot) = self.slot_of(speaker) {
            return Decision::Forward { slot };
        }
        match self.holders.iter().position(Option::is_none) {
            Some(slot) if !dtx => {
                self.holders[slot] = Some(speaker);
                Decision::Won { slot, from: None }
            }
            _ => Decision::Drop,
        }
    }

    /// Forgets a speaker who left the stage or was muted; the slot that becomes free, if one does (end its talk).
    pub fn remove(&mut self, speaker: SpeakerNo) -> Option<usize> {
        let slot = self.slot_of(speaker)?;
        self.holders[slot] = None;
        Some(slot)
    }

    /// The slot a speaker holds.
    pub fn slot_of(&self, speaker: SpeakerNo) -> Option<usize> {
        self.holders.iter().position(|holder| *holder == Some(speaker))
    }

    /// Who holds each slot.
    pub fn holders(&self) -> [Option<SpeakerNo>; SLOTS] {
        self.holders
    }
}
