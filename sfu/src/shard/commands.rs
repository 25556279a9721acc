//! What the caller asks: peers come and go, the gate opens and closes, counters are read.

use std::time::Instant;

use super::{Due, Shard, report};
use crate::command::{Command, NewPeer};
use crate::error::ConnectError;
use crate::event::{CloseReason, Event};
use crate::loudest::SpeakerNo;
use crate::packet::Variant;
use crate::peer::{IceSession, Peer};
use crate::relay::{Relayed, What};
use crate::room::Room;
use crate::slab::Id;
use crate::stats::{PeerStats, ShardStats};
use crate::tap::TapSink;
use crate::{PeerKey, RoomKey};

impl Shard {
    pub(super) fn command(&mut self, now: Instant, command: Command) {
        match command {
            Command::Connect { peer, reply } => {
                let _ = reply.send(self.connect(now, *peer));
            }
            Command::RestartIce { peer, credentials, their_ufrag, reply } => {
                let ice = IceSession { ours: credentials, their_ufrag };
                let _ = reply.send(self.restart_ice(peer, ice));
            }
            Command::AllowSending { peer, speaker } => self.allow_sending(now, peer, speaker),
            Command::StopSending { peer } => {
                if let Some(id) = self.by_key.get(&peer).copied() {
                    self.stop_sending(now, id);
                }
            }
            Command::Disconnect { peer } => {
                if let Some(id) = self.by_key.get(&peer).copied() {
                    self.close(now, id, CloseReason::Asked, true);
                }
            }
            Command::CloseRoom { room } => self.close_room(now, room),
            Command::Tap { room, sink } => {
                let taps = self.taps.entry(room).or_default();
                taps.retain(TapSink::is_open);
                taps.push(sink);
            }
            Command::Stats { reply } => {
                let _ = reply.send(self.stats());
            }
            Command::PeerStats { peer, reply } => {
                let _ = reply.send(self.peer_stats(peer));
            }
            Command::PeersOf { room, reply } => {
                let room = self.by_room.get(&room).and_then(|id| self.rooms.get(*id));
                let ids = room.map(|room| room.peers.clone()).unwrap_or_default();
                let keys = ids.into_iter().filter_map(|id| Some(self.peers.get(id)?.key));
                let keys: Vec<PeerKey> = keys.collect();
                let stats = keys.into_iter().filter_map(|key| self.peer_stats(key)).collect();
                let _ = reply.send(stats);
            }
            Command::Break { peer } => {
                self.current = self.by_key.get(&peer).copied();
                panic!("asked to break a peer");
            }
            // Taken by the runner: the core knows no streams.
            Command::TcpClient { .. } => {}
            Command::Stop => {
                let all: Vec<Id> = self.peers.iter().map(|(id, _)| id).collect();
                for id in all {
                    self.close(now, id, CloseReason::Asked, true);
                }
            }
        }
    }

    /// Nobody is heard from now on; the peers, who may be thousands, are told in turn.
    fn close_room(&mut self, now: Instant, key: RoomKey) {
        self.taps.remove(&key);
        let room = self.by_room.get(&key).and_then(|id| self.rooms.get(*id));
        for id in room.map(|room| room.peers.clone()).unwrap_or_default() {
            self.stop_sending(now, id);
            self.goodbyes.push_back(id);
        }
    }

    fn connect(&mut self, now: Instant, new: NewPeer) -> Result<(), ConnectError> {
        if self.by_key.contains_key(&new.key) {
            return Err(ConnectError::AlreadyConnected);
        }
        if self.peers.len() >= self.config.max_peers {
            return Err(ConnectError::Busy);
        }
        let (key, room_key, ufrag) = (new.key, new.room, new.credentials.ufrag());
        let room = match self.by_room.get(&room_key) {
            Some(id) => *id,
            None => {
                let id = self.rooms.insert(Room::new(room_key, new.reach.clone()));
                self.by_room.insert(room_key, id);
                new.reach.add(self.config.index);
                id
            }
        };
        let tick_at = now + self.config.handshake_timeout;
        let id = self.peers.insert(Peer::new(new, room, now, tick_at));
        if let Some(room) = self.rooms.get_mut(room) {
            room.peers.push(id);
        }
        self.by_key.insert(key, id);
        self.by_ufrag.insert(ufrag, id);
        self.timers.set(tick_at, Due::Tick(id));
        Ok(())
    }

