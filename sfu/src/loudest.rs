//! Who is heard: K slots, held by the loudest active speakers of a room. Pure, driven by an explicit `now`. Owned by
//! the room on its shard. Not its job: sequence numbers (`slot`), whether a peer may send at all (`peer`).
//!
//! A free slot goes to whoever makes a sound. When all are held:
//! - a holder who has fallen quiet yields to whoever speaks, at that speaker's second packet;
//! - of holders who all speak, the one who has long been the quietest yields to somebody clearly louder over about
//!   half a second, but not within `MIN_HOLD`: a cough wins nothing, and no slot changes hands more often than that.
//!
//! Nobody who holds a slot loses it for being quiet alone. Packets that were not admitted are not kept: replayed with
//! 50 open microphones (`tests`), a turn loses 20 ms of its faint onset, which a look-back would bring late.

use std::time::{Duration, Instant};

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

/// Loudness as it is reckoned here: dB above digital silence, 0 (-127 dBov) to 127 (overload).
type Db = f32;

/// What a packet without a level counts as: -40 dBov, ordinary speech. Between clients without levels, first come is
/// first served.
const UNKNOWN: Db = 87.0;
/// Louder than this is speech: -50 dBov. Microphones' noise lies below -60, speech at -20 to -45.
const SPEAKING: Db = 77.0;
/// A holder below this has fallen quiet: -55 dBov.
const QUIET: Db = 72.0;
/// Against a holder much quieter than that, being this much louder is speech too (whispers, weak microphones)...
const CLEARLY: Db = 10.0;
/// ... down to -60 dBov: noise does not push out who may speak again.
const AUDIBLE: Db = 67.0;
/// Packets in a row that win a quiet holder's slot: the first 20 ms of a word at most are not heard, and a click,
/// which fills one packet, wins nothing.
const CLAIM_PACKETS: u8 = 2;
/// How much louder one must be than a holder who speaks.
const LOUDER: Db = 4.0;
/// How long a holder who speaks is left in peace.
const MIN_HOLD: Duration = Duration::from_secs(2);

/// Fall of the present loudness, which rises at once: from ordinary speech to quiet in 0.6 s, longer than most pauses
/// between words. Who pauses for longer may lose the slot, but has another back with the second packet.
const PRESENT_RELEASE_PER_S: Db = 45.0;
/// Rise of the lasting loudness: a cough of 200 ms goes a third of the way.
const LASTING_ATTACK_S: f32 = 0.4;
/// Fall of the lasting loudness: somebody who stops loses `LOUDER` in a third of a second.
const LASTING_RELEASE_PER_S: Db = 12.0;
/// Where the lasting loudness starts and ends its fall: noise of -70 dBov.
const NOISE: Db = 57.0;
/// A packet speaks for its own time, not for the pause before it: Opus in WebRTC has 10 to 60 ms a packet.
const PACKET: std::ops::RangeInclusive<f32> = 0.01..=0.06;

/// After so long a silence of a holder, silence need not travel any more (libopus itself refreshes DTX at this pace).
const SILENCE: Duration = Duration::from_millis(400);

/// Most speakers that are kept: more than any stage holds. Beyond it, the quiet are not heard until one leaves.
const MAX_SPEAKERS: usize = 64;

/// A room's slots and the levels of its speakers.
#[derive(Debug, Default)]
pub struct Loudest {
    /// A handful, at most `MAX_SPEAKERS`: scanned, not looked up.
    speakers: Vec<Speaker>,
}

#[derive(Debug)]
struct Speaker {
    number: SpeakerNo,
    hold: Option<Hold>,
    at: Instant,
    present: Db,
    lasting: Db,
    /// Packets in a row loud enough for a quiet holder's slot.
    claims: u8,
    silent_since: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Hold {
    slot: usize,
    since: Instant,
}

impl Speaker {
    fn new(number: SpeakerNo, now: Instant) -> Speaker {
        Speaker {
            number,
            hold: None,
            at: now,
            present: 0.0,
            lasting: NOISE,
            claims: 0,
            silent_since: None,
        }
    }

    fn present_at(&self, now: Instant) -> Db {
        self.present - PRESENT_RELEASE_PER_S * now.saturating_duration_since(self.at).as_secs_f32()
    }

    fn lasting_at(&self, now: Instant) -> Db {
        self.lasting - LASTING_RELEASE_PER_S * now.saturating_duration_since(self.at).as_secs_f32()
    }

