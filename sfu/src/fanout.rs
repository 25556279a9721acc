//! One slot's packet to every listener of the room: patch the number, seal, queue for the socket.
//!
//! Owned by a shard. This is where the server's time goes: per listener and packet a copy into the send buffer, one
//! seal, and an entry in the batch; no look-up, no lock, no allocation. Which slot a packet goes to and what it says
//! was decided before (`room`); the system call comes after (`runner`).

use std::collections::VecDeque;

use crate::demux::Path;
use crate::loudest::SLOTS;
use crate::packet::{Frame, Prepared, Profile, SlotPackets, Variant};
use crate::rtp::{SeqNo, patch_seq};
use crate::slab::Id;
use crate::slot::ListenerSeq;
use crate::srtp::{MAX_OVERHEAD, RtpSealer};
use crate::stats::Traffic;

/// Packets handed to the kernel at once. More gain nothing (field-notes: `sendmmsg` of 8 and of 1,000 cost the same)
/// and would push the batch out of the first-level cache.
pub(crate) const BATCH_PACKETS: usize = 64;

/// Datagrams on their way out, packed into one reused buffer.
#[derive(Debug)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    packets: Vec<Outgoing>,
}

#[derive(Debug)]
struct Outgoing {
    path: Path,
    end: usize,
}

impl Batch {
    pub(crate) fn new() -> Self {
        let most = crate::rtp::RtpHeader::MAX_LEN + crate::packet::MAX_PAYLOAD + MAX_OVERHEAD;
        Self {
            bytes: Vec::with_capacity(BATCH_PACKETS * most),
            packets: Vec::with_capacity(2 * BATCH_PACKETS),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.packets.clear();
    }

    /// Nothing to send.
    pub(crate) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.packets.len() >= BATCH_PACKETS
    }

    /// The datagrams in the order in which they are to be sent.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Path, &[u8])> {
        let mut start = 0;
        self.packets.iter().map(move |packet| {
            let bytes = &self.bytes[start..packet.end];
            start = packet.end;
            (packet.path, bytes)
        })
    }

    pub(crate) fn push(&mut self, path: Path, datagram: &[u8]) {
        self.push_with(path, |buffer, _| buffer.extend_from_slice(datagram));
    }

    /// Appends what `write` appends to the buffer, which already holds others up to the given place.
    pub(crate) fn push_with(&mut self, path: Path, write: impl FnOnce(&mut Vec<u8>, usize)) {
        // Not simply the buffer's end: whoever panicked while writing has left something behind.
        let start = self.packets.last().map_or(0, |packet| packet.end);
        self.bytes.truncate(start);
        write(&mut self.bytes, start);
        self.packets.push(Outgoing { path, end: self.bytes.len() });
    }
}

/// One listener in a room's dense array.
pub(crate) struct Sink {
    pub(crate) peer: Id,
    pub(crate) path: Path,
    profile: u8,
    variant: Variant,
    sealer: RtpSealer,
    slots: [SinkSlot; SLOTS],
}

/// One listener's view of one slot.
#[derive(Clone, Copy)]
struct SinkSlot {
    seq: ListenerSeq,
    /// The slot carried this listener's own voice: what was skipped must leave no hole.
    skipping: bool,
    packets: u32,
    octets: u32,
}

/// A room's listeners on this shard.
#[derive(Default)]
pub(crate) struct Sinks {
    list: Vec<Sink>,
    profiles: Vec<Profile>,
    /// Listeners by profile and variant: only forms that somebody takes are prepared.
    takers: Vec<[usize; VARIANTS]>,
}

const VARIANTS: usize = 3;
/// A push makes at most two packets of one variant ready (`SlotPackets::ready`).
const MAX_READY: usize = 2;

fn variant_at(variant: Variant) -> usize {
    match variant {
        Variant::Plain => 0,
        Variant::Red => 1,
        Variant::Bundled => 2,
    }
}

const ALL_VARIANTS: [Variant; VARIANTS] = [Variant::Plain, Variant::Red, Variant::Bundled];

