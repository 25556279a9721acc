//! Which form of the audio each listener gets, and what the caller is told of its connection.

use super::Shard;
use crate::event::Event;
use crate::packet::Variant;
use crate::peer::Peer;
use crate::slab::Id;

/// Events of quality that may wait: they are worth little when late.
const MAX_WAITING_EVENTS: usize = 256;

fn wanted(peer: &Peer, bundling: bool) -> Variant {
    let on_stage = peer.uplink.speaker.is_some();
    if bundling && !on_stage {
        Variant::Bundled
    } else if peer.profile.red_pt.is_some() && peer.downlink.wants_redundancy() {
        Variant::Red
    } else {
        Variant::Plain
    }
}

impl Shard {
    /// Gives a listener the form that suits it now.
    pub(super) fn adapt(&mut self, id: Id) {
        let Some(peer) = self.peers.get(id) else {
            return;
        };
        let Some(keys) = &peer.keys else { return };
        let Some(room) = self.rooms.get_mut(peer.room) else {
            return;
        };
        let wanted = wanted(peer, room.bundling);
        let next = room.next_numbers(wanted);
        room.sinks.set_variant(keys.sink, wanted, next);
    }

    /// After a room grew or shrank on this shard: bundles for the audience of a very large one.
    pub(super) fn adapt_room(&mut self, id: Id) {
        let (Some(from), Some(room)) = (self.config.bundle_from, self.rooms.get_mut(id)) else {
            return;
        };
        // Given up only a quarter below the threshold: each change conceals a few dozen milliseconds once.
        let enough = if room.bundling { from - from / 4 } else { from };
        let bundling = room.sinks.len() >= enough;
        if bundling == room.bundling {
            return;
        }
        room.bundling = bundling;
        for at in 0..room.peers.len() {
            let Some(peer) = self.rooms.get(id).and_then(|room| room.peers.get(at)).copied() else {
                return;
            };
            self.adapt(peer);
        }
    }

    /// Tells the caller when a peer's connection became better or worse.
    pub(super) fn tell_quality(&mut self, id: Id) {
        let Some(peer) = self.peers.get_mut(id) else {
            return;
        };
        let quality = peer.quality();
        let news = peer
            .told
            .map_or(quality.grade != crate::event::Grade::Good, |told| told != quality.grade);
        if news && self.events.len() < MAX_WAITING_EVENTS {
            peer.told = Some(quality.grade);
            let peer = peer.key;
            self.events.push_back(Event::Quality { peer, quality });
        }
    }
}
