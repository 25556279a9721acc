//! The way in for other threads: which peer is on which shard, the negotiation, and commands to the shards.
//!
//! Reading offers and writing answers happens here, in the caller's task, not on a shard's thread. The directory's
//! lock is taken per join, leave and command, never per packet.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::command::{Command, NewPeer};
use crate::dtls::{Fingerprint, Identity};
use crate::error::ConnectError;
use crate::ice::Credentials;
use crate::loudest::SpeakerNo;
use crate::offer::{AnswerParams, Candidate, Offer};
use crate::relay::Reach;
use crate::room::slot_ssrcs;
use crate::runner::{Link, Unsent};
use crate::socket::Bell;
use crate::stats::{PeerStats, Stats};
use crate::tap::{self, Tap};
use crate::{PeerKey, RoomKey};

/// Where peers and rooms are. Written by the handle and, when a peer ends, by its shard.
pub(crate) struct Directory {
    entries: Mutex<Entries>,
}

struct Entries {
    peers: HashMap<PeerKey, Entry>,
    rooms: HashMap<RoomKey, (Reach, usize)>,
    /// Peers by shard.
    loads: Vec<usize>,
}

#[derive(Clone, Copy)]
struct Entry {
    shard: usize,
    room: RoomKey,
    fingerprint: Fingerprint,
    session_id: u64,
    session_version: u64,
}

impl Directory {
    pub(crate) fn new(shards: usize) -> Self {
        Self {
            entries: Mutex::new(Entries {
                peers: HashMap::new(),
                rooms: HashMap::new(),
                loads: vec![0; shards],
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // Nothing in here panics half-way; a poisoned map is a whole one.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place on the least loaded shard.
    fn reserve(
        &self,
        room: RoomKey,
        peer: PeerKey,
        fingerprint: Fingerprint,
    ) -> Result<(Entry, Reach), ConnectError> {
        let mut entries = self.lock();
        if entries.peers.contains_key(&peer) {
            return Err(ConnectError::AlreadyConnected);
        }
        let (shard, _) = entries
            .loads
            .iter()
            .enumerate()
            .min_by_key(|(_, load)| **load)
            .ok_or(ConnectError::Stopped)?;
        let mut id = [0; 8];
        aws_lc_rs::rand::fill(&mut id).expect("invariant: the system gives randomness");
        let entry = Entry {
            shard,
            room,
            fingerprint,
            // RFC 8866 section 5.2; browsers read it into a signed number.
            session_id: u64::from_be_bytes(id) >> 1,
            session_version: 1,
        };
        entries.loads[shard] += 1;
        entries.peers.insert(peer, entry);
        let (reach, count) = entries.rooms.entry(room).or_default();
        *count += 1;
        Ok((entry, reach.clone()))
    }

    pub(crate) fn remove(&self, peer: PeerKey) {
        let mut entries = self.lock();
        let Some(entry) = entries.peers.remove(&peer) else {
            return;
        };
        entries.loads[entry.shard] -= 1;
        if let Some((_, count)) = entries.rooms.get_mut(&entry.room) {
            *count -= 1;
            if *count == 0 {
                entries.rooms.remove(&entry.room);
            }
        }
    }

    fn shard_of(&self, peer: PeerKey) -> Option<usize> {
        self.lock().peers.get(&peer).map(|entry| entry.shard)
    }

    /// The entry with the version of the next answer.
    fn next_version(&self, peer: PeerKey) -> Option<Entry> {
        let mut entries = self.lock();
        let entry = entries.peers.get_mut(&peer)?;
        entry.session_version += 1;
        Some(*entry)
    }
}

/// The media plane, from any thread. Its threads end, saying goodbye to every peer, when the last clone is dropped.
#[derive(Clone)]
pub struct Handle(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) links: Arc<[Link]>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) identity: Arc<Identity>,
    /// By shard, the preferred first.
    pub(crate) candidates: Vec<Vec<Candidate>>,
    /// Ends the accepting thread, if there is one.
    pub(crate) acceptor: Option<Arc<Bell>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(bell) = &self.acceptor {
            bell.ring();
        }
        self.links.iter().for_each(|link| link.send(Command::Stop));
    }
}

impl From<Unsent> for ConnectError {
    fn from(unsent: Unsent) -> Self {
        match unsent {
            Unsent::Full => Self::Busy,
            Unsent::Ended => Self::Stopped,
        }
    }
}

impl Handle {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Takes a client's offer and gives the answer. When it returns, the shard knows the client: its first check,
    /// sent the moment it reads the answer, will be answered.
    pub async fn connect(
        &self,
        room: RoomKey,
        peer: PeerKey,
        offer: &str,
    ) -> Result<String, ConnectError> {
        let offer = Offer::parse(offer)?;
        let (entry, reach) = self.0.directory.reserve(room, peer, offer.fingerprint)?;
        let credentials = Credentials::generate(entry.shard);
        let answer = self.answer(&entry, &offer, &credentials);
        let (reply, registered) = oneshot::channel();
        let command = Command::Connect {
            peer: Box::new(NewPeer { key: peer, room, reach, credentials, offer }),
            reply,
        };
        if let Err(error) = self.ask(entry.shard, command, registered).await {
            self.0.directory.remove(peer);
            return Err(error);
        }
        Ok(answer)
    }