impl Sinks {
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Adds a listener for whom the slots begin at `next` (the streams' next numbers); its place, or `None` if there
    /// are too many profiles.
    pub(crate) fn join(
        &mut self,
        peer: Id,
        path: Path,
        profile: Profile,
        sealer: RtpSealer,
        next: [u64; SLOTS],
    ) -> Option<usize> {
        let profile_at = self.profile_at(profile)?;
        self.takers[usize::from(profile_at)][variant_at(Variant::Plain)] += 1;
        self.list.push(Sink {
            peer,
            path,
            profile: profile_at,
            variant: Variant::Plain,
            sealer,
            slots: next.map(|next| SinkSlot {
                seq: ListenerSeq::join(next),
                skipping: false,
                packets: 0,
                octets: 0,
            }),
        });
        Some(self.list.len() - 1)
    }

    /// The number of a known profile, of a free place, or of one that nobody takes any more.
    fn profile_at(&mut self, profile: Profile) -> Option<u8> {
        /// Each costs preparation per packet. Real clients make up a handful.
        const MAX_PROFILES: usize = 64;
        let known = self.profiles.iter().position(|known| *known == profile);
        let at = match known
            .or_else(|| self.takers.iter().position(|takers| *takers == [0; VARIANTS]))
        {
            Some(at) => {
                self.profiles[at] = profile;
                at
            }
            None if self.profiles.len() < MAX_PROFILES => {
                self.profiles.push(profile);
                self.takers.push([0; VARIANTS]);
                self.profiles.len() - 1
            }
            None => return None,
        };
        u8::try_from(at).ok()
    }

    /// Removes the listener at `at`; the last one takes its place and is returned, to be told.
    pub(crate) fn leave(&mut self, at: usize) -> Option<Id> {
        if at >= self.list.len() {
            return None;
        }
        let gone = self.list.swap_remove(at);
        self.takers[usize::from(gone.profile)][variant_at(gone.variant)] -= 1;
        self.list.get(at).map(|moved| moved.peer)
    }

    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut Sink> {
        self.list.get_mut(at)
    }

    /// Sends `at` another form of the slots from now on; `next` as in `join`, of the new form's streams.
    pub(crate) fn set_variant(&mut self, at: usize, variant: Variant, next: [u64; SLOTS]) {
        let Some(sink) = self.list.get_mut(at).filter(|sink| sink.variant != variant) else {
            return;
        };
        let takers = &mut self.takers[usize::from(sink.profile)];
        takers[variant_at(sink.variant)] -= 1;
        takers[variant_at(variant)] += 1;
        let recount = (sink.variant == Variant::Bundled) != (variant == Variant::Bundled);
        sink.variant = variant;
        if recount {
            for (slot, next) in sink.slots.iter_mut().zip(next) {
                slot.seq.switch(next);
            }
        }
    }

    fn takes(&self, profile: usize, variant: Variant) -> bool {
        self.takers[profile][variant_at(variant)] > 0
    }
}

impl Sink {
    pub(crate) fn variant(&self) -> Variant {
        self.variant
    }

    /// Packets and payload bytes of a slot sent to this listener.
    pub(crate) fn slot_sent(&self, slot: usize) -> (u32, u32) {
        (self.slots[slot].packets, self.slots[slot].octets)
    }

    pub(crate) fn sent(&self) -> Traffic {
        let mut sent = Traffic::default();
        for slot in &self.slots {
            sent.packets += u64::from(slot.packets);
            sent.bytes += u64::from(slot.octets);
        }
        sent
    }
}

/// Where a frame goes and stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) room: Id,
    pub(crate) slot: usize,
    /// The peer on this shard whose voice it is.
    pub(crate) own: Option<Id>,
    pub(crate) continued: crate::slot::Continued,
    pub(crate) speaker: crate::loudest::SpeakerNo,
    pub(crate) level: Option<crate::rtp::AudioLevel>,
}

/// Frames on their way to listeners, one at a time.
pub(crate) struct Fanout {
    waiting: VecDeque<(Place, Vec<u8>)>,
    /// Buffers to be used again.
    spare: Vec<Vec<u8>>,
    job: Option<Job>,
    sealing_for: Option<Id>,
    /// By profile, variant and ordinal.
    prepared: Vec<Prepared>,
}

struct Job {
    room: Id,
    slot: usize,
    own: Option<Id>,
    ready: [usize; VARIANTS],
    next: usize,
}

/// What the fan-out needs of a room.
pub(crate) struct Target<'a> {
    pub(crate) packets: &'a mut [SlotPackets; SLOTS],
    pub(crate) sinks: &'a mut Sinks,
    pub(crate) forwarded: &'a mut Traffic,
}