    fn restart_ice(&mut self, peer: PeerKey, ice: IceSession) -> Result<(), ConnectError> {
        let id = *self.by_key.get(&peer).ok_or(ConnectError::UnknownPeer)?;
        let peer = self.peers.get_mut(id).ok_or(ConnectError::UnknownPeer)?;
        self.by_ufrag.insert(ice.ours.ufrag(), id);
        let former = std::mem::replace(&mut peer.ice, ice);
        if let Some(older) = peer.former_ice.replace(former) {
            self.by_ufrag.remove(&older.ours.ufrag());
        }
        Ok(())
    }

    fn allow_sending(&mut self, now: Instant, peer: PeerKey, speaker: SpeakerNo) {
        let Some(id) = self.by_key.get(&peer).copied() else {
            return;
        };
        if self.peers.get(id).is_some_and(|peer| peer.uplink.speaker != Some(speaker)) {
            self.stop_sending(now, id);
        }
        if let Some(peer) = self.peers.get_mut(id) {
            peer.uplink.speaker = Some(speaker);
            peer.uplink.was_allowed = true;
            self.adapt(id);
            if self.peers.get(id).is_some_and(|peer| peer.keys.is_some()) {
                self.tick_by(id, now + report::SPEAKER_INTERVAL);
            }
        }
    }

    fn stop_sending(&mut self, now: Instant, id: Id) {
        let Some(peer) = self.peers.get_mut(id) else {
            return;
        };
        let Some(speaker) = peer.uplink.speaker.take() else {
            return;
        };
        let room = peer.room;
        self.adapt(id);
        let Some((id, room)) = self.rooms.get_mut(room).map(|entry| (room, entry)) else {
            return;
        };
        room.speaker_gone(now, id, speaker, &mut self.fanout);
        let others = room.reach.others(self.config.index);
        if !others.is_empty() {
            let gone = Relayed { room: room.key, speaker, what: What::Gone };
            self.relays.push_back((others, gone));
        }
    }

    pub(super) fn close(&mut self, now: Instant, id: Id, reason: CloseReason, notify: bool) {
        self.stop_sending(now, id);
        let Some(mut peer) = self.peers.remove(id) else {
            return;
        };
        if notify && let Some(route) = peer.route {
            self.flights.clear();
            peer.dtls.close(now, &self.identity, &mut self.flights);
            for datagram in self.flights.drain(..) {
                self.batch.push(route, &datagram);
            }
        }
        self.by_key.remove(&peer.key);
        for ice in [Some(&peer.ice), peer.former_ice.as_ref()].into_iter().flatten() {
            self.by_ufrag.remove(&ice.ours.ufrag());
        }
        for path in &peer.paths {
            if self.by_path.get(path) == Some(&id) {
                self.by_path.remove(path);
                self.hang_ups.push_back(*path);
            }
        }
        if let Some(room) = self.rooms.get_mut(peer.room) {
            room.peers.retain(|other| *other != id);
            if let Some(keys) = &peer.keys
                && let Some(moved) = room.sinks.leave(keys.sink)
                && let Some(keys_of_moved) =
                    self.peers.get_mut(moved).and_then(|peer| peer.keys.as_mut())
            {
                keys_of_moved.sink = keys.sink;
            }
            self.adapt_room(peer.room);
        }
        if let Some(room) = self.rooms.get(peer.room)
            && room.peers.is_empty()
        {
            room.reach.remove(self.config.index);
            self.by_room.remove(&room.key);
            self.rooms.remove(peer.room);
        }
        self.stats.connected -= usize::from(peer.keys.is_some());
        self.events.push_back(Event::Closed { peer: peer.key, reason });
    }

    pub(super) fn stats(&self) -> ShardStats {
        ShardStats {
            peers: self.peers.len(),
            rooms: self.rooms.iter().map(|(_, room)| room.stats()).collect(),
            ..self.stats.clone()
        }
    }

    pub(super) fn peer_stats(&mut self, key: PeerKey) -> Option<PeerStats> {
        let peer = self.peers.get(*self.by_key.get(&key)?)?;
        let sink = peer.keys.as_ref().map(|keys| keys.sink);
        let sink = self
            .rooms
            .get_mut(peer.room)
            .zip(sink)
            .and_then(|(room, sink)| room.sinks.get_mut(sink));
        Some(PeerStats {
            peer: key,
            received: peer.received,
            sent: sink.as_ref().map(|sink| sink.sent()).unwrap_or_default(),
            drops: peer.drops,
            quality: peer.quality(),
            variant: sink.map_or(Variant::Plain, |sink| sink.variant()),
        })
    }
}
