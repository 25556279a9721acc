//! What is live: rooms, sessions, media connections. The only dashmaps of this crate.
//!
//! Every method returns owned values, so that no guard outlives it: a guard held across an await, or two
//! of one map in one thread, would deadlock.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use dashmap::DashMap;
use palco_protocol::{RoomId, RoomKind, UserId, http::LiveRoom};

use crate::{PeerId, mailbox::RoomHandle, session::Session};

#[derive(Default)]
pub(crate) struct Directory {
    rooms: DashMap<RoomId, RoomHandle>,
    sessions: DashMap<String, Arc<Session>>,
    /// Of people with an account: who can be told something wherever they are.
    devices: DashMap<UserId, Vec<Arc<Session>>>,
    peers: DashMap<PeerId, RoomHandle>,
    last_peer: AtomicU64,
    sockets: AtomicUsize,
}

impl Directory {
    pub(crate) fn add_room(&self, handle: RoomHandle) {
        self.rooms.insert(handle.id(), handle);
    }

    pub(crate) fn remove_room(&self, room: RoomId) {
        self.rooms.remove(&room);
    }

    pub(crate) fn room(&self, room: RoomId) -> Option<RoomHandle> {
        self.rooms.get(&room).map(|entry| entry.value().clone())
    }

    pub(crate) fn rooms(&self) -> Vec<RoomHandle> {
        self.rooms.iter().map(|entry| entry.value().clone()).collect()
    }

    pub(crate) fn room_count(&self) -> usize {
        self.rooms.len()
    }

    pub(crate) fn open_rooms(&self) -> Vec<LiveRoom> {
        self.rooms()
            .iter()
            .map(RoomHandle::live)
            .filter(|live| live.room.kind == RoomKind::Open)
            .collect()
    }

    pub(crate) fn add_session(&self, session: &Arc<Session>) {
        self.sessions.insert(session.secret().to_owned(), Arc::clone(session));
        if !session.person().guest {
            let mut devices = self.devices.entry(session.person().id).or_default();
            if !devices.iter().any(|device| Arc::ptr_eq(device, session)) {
                devices.push(Arc::clone(session));
            }
        }
    }

    /// The sessions of somebody with an account.
    pub(crate) fn devices(&self, user: UserId) -> Vec<Arc<Session>> {
        self.devices.get(&user).map(|entry| entry.value().clone()).unwrap_or_default()
    }

    /// Whether somebody has one, be its socket lost for the moment.
    pub(crate) fn is_online(&self, user: UserId) -> bool {
        self.devices.contains_key(&user)
    }

    pub(crate) fn remove_session(&self, session: &Session) {
        self.sessions.remove(session.secret());
        self.devices.remove_if_mut(&session.person().id, |_, devices| {
            devices.retain(|device| !std::ptr::eq(&**device, session));
            devices.is_empty()
        });
    }

    pub(crate) fn sessions(&self) -> Vec<Arc<Session>> {
        self.sessions.iter().map(|entry| Arc::clone(entry.value())).collect()
    }

    pub(crate) fn session(&self, secret: &str) -> Option<Arc<Session>> {
        self.sessions.get(secret).map(|entry| Arc::clone(entry.value()))
    }

    /// A new media connection's id, never used before in this process.
    pub(crate) fn next_peer(&self) -> PeerId {
        PeerId(self.last_peer.fetch_add(1, Ordering::Relaxed) + 1)
    }

    pub(crate) fn add_peer(&self, peer: PeerId, room: RoomHandle) {
        self.peers.insert(peer, room);
    }

    pub(crate) fn remove_peer(&self, peer: PeerId) {
        self.peers.remove(&peer);
    }

    pub(crate) fn room_of_peer(&self, peer: PeerId) -> Option<RoomHandle> {
        self.peers.get(&peer).map(|entry| entry.value().clone())
    }

    /// Counts a socket in, unless there are `limit` already. The permit counts it out when dropped.
    pub(crate) fn admit_socket(&self, limit: usize) -> Option<SocketPermit<'_>> {
        let before = self.sockets.fetch_add(1, Ordering::Relaxed);
        let permit = SocketPermit { sockets: &self.sockets };
        (before < limit).then_some(permit)
    }

    pub(crate) fn socket_count(&self) -> usize {
        self.sockets.load(Ordering::Relaxed)
    }
}

/// One counted socket.
pub(crate) struct SocketPermit<'a> {
    sockets: &'a AtomicUsize,
}

impl Drop for SocketPermit<'_> {
    fn drop(&mut self) {
        self.sockets.fetch_sub(1, Ordering::Relaxed);
    }
}
