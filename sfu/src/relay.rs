//! What one shard hands to the others: a speaker's opened packet, once per packet and shard.
//!
//! Each shard that has listeners of the room decides for itself which slots are held and continues their clocks:
//! all see the same packets, and a listener's numbering is its own anyway. So no shard owns a room and no packet
//! crosses twice. The queues are the runner's: bounded, the newest is dropped and counted when one is full.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::RoomKey;
use crate::loudest::SpeakerNo;
use crate::packet::MAX_PAYLOAD;
use crate::rtp::{AudioLevel, SeqNo, Ssrc};

/// Which shards have peers of a room: one bit each. Written when the first peer of a room comes to a shard and when
/// the last leaves, read per packet by the speaker's shard; a stale read costs one packet at most.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reach(Arc<AtomicU64>);

impl Reach {
    pub(crate) fn add(&self, shard: usize) {
        self.0.fetch_or(1 << shard, Ordering::Relaxed);
    }

    pub(crate) fn remove(&self, shard: usize) {
        self.0.fetch_and(!(1 << shard), Ordering::Relaxed);
    }

    /// All but `shard`.
    pub(crate) fn others(&self, shard: usize) -> ShardSet {
        ShardSet(self.0.load(Ordering::Relaxed) & !(1 << shard))
    }
}

/// A set of shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShardSet(u64);

impl ShardSet {
    /// Nobody.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl Iterator for ShardSet {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let shard = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(shard)
    }
}

/// A message between shards; a value without pointers, so that nothing is allocated for it.
#[derive(Clone, Debug)]
pub(crate) struct Relayed {
    pub(crate) room: RoomKey,
    pub(crate) speaker: SpeakerNo,
    pub(crate) what: What,
}

#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all messages are packets, and they must not be boxed"
)]
pub(crate) enum What {
    Packet(Packet),
    /// The speaker left the stage or the room.
    Gone,
}

/// A speaker's opened packet.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) ssrc: Ssrc,
    pub(crate) seq: SeqNo,
    pub(crate) ts_48k: u32,
    pub(crate) marker: bool,
    pub(crate) level: Option<AudioLevel>,
    len: u16,
    payload: [u8; MAX_PAYLOAD],
}

impl Packet {
    /// `None` if the payload is empty or longer than is forwarded.
    pub(crate) fn new(
        ssrc: Ssrc,
        seq: SeqNo,
        ts_48k: u32,
        marker: bool,
        level: Option<AudioLevel>,
        payload: &[u8],
    ) -> Option<Self> {
        if payload.is_empty() {
            return None;
        }
        let mut bytes = [0; MAX_PAYLOAD];
        bytes.get_mut(..payload.len())?.copy_from_slice(payload);
        Some(Self { ssrc, seq, ts_48k, marker, level, len: payload.len() as u16, payload: bytes })
    }

    pub(crate) fn payload(&self) -> &[u8] {
        &self.payload[..usize::from(self.len)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reach_names_the_other_shards_in_order() {
        let reach = Reach::default();
        for shard in [63, 0, 5] {
            reach.add(shard);
        }
        assert_eq!(reach.others(5).collect::<Vec<_>>(), [0, 63]);
        assert_eq!(reach.others(7).collect::<Vec<_>>(), [0, 5, 63]);
        reach.remove(0);
        reach.remove(63);
        assert!(reach.others(5).is_empty());
    }
}
