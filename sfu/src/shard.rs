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

use crate::command::Command;
use crate::demux::Path;
use crate::dtls::Identity;
use crate::event::{CloseReason, Event};
use crate::fanout::{Batch, Fanout};
use crate::ice::Ufrag;
use crate::loudest::SpeakerNo;
use crate::peer::Peer;
use crate::relay::{Relayed, ShardSet, What};
use crate::room::Room;
use crate::rtcp::NtpTime;
use crate::slab::{Id, Slab};
use crate::stats::{DropCause, ShardStats};
use crate::tap::TapSink;
use crate::timer::Timers;
use crate::{PeerKey, RoomKey};

mod adapt;
mod commands;
#[cfg(feature = "fuzz")]
pub mod fuzz;
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
/// Peers of a closed room told in one turn: an encrypted alert each, a few dozen microseconds.
const GOODBYES_PER_TURN: usize = 16;
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
    /// Peers of rooms that were closed, to be told in turn.
    goodbyes: VecDeque<Id>,
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
            goodbyes: VecDeque::new(),
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
                self.say_goodbyes(now);
                self.shake_hands(now);
            }
        }));
        if handled.is_err() {
            self.fault(now);
        }
    }

    fn fault(&mut self, now: Instant) {
        self.stats.drops.count(DropCause::Fault);
        let sealing_for = self.fanout.abandon();
        let Some(id) = sealing_for.or(self.current.take()) else {
            return;
        };
        let close = AssertUnwindSafe(|| self.close(now, id, CloseReason::Fault, false));
        if catch_unwind(close).is_err() {
            // Not even that: what names it elsewhere is stale from now on.
            self.peers.remove(id);
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
            self.current = None;
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
        if !self.handshakes.is_empty() || !self.goodbyes.is_empty() {
            return Output::Wait(Some(now));
        }
        Output::Wait(self.timers.next_at())
    }

    pub(crate) fn count_drops(&mut self, cause: DropCause, n: u64) {
        self.stats.drops.add(cause, n);
    }

    pub(crate) fn note_receive_drops(&mut self, total: u32) {
        self.stats.receive_buffer_full = u64::from(total);
    }

    pub(crate) fn count_delay(&mut self, delay: Duration) {
        self.stats.longest_delay = self.stats.longest_delay.max(delay);
    }

    pub(crate) fn count_sent(&mut self, packets: u64, bytes: u64) {
        self.stats.sent.packets += packets;
        self.stats.sent.bytes += bytes;
    }

    fn ntp(&self, now: Instant) -> NtpTime {
        NtpTime::from_unix(self.wall.1 + now.saturating_duration_since(self.wall.0))
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

    fn say_goodbyes(&mut self, now: Instant) {
        for _ in 0..GOODBYES_PER_TURN {
            let Some(id) = self.goodbyes.pop_front() else {
                return;
            };
            self.current = Some(id);
            self.close(now, id, CloseReason::Asked, true);
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
}

#[cfg(test)]
mod tests;
