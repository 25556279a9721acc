//! A room's mailbox: what others may ask of the task that owns it, and the handle through which they ask.
//!
//! The mailbox is bounded. A full one answers requests with `busy`; what must not be lost (a socket's end, the media
//! plane's events) waits for a place.

use std::sync::{Arc, PoisonError, RwLock};

use palco_protocol::{
    ErrorBody, ErrorCode, ModerationEntry, Person, RoomEndReason, RoomId, Snapshot, UserId,
    http::LiveRoom,
};
use palco_room::{Command, Entry};
use tokio::sync::{mpsc, oneshot};

use crate::{MediaEvent, PeerId, outbox::Outbox, session::Session};

/// Requests that may wait for a room. At 10 µs each, a full mailbox is 10 ms of work.
const MAILBOX: usize = 1024;

pub(crate) enum RoomMessage {
    Enter {
        session: Arc<Session>,
        outbox: Arc<Outbox>,
        peer: PeerId,
        entry: Entry,
        reply: oneshot::Sender<Result<Entered, ErrorBody>>,
    },
    MediaReady {
        user: UserId,
        peer: PeerId,
    },
    Resume {
        user: UserId,
        outbox: Arc<Outbox>,
        reply: oneshot::Sender<Snapshot>,
    },
    Lost {
        user: UserId,
        outbox: Arc<Outbox>,
    },
    Command {
        by: UserId,
        command: Command,
        reply: oneshot::Sender<Result<(), ErrorBody>>,
    },
    Audience {
        after: Option<u64>,
        reply: oneshot::Sender<(Vec<Person>, Option<u64>)>,
    },
    Log {
        by: UserId,
        reply: oneshot::Sender<Result<Vec<ModerationEntry>, ErrorBody>>,
    },
    Moderators {
        reply: oneshot::Sender<Vec<UserId>>,
    },
    Evict(UserId),
    Media(MediaEvent),
    End(RoomEndReason),
    /// A bug, made to order: only tests ask for it. In this person's socket, or in the room.
    Break(Option<UserId>),
}

/// What a person who was let in learns.
pub(crate) struct Entered {
    pub(crate) snapshot: Snapshot,
    /// False when the person was in the room already and only changed connection.
    pub(crate) anew: bool,
}

/// What is seen of a live room from outside, at most a second old.
#[derive(Debug, Clone)]
pub struct Seen {
    /// What the hallway shows.
    pub live: LiveRoom,
    /// Everybody on stage.
    pub stage: Vec<UserId>,
}

/// A cheap reference to a room: its mailbox, and what is seen of it.
#[derive(Clone)]
pub(crate) struct RoomHandle {
    id: RoomId,
    mailbox: mpsc::Sender<RoomMessage>,
    seen: Arc<RwLock<Arc<Seen>>>,
}

impl RoomHandle {
    /// A new room's handle, and the inbox for the task that owns it.
    pub(crate) fn new(seen: Seen) -> (Self, mpsc::Receiver<RoomMessage>) {
        let (mailbox, inbox) = mpsc::channel(MAILBOX);
        let id = seen.live.room.id;
        (Self { id, mailbox, seen: Arc::new(RwLock::new(Arc::new(seen))) }, inbox)
    }

    pub(crate) fn id(&self) -> RoomId {
        self.id
    }

    pub(crate) fn seen(&self) -> Arc<Seen> {
        Arc::clone(&self.seen.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn live(&self) -> LiveRoom {
        self.seen().live.clone()
    }

    /// The task's: what is seen from now.
    pub(crate) fn publish(&self, seen: Seen) {
        *self.seen.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(seen);
    }

    /// Asks the room. A full mailbox is `busy`, a room that is over is `room_ended`.
    async fn ask<T>(
        &self,
        message: impl FnOnce(oneshot::Sender<T>) -> RoomMessage,
    ) -> Result<T, ErrorBody> {
        let (reply, answer) = oneshot::channel();
        self.mailbox.try_send(message(reply)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                ErrorBody { retry_after_ms: Some(1_000), ..ErrorBody::from(ErrorCode::Busy) }
            }
            mpsc::error::TrySendError::Closed(_) => ErrorCode::RoomEnded.into(),
        })?;
        answer.await.map_err(|_| ErrorCode::RoomEnded.into())
    }

    pub(crate) async fn enter(
        &self,
        session: &Arc<Session>,
        outbox: &Arc<Outbox>,
        peer: PeerId,
        entry: Entry,
    ) -> Result<Entered, ErrorBody> {
        let (session, outbox) = (Arc::clone(session), Arc::clone(outbox));
        self.ask(|reply| RoomMessage::Enter { session, outbox, peer, entry, reply }).await?
    }

    pub(crate) async fn command(&self, by: UserId, command: Command) -> Result<(), ErrorBody> {
        self.ask(|reply| RoomMessage::Command { by, command, reply }).await?
    }

    pub(crate) async fn audience(
        &self,
        after: Option<u64>,
    ) -> Result<(Vec<Person>, Option<u64>), ErrorBody> {
        self.ask(|reply| RoomMessage::Audience { after, reply }).await
    }

    pub(crate) async fn moderation_log(
        &self,
        by: UserId,
    ) -> Result<Vec<ModerationEntry>, ErrorBody> {
        self.ask(|reply| RoomMessage::Log { by, reply }).await?
    }

    /// The moderators and the host who are in the room.
    pub(crate) async fn moderators(&self) -> Result<Vec<UserId>, ErrorBody> {
        self.ask(|reply| RoomMessage::Moderators { reply }).await
    }

    /// Somebody may be in the room no longer.
    pub(crate) async fn evict(&self, user: UserId) {
        self.tell(RoomMessage::Evict(user)).await;
    }

    /// The person has a new socket. `None` when the room dropped them meanwhile.
    pub(crate) async fn resume(&self, user: UserId, outbox: &Arc<Outbox>) -> Option<Snapshot> {
        let (reply, answer) = oneshot::channel();
        self.tell(RoomMessage::Resume { user, outbox: Arc::clone(outbox), reply }).await;
        answer.await.ok()
    }

    pub(crate) async fn lost(&self, user: UserId, outbox: &Arc<Outbox>) {
        self.tell(RoomMessage::Lost { user, outbox: Arc::clone(outbox) }).await;
    }

    pub(crate) async fn media_ready(&self, user: UserId, peer: PeerId) {
        self.tell(RoomMessage::MediaReady { user, peer }).await;
    }

    pub(crate) async fn media(&self, event: MediaEvent) {
        self.tell(RoomMessage::Media(event)).await;
    }

    pub(crate) async fn end(&self, reason: RoomEndReason) {
        self.tell(RoomMessage::End(reason)).await;
    }

    pub(crate) async fn break_it(&self, user: Option<UserId>) {
        self.tell(RoomMessage::Break(user)).await;
    }

    /// Tells the room what must not be lost; a room that is over needs to know nothing more.
    async fn tell(&self, message: RoomMessage) {
        let _ = self.mailbox.send(message).await;
    }
}
