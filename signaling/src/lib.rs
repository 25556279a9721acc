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

use std::{hash::RandomState, sync::Arc};

use palco_protocol::{
    DirectEvent, ErrorCode, RoomEndReason, RoomId, ServerMessage, UserId,
    http::{LiveRoom, LiveRooms},
};
use palco_room::{Settings, Timers};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
};
use tokio_tungstenite::WebSocketStream;

pub use mailbox::Seen;
pub use ports::{
    Door, Happened, History, Identity, Media, MediaEvent, MediaRefusal, PeerId, PortFuture, Social,
};
pub use ws::websocket_config;

use directory::Directory;
use mailbox::RoomHandle;

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
    draining: watch::Sender<bool>,
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
                draining: watch::Sender::new(false),
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
        if *self.shared.draining.borrow() {
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

    /// Ends a room for a reason of the operator's.
    pub async fn end_room(&self, room: RoomId, reason: RoomEndReason) {
        if let Some(handle) = self.shared.directory.room(room) {
            handle.end(reason).await;
        }
    }

    /// Tells every socket that the server goes away, and ends every room. No room opens afterwards.
    pub async fn shut_down(&self) {
        self.shared.draining.send_replace(true);
        for handle in self.shared.directory.rooms() {
            handle.end(RoomEndReason::Shutdown).await;
        }
    }
}