    fn hear(&mut self, now: Instant, loudness: Option<Db>) {
        let span = now
            .saturating_duration_since(self.at)
            .as_secs_f32()
            .clamp(*PACKET.start(), *PACKET.end());
        let heard = loudness.unwrap_or(0.0);
        self.present = self.present_at(now).max(heard);
        let lasting = self.lasting_at(now).max(NOISE);
        self.lasting = lasting + (heard - lasting).max(0.0) * span / (span + LASTING_ATTACK_S);
        self.at = now;
        self.silent_since = match loudness {
            Some(_) => None,
            None => self.silent_since.or(Some(now)),
        };
    }
}

fn holding(speakers: &[Speaker]) -> impl Iterator<Item = (usize, Hold, &Speaker)> {
    speakers.iter().enumerate().filter_map(|(place, speaker)| Some((place, speaker.hold?, speaker)))
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
        let loudness = match level {
            _ if dtx => None,
            None => Some(UNKNOWN),
            Some(level) => (level.minus_dbov < 127).then(|| f32::from(127 - level.minus_dbov)),
        };
        let Some(at) = self.known(now, speaker) else { return Decision::Drop };
        let speaker = &mut self.speakers[at];
        speaker.hear(now, loudness);
        if let Some(hold) = speaker.hold {
            let silent = speaker
                .silent_since
                .is_some_and(|since| now.saturating_duration_since(since) >= SILENCE);
            return if silent {
                Decision::Silent { slot: hold.slot }
            } else {
                Decision::Forward { slot: hold.slot }
            };
        }
        let Some(loudness) = loudness else {
            speaker.claims = 0;
            return Decision::Drop;
        };
        if let Some(slot) = self.holders().iter().position(Option::is_none) {
            self.speakers[at].hold = Some(Hold { slot, since: now });
            return Decision::Won { slot, from: None };
        }
        let Some(loser) = self.loser(now, at, loudness) else { return Decision::Drop };
        let Some(hold) = self.speakers[loser].hold.take() else { return Decision::Drop };
        self.speakers[at].hold = Some(Hold { since: now, ..hold });
        Decision::Won { slot: hold.slot, from: Some(self.speakers[loser].number) }
    }

    /// Who must yield to the speaker at `at`, who has just made a sound while all slots are held.
    fn loser(&mut self, now: Instant, at: usize, loudness: Db) -> Option<usize> {
        let (quietest, present) = holding(&self.speakers)
            .map(|(place, _, holder)| (place, holder.present_at(now)))
            .min_by(|(_, one), (_, other)| one.total_cmp(other))?;
        let claims = std::mem::take(&mut self.speakers[at].claims) + 1;
        let enough = (present + CLEARLY).clamp(AUDIBLE, SPEAKING);
        if present < QUIET && loudness >= enough {
            if claims == CLAIM_PACKETS {
                return Some(quietest);
            }
            self.speakers[at].claims = claims;
            return None;
        }
        let (weakest, lasting) = holding(&self.speakers)
            .filter(|(_, hold, _)| now.saturating_duration_since(hold.since) >= MIN_HOLD)
            .map(|(place, _, holder)| (place, holder.lasting_at(now)))
            .min_by(|(_, one), (_, other)| one.total_cmp(other))?;
        (self.speakers[at].lasting >= lasting + LOUDER).then_some(weakest)
    }

    /// The place of a speaker, who is taken up if there is room.
    fn known(&mut self, now: Instant, number: SpeakerNo) -> Option<usize> {
        if let Some(at) = self.speakers.iter().position(|speaker| speaker.number == number) {
            return Some(at);
        }
        if self.speakers.len() == MAX_SPEAKERS {
            return None;
        }
        self.speakers.push(Speaker::new(number, now));
        Some(self.speakers.len() - 1)
    }

    /// Forgets a speaker who left the stage or was muted; the slot that becomes free, if one does (end its talk).
    pub fn remove(&mut self, speaker: SpeakerNo) -> Option<usize> {
        let at = self.speakers.iter().position(|known| known.number == speaker)?;
        self.speakers.swap_remove(at).hold.map(|hold| hold.slot)
    }

    /// The slot a speaker holds.
    pub fn slot_of(&self, speaker: SpeakerNo) -> Option<usize> {
        let known = self.speakers.iter().find(|known| known.number == speaker)?;
        known.hold.map(|hold| hold.slot)
    }

    /// Who holds each slot.
    pub fn holders(&self) -> [Option<SpeakerNo>; SLOTS] {
        let mut holders = [None; SLOTS];
        for (_, hold, speaker) in holding(&self.speakers) {
            holders[hold.slot] = Some(speaker.number);
        }
        holders
    }
}

#[cfg(test)]
mod tests;