impl Fanout {
    pub(crate) fn new() -> Self {
        Self {
            waiting: VecDeque::with_capacity(16),
            spare: Vec::with_capacity(16),
            job: None,
            sealing_for: None,
            prepared: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, place: Place, payload: &[u8]) {
        let mut buffer =
            self.spare.pop().unwrap_or_else(|| Vec::with_capacity(crate::packet::MAX_PAYLOAD));
        buffer.clear();
        buffer.extend_from_slice(payload);
        self.waiting.push_back((place, buffer));
    }

    /// The room that the next `fill` is about, if there is any work.
    pub(crate) fn next_room(&self) -> Option<Id> {
        self.job
            .as_ref()
            .map(|job| job.room)
            .or_else(|| self.waiting.front().map(|(place, _)| place.room))
    }

    /// After a panic: gives up the frame that was under way, and names the listener whose turn it was.
    pub(crate) fn abandon(&mut self) -> Option<Id> {
        self.job = None;
        self.sealing_for.take()
    }

    /// The room is gone: forget the work for it.
    pub(crate) fn skip(&mut self) {
        if self.job.take().is_none()
            && let Some((_, buffer)) = self.waiting.pop_front()
        {
            self.spare.push(buffer);
        }
    }

    /// Seals packets of `target`, which is `next_room`, until the batch is full or the frame is out.
    pub(crate) fn fill(&mut self, target: &mut Target<'_>, batch: &mut Batch) {
        if self.job.is_none()
            && let Some((place, payload)) = self.waiting.pop_front()
        {
            self.job = self.prepare(&place, &payload, target.packets, target.sinks);
            self.spare.push(payload);
        }
        let Some(job) = &mut self.job else { return };
        while let Some(sink) = target.sinks.list.get_mut(job.next) {
            if batch.is_full() {
                return;
            }
            job.next += 1;
            self.sealing_for = Some(sink.peer);
            let own = job.own == Some(sink.peer);
            let at = variant_at(sink.variant);
            for ordinal in 0..job.ready[at] {
                let prepared = &self.prepared[prepared_at(usize::from(sink.profile), at, ordinal)];
                let slot = &mut sink.slots[job.slot];
                if own {
                    slot.skipping = true;
                    continue;
                }
                if std::mem::take(&mut slot.skipping) {
                    slot.seq.switch(prepared.ext_seq());
                }
                let Some(index) = slot.seq.place(prepared.ext_seq()) else {
                    continue;
                };
                slot.packets = slot.packets.wrapping_add(1);
                let payload_len = prepared.bytes().len() - prepared.header_len();
                slot.octets = slot.octets.wrapping_add(payload_len as u32);
                batch.push_with(sink.path, |buffer, start| {
                    buffer.extend_from_slice(prepared.bytes());
                    patch_seq(&mut buffer[start..], SeqNo((index & 0xffff) as u16));
                    sink.sealer.seal(buffer, start, prepared.header_len(), index);
                });
                target.forwarded.count(prepared.bytes().len() + MAX_OVERHEAD);
            }
        }
        self.job = None;
        self.sealing_for = None;
    }

    fn prepare(
        &mut self,
        place: &Place,
        payload: &[u8],
        packets: &mut [SlotPackets; SLOTS],
        sinks: &Sinks,
    ) -> Option<Job> {
        let packets = &mut packets[place.slot];
        let pushed = packets.push(&Frame {
            ext_seq: place.continued.ext_seq,
            ts_48k: place.continued.ts_48k,
            marker: place.continued.marker,
            speaker: place.speaker,
            level: place.level,
            payload,
        });
        if !pushed {
            return None;
        }
        let needed = sinks.profiles.len() * VARIANTS * MAX_READY;
        if self.prepared.len() < needed {
            self.prepared.resize_with(needed, Prepared::default);
        }
        let ready = ALL_VARIANTS.map(|variant| packets.ready(variant).min(MAX_READY));
        for (profile_at, profile) in sinks.profiles.iter().enumerate() {
            for variant in ALL_VARIANTS {
                if !sinks.takes(profile_at, variant) {
                    continue;
                }
                for ordinal in 0..ready[variant_at(variant)] {
                    let at = prepared_at(profile_at, variant_at(variant), ordinal);
                    packets.write(variant, ordinal, profile, &mut self.prepared[at]);
                }
            }
        }
        Some(Job { room: place.room, slot: place.slot, own: place.own, ready, next: 0 })
    }
}

fn prepared_at(profile: usize, variant: usize, ordinal: usize) -> usize {
    (profile * VARIANTS + variant) * MAX_READY + ordinal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_panic_left_in_the_batch_is_nobodys() {
        let path = Path::Udp(std::net::SocketAddr::from(([127, 0, 0, 1], 1)));
        let mut batch = Batch::new();
        batch.push(path, b"one");
        let broken = std::panic::AssertUnwindSafe(|| {
            batch.push_with(path, |buffer, _| {
                buffer.extend_from_slice(b"half");
                std::panic::resume_unwind(Box::new(()));
            });
        });
        assert!(std::panic::catch_unwind(broken).is_err());
        batch.push(path, b"two");
        let datagrams: Vec<_> = batch.iter().map(|(_, bytes)| bytes).collect();
        assert_eq!(datagrams, [b"one", b"two"]);
    }
}
