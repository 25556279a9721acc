//! Signalling: WebSocket sessions, one task per room, bounded outboxes, the directory of what is live.
//!
//! ```text
//!  socket ──► ws ──► session ──► mailbox ──► room_task ──► palco_room::Room (pure)
//!    ▲         │      rate limit   bounded      │  performs the effects
//!    │         │      message → command         ├──► Media (port): gate, connect, drop
//!    └─ outbox ◄────────────────────────────────┘
//!       bounded; a broadcast is serialised once
//! ```
//!
//! One task owns each room; nobody else holds a reference to it, they send to its mailbox. A socket's
//! task owns the socket; others only push to its [`outbox`]. A [`session::Session`] outlives its
//! socket by the room's reconnect grace. Not here: SQL, HTTP, SDP, the media plane's insides. They
//! stand behind the ports: [`Media`], [`Identity`], [`Social`], [`History`].

mod directory;
mod mailbox;
mod outbox;
mod ports;
mod rate;
mod room_task;
mod session;
mod ws;

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use palco_protocol::{
    DirectEvent, ErrorCode, Person, RoomEndReason, RoomId, ServerMessage, UserId,
    http::{LiveRoom, LiveRooms},
};
use palco_room::{Settings, Timers};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    time::{Instant, sleep_until},
};
use tokio_tungstenite::WebSocketStream;

pub use mailbox::Seen;
pub use ports::{
    Door, Grants, Happened, History, Identified, Identity, Media, MediaEvent, MediaRefusal, PeerId,
    PortFuture, Social,
};
pub use ws::websocket_config;

use directory::Directory;
use mailbox::RoomHandle;

/// How often a draining server looks whether rooms are live: at most so much later does it end.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long rooms get to tell their people that they end.
const END: Duration = Duration::from_secs(2);

/// Limits of this process.
#[derive(Debug, Clone)]
pub struct Config {
    /// Most rooms at a time.
    pub max_rooms: usize,
    /// Most WebSockets at a time.
    pub max_sockets: usize,
    /// What `welcome` tells clients: how long their session outlives its socket. The rooms' own timer.
    pub reconnect_grace_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        // 50,000 sockets at the measured memory of one (docs/operations.md) fit a small machine.
        let reconnect_grace_ms = Timers::default().reconnect_grace_ms;
        Self { max_rooms: 10_000, max_sockets: 50_000, reconnect_grace_ms }
    }
}

/// Some of the tokens of one account.
#[derive(Debug, Clone, Copy)]
pub enum Tokens<'a> {
    /// All of them.
    All,
    /// This one.
    Only(&'a str),
    /// All but this one.
    AllBut(&'a str),
}

/// What stands around signalling.
#[derive(Clone)]
pub struct Ports {
    /// The media plane.
    pub media: Arc<dyn Media>,
    /// Who is who.
    pub identity: Arc<dyn Identity>,
    /// Who follows and blocks whom.
    pub social: Arc<dyn Social>,
    /// What happened.
    pub history: Arc<dyn History>,
}

/// How a socket came: what its handshake said before the first message.
#[derive(Debug, Clone, Default)]
pub struct Arrival {
    /// A browser's session cookie, its origin checked: says who comes where `hello` has no token.
    pub token: Option<String>,
    /// The network address, as an opaque number; none for this machine's own.
    pub origin: Option<u64>,
}

/// What all sockets and rooms of one server share.
struct Shared {
    config: Config,
    ports: Ports,
    /// Marks tokens, so that a session need not keep its own.
    marks: RandomState,
    directory: Directory,
    phase: watch::Sender<Phase>,
    /// Counts calls of `expel` and `sign_out`: who comes in during one is asked again who they are.
    expulsions: AtomicU64,
    faults: Faults,
}

/// How far the server is on its way to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serving,
    /// No room opens; those that are live may go on until then.
    Draining(Instant),
    /// Rooms are ended and sockets closed.
    Stopping,
}

