//! A shard's core, without sockets and without a clock: `handle` what came in, `poll` for what goes out.
//!
//! Owned by one thread (`runner`), which is the only one that touches its peers and rooms. The order of use: one
//! `handle`, then `poll` until it says `Wait`. A panic while handling one peer is caught here, costs that peer and is
//! counted. Not its job: system calls, the time, the rooms' social rules.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;

use crate::command::{Command, NewPeer};
use crate::demux::Path;
use crate::dtls::Identity;
use crate::error::ConnectError;
use crate::event::{CloseReason, Event};
use crate::fanout::{Batch, Fanout};
use crate::ice::Ufrag;
use crate::loudest::SpeakerNo;
use crate::packet::Variant;
use crate::peer::{IceSession, Peer};
use crate::relay::{Relayed, ShardSet, What};
use crate::room::Room;
use crate::rtcp::NtpTime;
use crate::slab::{Id, Slab};
use crate::stats::{DropCause, PeerStats, ShardStats};
use crate::tap::TapSink;
use crate::timer::Timers;
use crate::{PeerKey, RoomKey};

mod adapt;
mod receive;
mod report;

/// What a shard must know from outside.
#[derive(Clone)]
pub(crate) struct ShardConfig {
    /// Its number, as rooms' reach names it.
    pub(crate) index: usize,
    pub(crate) max_peers: usize,
    pub(crate) handshake_timeout: Duration,
    pub(crate) consent_timeout: Duration,
    /// See `Config::bundle_from`.
    pub(crate) bundle_from: Option<usize>,
}

/// What comes in.
pub(crate) enum Input<'a> {
    /// A datagram; its bytes are opened in place.
    Datagram {
        path: Path,
        bytes: &'a mut [u8],
    },
    /// A connection ended: the path leads nowhere.
    Lost {
        path: Path,
    },
    Command(Command),
    Relayed(&'a Relayed),
    /// Time has passed or there was nothing else to do: due timers, and one step of handshake work.
    Timeout,
}

/// What goes out.
#[expect(
    clippy::large_enum_variant,
    reason = "a relayed packet is copied into the other shard's queue at once; boxing it would allocate"
)]
pub(crate) enum Output<'a> {
    Transmit(&'a Batch),
    Event(Event),
    Relay(ShardSet, Relayed),
    /// Nobody uses this path any more: a connection is to be closed.
    HangUp(Path),
    /// Nothing more until there is input or, at the latest, this time.
    Wait(Option<Instant>),
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// A flight of a handshake may have to be sent again.
    Retransmit(Id),
    /// Consent, handshake timeout and reports of a peer.
    Tick(Id),
    /// A talk in a slot may have ended.
    TalkEnd(Id, usize),
}

/// Datagrams of handshakes that may wait for their turn, all peers together: 1,000 joining at once, two each.
const MAX_HANDSHAKE_QUEUE: usize = 2048;
/// Timers handled in one turn, so that a thousand due at once do not hold up the audio.
const TIMERS_PER_TURN: usize = 64;

pub(crate) struct Shard {
    config: ShardConfig,
    identity: Arc<Identity>,
    /// An instant and the time since 1970 at it, for the reports' clock.
    wall: (Instant, Duration),
    peers: Slab<Peer>,
    rooms: Slab<Room>,
    by_key: HashMap<PeerKey, Id>,
    by_ufrag: HashMap<Ufrag, Id>,
    by_path: HashMap<Path, Id>,
    by_room: HashMap<RoomKey, Id>,
    /// Taps by room; a room without peers here keeps its taps for when it has.
    taps: HashMap<RoomKey, Vec<TapSink>>,
    timers: Timers<Due>,
    handshakes: VecDeque<(Id, BytesMut)>,
    fanout: Fanout,
    batch: Batch,
    batch_is_out: bool,
    relays: VecDeque<(ShardSet, Relayed)>,
    events: VecDeque<Event>,
    hang_ups: VecDeque<Path>,
    /// Who is being handled: to whom a panic is charged.
    current: Option<Id>,
    scratch: Vec<u8>,
    flights: Vec<BytesMut>,
    stats: ShardStats,
    #[cfg(test)]
    pub(crate) panic_on: Option<PeerKey>,
}