    /// New credentials for the same session (RFC 8445 section 9); keys, slots and the gate stay.
    pub async fn restart_ice(&self, peer: PeerKey, offer: &str) -> Result<String, ConnectError> {
        let offer = Offer::parse(offer)?;
        let entry = self.0.directory.next_version(peer).ok_or(ConnectError::UnknownPeer)?;
        if entry.fingerprint != offer.fingerprint {
            return Err(ConnectError::ChangedIdentity);
        }
        let credentials = Credentials::generate(entry.shard);
        let answer = self.answer(&entry, &offer, &credentials);
        let (reply, registered) = oneshot::channel();
        let command =
            Command::RestartIce { peer, credentials, their_ufrag: offer.ice_ufrag, reply };
        self.ask(entry.shard, command, registered).await?;
        Ok(answer)
    }

    async fn ask(
        &self,
        shard: usize,
        command: Command,
        registered: oneshot::Receiver<Result<(), ConnectError>>,
    ) -> Result<(), ConnectError> {
        self.0.links[shard].try_send(command)?;
        registered.await.unwrap_or(Err(ConnectError::Stopped))
    }

    fn answer(&self, entry: &Entry, offer: &Offer, credentials: &Credentials) -> String {
        offer.answer(&AnswerParams {
            session_id: entry.session_id,
            session_version: entry.session_version,
            ice_ufrag: credentials.ufrag_str(),
            ice_pwd: credentials.password_str(),
            fingerprint: self.0.identity.fingerprint(),
            slot_ssrcs: slot_ssrcs(),
            candidates: &self.0.candidates[entry.shard],
        })
    }

    /// Opens the gate: the peer may be heard, under this number (the CSRC, per room).
    pub fn allow_sending(&self, peer: PeerKey, number: u32) {
        let speaker = SpeakerNo(number);
        self.tell(peer, Command::AllowSending { peer, speaker });
    }

    /// Closes the gate: what the peer sends is dropped, whatever its client does.
    pub fn stop_sending(&self, peer: PeerKey) {
        self.tell(peer, Command::StopSending { peer });
    }

    /// Ends a peer: DTLS close_notify, then silence. `Event::Closed` follows.
    pub fn disconnect(&self, peer: PeerKey) {
        self.tell(peer, Command::Disconnect { peer });
    }

    /// Panics in the peer's shard, at its expense. For tests: nothing that a server is told leads here.
    #[doc(hidden)]
    pub fn break_peer(&self, peer: PeerKey) {
        self.tell(peer, Command::Break { peer });
    }

    /// Ends every peer of a room.
    pub fn close_room(&self, room: RoomKey) {
        for link in &*self.0.links {
            link.send(Command::CloseRoom { room });
        }
    }

    /// Opens a tap on a room, which need not have anybody yet: what its speakers say from now on, with room for
    /// `frames` that were not taken (50 a second and speaker).
    pub fn tap(&self, room: RoomKey, frames: usize) -> Tap {
        let (sink, tap) = tap::tap(frames);
        for link in &*self.0.links {
            let sink = sink.clone();
            link.send(Command::Tap { room, sink });
        }
        tap
    }

    /// A command that must not be lost: waits while the shard's queue is full (see `Link::send`).
    fn tell(&self, peer: PeerKey, command: Command) {
        if let Some(shard) = self.0.directory.shard_of(peer) {
            self.0.links[shard].send(command);
        }
    }

    /// The counters of all shards, as of now. Shards that have ended are left out.
    pub async fn stats(&self) -> Stats {
        let mut shards = Vec::new();
        for link in &*self.0.links {
            let (reply, stats) = oneshot::channel();
            link.send(Command::Stats { reply });
            shards.extend(stats.await);
        }
        Stats { shards }
    }

    /// One peer's counters; `None` if it is gone.
    pub async fn peer_stats(&self, peer: PeerKey) -> Option<PeerStats> {
        let (reply, stats) = oneshot::channel();
        self.tell(peer, Command::PeerStats { peer, reply });
        stats.await.ok().flatten()
    }

    /// The counters of a room's peers. One answer for each peer: for looking at a room, not for every second.
    pub async fn peers_of(&self, room: RoomKey) -> Vec<PeerStats> {
        let mut peers = Vec::new();
        for link in &*self.0.links {
            let (reply, stats) = oneshot::channel();
            link.send(Command::PeersOf { room, reply });
            peers.extend(stats.await.into_iter().flatten());
        }
        peers
    }

    /// The UDP addresses of the shards as they are announced, the preferred of each.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let first = |candidates: &Vec<Candidate>| candidates.first().map(|first| first.addr);
        self.0.candidates.iter().filter_map(first).collect()
    }
}