/// What a panic, which is a bug, ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Room,
    Socket,
}

/// How often.
#[derive(Debug, Default)]
struct Faults([AtomicU64; 2]);

impl Faults {
    fn count(&self, fault: Fault) {
        self.0[fault as usize].fetch_add(1, Ordering::Relaxed);
    }
}

/// The signalling layer of one server. Clones are the same layer.
#[derive(Clone)]
pub struct Signaling {
    shared: Arc<Shared>,
}

impl Signaling {
    /// A layer with no rooms. Must be used within a tokio runtime.
    #[must_use]
    pub fn new(config: Config, ports: Ports) -> Self {
        Self {
            shared: Arc::new(Shared {
                config,
                ports,
                marks: RandomState::new(),
                directory: Directory::default(),
                phase: watch::Sender::new(Phase::Serving),
                expulsions: AtomicU64::new(0),
                faults: Faults::default(),
            }),
        }
    }

    /// Serves one WebSocket until it closes. The handshake is done; `socket` should be configured
    /// with [`websocket_config`].
    pub async fn serve<S>(&self, socket: WebSocketStream<S>, arrival: Arrival)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        ws::serve(&self.shared, socket, arrival).await;
    }

    /// Opens a room and starts its task.
    ///
    /// # Errors
    /// `busy` when the server has as many rooms as it may, `draining` while it shuts down.
    pub fn open_room(&self, settings: Settings) -> Result<RoomId, ErrorCode> {
        self.may_open()?;
        Ok(room_task::open(&self.shared, settings))
    }

    /// Whether a room could be opened now.
    ///
    /// # Errors
    /// As of `open_room`.
    pub fn may_open(&self) -> Result<(), ErrorCode> {
        if self.is_draining() {
            return Err(ErrorCode::Draining);
        }
        if self.shared.directory.room_count() >= self.shared.config.max_rooms {
            return Err(ErrorCode::Busy);
        }
        Ok(())
    }

    /// A live room as others see it, at most a second old.
    #[must_use]
    pub fn live_room(&self, room: RoomId) -> Option<LiveRoom> {
        self.shared.directory.room(room).map(|handle| handle.live())
    }

    /// The room that somebody owns and anybody may enter, if one is live.
    #[must_use]
    pub fn open_room_of(&self, owner: UserId) -> Option<LiveRoom> {
        self.shared.directory.open_rooms().into_iter().find(|live| live.room.owner == owner)
    }

    /// The live rooms that anybody may enter, largest first.
    #[must_use]
    pub fn live_rooms(&self) -> LiveRooms {
        let mut rooms = self.shared.directory.open_rooms();
        rooms.sort_by_key(|live| std::cmp::Reverse(live.counts.listeners));
        LiveRooms { rooms, next: None }
    }

    /// Every live room, of whatever kind: who may see which is for the caller to know.
    #[must_use]
    pub fn rooms(&self) -> Vec<Arc<Seen>> {
        self.shared.directory.rooms().iter().map(RoomHandle::seen).collect()
    }

    /// Hands over what the media plane reports. Called by the composition's pump, one event after another.
    pub async fn media_event(&self, event: MediaEvent) {
        let peer = event.peer();
        if let Some(room) = self.shared.directory.room_of_peer(peer) {
            room.media(event).await;
        }
    }

    /// Live rooms and open sockets.
    #[must_use]
    pub fn load(&self) -> (usize, usize) {
        (self.shared.directory.room_count(), self.shared.directory.socket_count())
    }

    /// Whether somebody with an account has a device here.
    #[must_use]
    pub fn is_online(&self, user: UserId) -> bool {
        self.shared.directory.is_online(user)
    }

    /// Tells people with an account something, on every device that is connected now; the text is made once. Answers
    /// how many devices.
    pub fn tell(&self, people: &[UserId], event: DirectEvent) -> usize {
        let text = ws::text_of(&ServerMessage::Direct(event));
        let devices = people.iter().flat_map(|&user| self.shared.directory.devices(user));
        devices.filter(|device| device.tell(&text)).count()
    }

    /// One of these blocked the other: neither stays in the other's rooms.
    pub async fn blocked(&self, one: UserId, other: UserId) {
        for room in self.shared.directory.rooms() {
            let owner = room.live().room.owner;
            if owner == one {
                room.evict(other).await;
            } else if owner == other {
                room.evict(one).await;
            }
        }
    }

    /// Rooms and sockets that a panic ended.
    #[must_use]
    pub fn faults(&self) -> (u64, u64) {
        let [rooms, sockets] = &self.shared.faults.0;
        (rooms.load(Ordering::Relaxed), sockets.load(Ordering::Relaxed))
    }

    /// Panics in a room, or in the socket of somebody in it. For tests: nothing that a server is told leads here.
    #[doc(hidden)]
    pub async fn break_room(&self, room: RoomId, socket_of: Option<UserId>) {
        if let Some(handle) = self.shared.directory.room(room) {
            handle.break_it(socket_of).await;
        }
    }

    /// These may be here no longer, and their tokens work no more: out of their rooms at once, their sockets closed
    /// with `why`.
    pub async fn expel(
        &self,
        why: ErrorCode,
        whom: impl Fn(&Person, Option<&Grants>) -> bool + Send,
    ) {
        self.shared.expulsions.fetch_add(1, Ordering::SeqCst);
        for session in self.shared.directory.sessions() {
            if whom(session.person(), session.grants()) {
                session.expel(why).await;
            }
        }
    }

    /// These tokens of an account work no more: who came with one is out of their room at once, their socket closed.
    pub async fn sign_out(&self, account: UserId, tokens: Tokens<'_>) {
        let shared = &self.shared;
        shared.expulsions.fetch_add(1, Ordering::SeqCst);
        let mark = |token: &str| shared.marks.hash_one(token);
        for session in shared.directory.devices(account) {
            if match tokens {
                Tokens::All => true,
                Tokens::Only(token) => session.token() == mark(token),
                Tokens::AllBut(token) => session.token() != mark(token),
            } {
                session.expel(ErrorCode::TokenExpired).await;
            }
        }
    }

    /// All live rooms, of every kind.
    #[must_use]
    pub fn all_rooms(&self) -> Vec<LiveRoom> {
        self.shared.directory.rooms().iter().map(mailbox::RoomHandle::live).collect()
    }

    /// Ends a room for a reason of the operator's. False if there is none.
    pub async fn end_room(&self, room: RoomId, reason: RoomEndReason) -> bool {
        let Some(handle) = self.shared.directory.room(room) else { return false };
        handle.end(reason).await;
        true
    }

    /// Whether the server is on its way to its end: no room opens any more.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        *self.shared.phase.borrow() != Phase::Serving
    }

    /// Opens no more rooms, tells every client how long the live ones may go on, and waits for their end, but not
    /// longer than that.
    pub async fn drain(&self, within: Duration) {
        let deadline = Instant::now() + within;
        self.shared.phase.send_replace(Phase::Draining(deadline));
        self.rooms_over(deadline).await;
    }

    /// Waits until no room is live, but not longer than until then.
    async fn rooms_over(&self, deadline: Instant) {
        while self.shared.directory.room_count() > 0 && Instant::now() < deadline {
            sleep_until(deadline.min(Instant::now() + LOOK_EVERY)).await;
        }
    }

    /// Ends every room and closes every socket. No room opens afterwards.
    pub async fn shut_down(&self) {
        self.shared.phase.send_if_modified(|phase| {
            let first = *phase == Phase::Serving;
            if first {
                *phase = Phase::Draining(Instant::now());
            }
            first
        });
        for handle in self.shared.directory.rooms() {
            handle.end(RoomEndReason::Shutdown).await;
        }
        self.rooms_over(Instant::now() + END).await;
        self.shared.phase.send_replace(Phase::Stopping);
    }
}