impl Shard {
    pub(crate) fn new(
        config: ShardConfig,
        identity: Arc<Identity>,
        wall: (Instant, Duration),
    ) -> Self {
        Self {
            config,
            identity,
            wall,
            peers: Slab::new(),
            rooms: Slab::new(),
            by_key: HashMap::new(),
            by_ufrag: HashMap::new(),
            by_path: HashMap::new(),
            by_room: HashMap::new(),
            taps: HashMap::new(),
            timers: Timers::new(),
            handshakes: VecDeque::new(),
            fanout: Fanout::new(),
            batch: Batch::new(),
            batch_is_out: false,
            relays: VecDeque::with_capacity(4),
            events: VecDeque::new(),
            hang_ups: VecDeque::new(),
            current: None,
            scratch: Vec::with_capacity(2048),
            flights: Vec::new(),
            stats: ShardStats::default(),
            #[cfg(test)]
            panic_on: None,
        }
    }

    pub(crate) fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.current = None;
        // The state of the peer at fault may be anything; it is removed. What is shared is changed in single steps.
        let handled = catch_unwind(AssertUnwindSafe(|| match input {
            Input::Datagram { path, bytes } => self.datagram(now, path, bytes),
            Input::Lost { path } => self.lost(path),
            Input::Command(command) => self.command(now, command),
            Input::Relayed(relayed) => self.relayed(now, relayed),
            Input::Timeout => {
                self.run_timers(now);
                self.shake_hands(now);
            }
        }));
        if handled.is_err() {
            self.fault(now);
        }
    }

    fn fault(&mut self, now: Instant) {
        self.stats.drops.count(DropCause::Fault);
        self.fanout.abandon();
        if let Some(id) = self.current.take() {
            self.close(now, id, CloseReason::Fault, false);
        }
    }

    /// `now` is that of the last `handle`.
    pub(crate) fn poll(&mut self, now: Instant) -> Output<'_> {
        if self.batch_is_out {
            self.batch.clear();
            self.batch_is_out = false;
        }
        while !self.batch.is_full()
            && let Some(id) = self.fanout.next_room()
        {
            let Some(room) = self.rooms.get_mut(id) else {
                self.fanout.skip();
                continue;
            };
            let (fanout, batch) = (&mut self.fanout, &mut self.batch);
            let filled = catch_unwind(AssertUnwindSafe(|| fanout.fill(&mut room.target(), batch)));
            if filled.is_err() {
                self.fault(now);
            }
        }
        if !self.batch.is_empty() {
            self.batch_is_out = true;
            return Output::Transmit(&self.batch);
        }
        if let Some((to, relayed)) = self.relays.pop_front() {
            return Output::Relay(to, relayed);
        }
        if let Some(path) = self.hang_ups.pop_front() {
            return Output::HangUp(path);
        }
        if let Some(event) = self.events.pop_front() {
            return Output::Event(event);
        }
        if !self.handshakes.is_empty() {
            return Output::Wait(Some(now));
        }
        Output::Wait(self.timers.next_at())
    }

    pub(crate) fn count_drops(&mut self, cause: DropCause, n: u64) {
        self.stats.drops.add(cause, n);
    }

    pub(crate) fn count_sent(&mut self, packets: u64, bytes: u64) {
        self.stats.sent.packets += packets;
        self.stats.sent.bytes += bytes;
    }

    fn ntp(&self, now: Instant) -> NtpTime {
        NtpTime::from_unix(self.wall.1 + now.saturating_duration_since(self.wall.0))
    }

    fn command(&mut self, now: Instant, command: Command) {
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
            Command::CloseRoom { room: key } => {
                let room = self.by_room.get(&key).and_then(|id| self.rooms.get(*id));
                self.taps.remove(&key);
                for id in room.map(|room| room.peers.clone()).unwrap_or_default() {
                    self.close(now, id, CloseReason::Asked, true);
                }
            }
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
            // Taken by the runner: no more than a stream is nothing to the core.
            Command::TcpClient { .. } => {}
            Command::Stop => {
                let all: Vec<Id> = self.peers.iter().map(|(id, _)| id).collect();
                for id in all {
                    self.close(now, id, CloseReason::Asked, true);
                }
            }
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
        let fits = self.rooms.get(room).is_some_and(|room| room.sinks.accepts(&new.offer.profile));
        if !fits {
            return Err(ConnectError::Busy);
        }
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

    fn close(&mut self, now: Instant, id: Id, reason: CloseReason, notify: bool) {
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
        if let Some(room) = self.rooms.get_mut(peer.room) {
            if room.peers.is_empty() {
                room.reach.remove(self.config.index);
                self.by_room.remove(&room.key);
                self.rooms.remove(peer.room);
            }
        }
        self.stats.connected -= usize::from(peer.keys.is_some());
        self.events.push_back(Event::Closed { peer: peer.key, reason });
    }

    fn relayed(&mut self, now: Instant, relayed: &Relayed) {
        let Some(id) = self.by_room.get(&relayed.room).copied() else {
            return;
        };
        match &relayed.what {
            What::Packet(packet) => self.hear(now, id, relayed.speaker, None, packet),
            What::Gone => {
                if let Some(room) = self.rooms.get_mut(id) {
                    room.speaker_gone(now, id, relayed.speaker, &mut self.fanout);
                }
            }
        }
    }

    fn hear(
        &mut self,
        now: Instant,
        room_id: Id,
        speaker: SpeakerNo,
        own: Option<Id>,
        packet: &crate::relay::Packet,
    ) {
        let Some(room) = self.rooms.get_mut(room_id) else {
            return;
        };
        match room.on_packet(now, room_id, speaker, own, packet, &mut self.fanout) {
            Ok(Some((slot, at))) => self.timers.set(at, Due::TalkEnd(room_id, slot)),
            Ok(None) => {}
            Err(cause) => self.stats.drops.count(cause),
        }
    }

    fn run_timers(&mut self, now: Instant) {
        for _ in 0..TIMERS_PER_TURN {
            match self.timers.pop_due(now) {
                Some(Due::Retransmit(id)) => self.retransmit(now, id),
                Some(Due::Tick(id)) => self.tick(now, id),
                Some(Due::TalkEnd(id, slot)) => {
                    let again = self
                        .rooms
                        .get_mut(id)
                        .and_then(|room| room.talk_may_have_ended(now, id, slot, &mut self.fanout));
                    if let Some(at) = again {
                        self.timers.set(at, Due::TalkEnd(id, slot));
                    }
                }
                None => return,
            }
        }
    }

    fn tick_by(&mut self, id: Id, at: Instant) {
        if let Some(peer) = self.peers.get_mut(id)
            && at < peer.tick_at
        {
            peer.tick_at = at;
            self.timers.set(at, Due::Tick(id));
        }
    }

    fn tick(&mut self, now: Instant, id: Id) {
        let Some(peer) = self.peers.get_mut(id) else {
            return;
        };
        if now < peer.tick_at {
            return;
        }
        self.current = Some(id);
        let connected = peer.keys.is_some();
        let gone_at = if connected {
            peer.heard_at + self.config.consent_timeout
        } else {
            peer.created_at + self.config.handshake_timeout
        };
        if gone_at <= now {
            let reason =
                if connected { CloseReason::Silent } else { CloseReason::HandshakeTimeout };
            self.close(now, id, reason, true);
            return;
        }
        let report_in = if connected { self.report(now, id) } else { None };
        let next = report_in.map_or(gone_at, |interval| gone_at.min(now + interval));
        if let Some(peer) = self.peers.get_mut(id) {
            peer.tick_at = next;
            self.timers.set(next, Due::Tick(id));
        }
    }

    fn stats(&self) -> ShardStats {
        ShardStats {
            peers: self.peers.len(),
            rooms: self.rooms.iter().map(|(_, room)| room.stats()).collect(),
            ..self.stats.clone()
        }
    }

    fn peer_stats(&mut self, key: PeerKey) -> Option<PeerStats> {
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

#[cfg(test)]
mod tests;
