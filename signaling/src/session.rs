//! A session: who is connected, in which room, what was answered. Turns messages into the room's commands.
//!
//! It outlives its socket: while its room keeps the person's place (the reconnect grace), a new socket
//! continues it by its secret. The room's task and the socket's task share it; its lock is held for a few
//! instructions and never across an await.

mod command;

use std::{
    collections::VecDeque,
    hash::BuildHasher,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Instant,
};

use palco_protocol::{
    ClientMessage, ErrorBody, ErrorCode, HandPolicy, Joined, Person, Reply, Request, RequestId,
    Resume, Resumed, RoomId, UserId, Welcome, limits,
};
use palco_room::{Command, Entry, Granted, LinkSecret};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use uuid::Uuid;

use command::command_of;

use crate::{
    Door, Grants, Identified, MediaRefusal, PeerId, Shared,
    mailbox::{Entered, RoomHandle},
    outbox::Outbox,
    rate::Limits,
    ws,
};

/// Answers kept, so that a request sent twice (over a resumed socket, say) is answered as if sent once.
const ANSWERS_KEPT: usize = 16;

pub(crate) struct Session {
    secret: String,
    person: Person,
    /// Few have any: behind a pointer, they cost the others eight bytes.
    grants: Option<Box<Grants>>,
    origin: Option<u64>,
    opened: Instant,
    /// One request at a time, also over two sockets: what was under way when one died is answered before the same
    /// request is looked at again.
    turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

struct State {
    room: Option<RoomHandle>,
    peer: Option<PeerId>,
    /// The socket's; another one after a resume.
    outbox: Arc<Outbox>,
    attached: bool,
    /// Marks the token shown last.
    token: u64,
    /// Of that token.
    until: Option<Instant>,
    answered: VecDeque<(RequestId, Utf8Bytes)>,
    limits: Limits,
}

impl Session {
    fn new(who: Identified, token: u64, origin: Option<u64>, outbox: &Arc<Outbox>) -> Self {
        Self {
            // 122 random bits of the operating system.
            secret: Uuid::new_v4().simple().to_string(),
            person: who.person,
            grants: who.grants.map(Box::new),
            origin,
            opened: Instant::now(),
            turn: tokio::sync::Mutex::new(()),
            state: Mutex::new(State {
                room: None,
                peer: None,
                outbox: Arc::clone(outbox),
                attached: true,
                token,
                until: who.until,
                answered: VecDeque::new(),
                limits: Limits::default(),
            }),
        }
    }

    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    pub(crate) fn person(&self) -> &Person {
        &self.person
    }

    /// Where they come from, as an opaque number.
    pub(crate) fn origin(&self) -> Option<u64> {
        self.origin
    }

    pub(crate) fn grants(&self) -> Option<&Grants> {
        self.grants.as_deref()
    }

    /// The mark of the token shown last.
    pub(crate) fn token(&self) -> u64 {
        self.state().token
    }

    /// When the person is put out, unless they show another token before.
    pub(crate) fn until(&self) -> Option<Instant> {
        self.state().until
    }

    /// The person may be here no longer.
    pub(crate) async fn expel(&self, why: ErrorCode) {
        let (room, outbox) = {
            let state = self.state();
            (state.room.clone(), Arc::clone(&state.outbox))
        };
        // First the reason: leaving the room brings one of its own.
        outbox.close(why);
        if let Some(room) = room {
            room.evict(self.user()).await;
        }
    }

    fn user(&self) -> UserId {
        self.person.id
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the lock is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn room(&self) -> Option<RoomHandle> {
        self.state().room.clone()
    }

    /// Tells this device something, if it is there to be told.
    pub(crate) fn tell(&self, text: &Utf8Bytes) -> bool {
        let state = self.state();
        if state.attached {
            state.outbox.push(text.clone());
        }
        state.attached
    }

    /// The room's task let the person in over `peer`.
    pub(crate) fn entered(&self, room: RoomHandle, peer: PeerId) {
        let mut state = self.state();
        state.room = Some(room);
        state.peer = Some(peer);
    }

    /// The person is no longer in the room; a session without a socket ends with it.
    pub(crate) fn left(&self, shared: &Shared, room: RoomId) {
        let mut state = self.state();
        if state.room.as_ref().is_some_and(|handle| handle.id() == room) {
            state.room = None;
            state.peer = None;
            if !state.attached {
                shared.directory.remove_session(self);
            }
        }
    }
}

/// Greets a new socket: a new session, or the continued one.
pub(crate) async fn hello(
    shared: &Arc<Shared>,
    token: &str,
    origin: Option<u64>,
    resume: Option<Resume>,
    outbox: &Arc<Outbox>,
) -> Result<(Arc<Session>, Welcome), ErrorBody> {
    let continued = resume.and_then(|resume| shared.directory.session(&resume.session));
    let mark = shared.marks.hash_one(token);
    let expulsions = shared.expulsions.load(Ordering::SeqCst);
    // Whether the database answers: nothing more is asked of one that is away, each question waits for seconds.
    let mut answers = true;
    let who = match (shared.ports.identity.identify(token).await, &continued) {
        (Ok(who), _) => who,
        // With the database away nobody new comes in, but who is here, with the token they came with, stays.
        (Err(ErrorCode::StorageUnavailable), Some(session)) if session.token() == mark => {
            answers = false;
            let (person, grants) = (session.person.clone(), session.grants().cloned());
            Identified { person, grants, until: session.until() }
        }
        (Err(code), _) => return Err(code.into()),
    };
    // With other grants, they enter their room anew.
    let same = |session: &Arc<Session>| {
        session.user() == who.person.id && session.grants() == who.grants.as_ref()
    };
    let Some(session) = continued.filter(same) else {
        let session = Arc::new(Session::new(who, mark, origin, outbox));
        shared.directory.add_session(&session);
        still_welcome(shared, &session, token, expulsions).await?;
        let welcome = welcome(shared, &session, None, answers).await;
        return Ok((session, welcome));
    };
    let room = {
        let mut state = session.state();
        // The server may not have noticed yet that the socket before is dead.
        state.outbox.close(ErrorCode::TakenOver);
        state.outbox = Arc::clone(outbox);
        state.attached = true;
        state.token = mark;
        state.until = who.until;
        state.room.clone()
    };
    // Its room may have dropped it, and removed it, between look-up and lock.
    shared.directory.add_session(&session);
    still_welcome(shared, &session, token, expulsions).await?;
    let resumed = match room {
        Some(room) => room
            .resume(session.user(), outbox)
            .await
            .map(|snapshot| Resumed { room: room.id(), snapshot }),
        None => None,
    };
    let welcome = welcome(shared, &session, resumed, answers).await;
    Ok((session, welcome))
}

/// Whoever was put out between the question who they are and the session's being in the directory was not found there:
/// they are asked again.
async fn still_welcome(
    shared: &Shared,
    session: &Session,
    token: &str,
    expulsions: u64,
) -> Result<(), ErrorCode> {
    if shared.expulsions.load(Ordering::SeqCst) == expulsions {
        return Ok(());
    }
    let asked = shared.ports.identity.identify(token).await.map(drop);
    if let Err(code) = asked {
        shared.directory.remove_session(session);
        session.expel(code).await;
    }
    asked
}

/// Counts what waits only now that the session is known: what comes from here on reaches its outbox.
async fn welcome(
    shared: &Shared,
    session: &Session,
    room: Option<Resumed>,
    answers: bool,
) -> Welcome {
    let notices = match answers && !session.person().guest {
        true => shared.ports.social.unread(session.user()).await.ok(),
        false => None,
    };
    Welcome {
        session: session.secret.clone(),
        person: session.person.clone(),
        reconnect_grace_ms: shared.config.reconnect_grace_ms,
        notices,
        room,
    }
}

/// The socket of `outbox` is gone. If it was still this session's, the room's grace begins.
pub(crate) async fn detach(shared: &Arc<Shared>, session: &Arc<Session>, outbox: &Arc<Outbox>) {
    let room = {
        let mut state = session.state();
        if !Arc::ptr_eq(&state.outbox, outbox) {
            return;
        }
        state.attached = false;
        if state.room.is_none() {
            shared.directory.remove_session(session);
        }
        state.room.clone()
    };
    if let Some(room) = room {
        room.lost(session.user(), outbox).await;
    }
}

/// One request, answered.
pub(crate) async fn handle(
    shared: &Arc<Shared>,
    session: &Arc<Session>,
    outbox: &Arc<Outbox>,
    request: Request,
) -> Utf8Bytes {
    let Request { id, message } = request;
    let _turn = session.turn.lock().await;
    {
        let mut state = session.state();
        if let Some((_, text)) = state.answered.iter().find(|(answered, _)| *answered == id) {
            return text.clone();
        }
        let now_ms = u64::try_from(session.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        if let Err(retry_after_ms) = state.limits.admit(now_ms, &message) {
            let mut error = ErrorBody::from(ErrorCode::RateLimited);
            error.retry_after_ms = Some(retry_after_ms);
            return ws::answer(id, Reply::Error { error });
        }
    }
    // A join's answer is large, and joining again is harmless; a ping's is not worth keeping.
    let keep = !matches!(message, ClientMessage::Join { .. } | ClientMessage::Ping);
    let reply = perform(shared, session, outbox, message)
        .await
        .unwrap_or_else(|error| Reply::Error { error });
    let text = ws::answer(id, reply);
    if keep {
        let mut state = session.state();
        if state.answered.len() == ANSWERS_KEPT {
            state.answered.pop_front();
        }
        state.answered.push_back((id, text.clone()));
    }
    text
}

async fn perform(
    shared: &Arc<Shared>,
    session: &Arc<Session>,
    outbox: &Arc<Outbox>,
    message: ClientMessage,
) -> Result<Reply, ErrorBody> {
    let mute = session.grants().is_some_and(|grants| !grants.let_speak());
    match message {
        ClientMessage::RaiseHand | ClientMessage::AcceptInvite | ClientMessage::TakeStage
            if mute =>
        {
            Err(ErrorCode::NotGranted.into())
        }
        ClientMessage::Hello { .. } => Err(ErrorCode::BadMessage.into()),
        ClientMessage::Ping => Ok(Reply::Ok),
        ClientMessage::Join { room, offer, link } => {
            join(shared, session, outbox, room, offer, link).await
        }
        ClientMessage::RestartIce { offer } => {
            let peer = session.state().peer.ok_or(ErrorCode::NotJoined)?;
            check_offer(&offer)?;
            let answer = shared.ports.media.restart_ice(peer, offer).await.map_err(media_error)?;
            Ok(Reply::IceRestarted { answer })
        }
        ClientMessage::Leave => {
            // Leaving twice is a no-op.
            if let Some(room) = session.room() {
                room.command(session.user(), Command::Leave).await?;
            }
            Ok(Reply::Ok)
        }
        ClientMessage::Audience { cursor } => {
            let room = session.room().ok_or(ErrorCode::NotJoined)?;
            let after = cursor.map(|text| text.parse::<u64>()).transpose();
            let after = after.map_err(|_| ErrorCode::InvalidField)?;
            let (people, next) = room.audience(after).await?;
            Ok(Reply::Audience { people, next: next.map(|next| next.to_string()) })
        }
        ClientMessage::ModerationLog => {
            let room = session.room().ok_or(ErrorCode::NotJoined)?;
            Ok(Reply::ModerationLog { entries: room.moderation_log(session.user()).await? })
        }
        ClientMessage::CreateLink { role, expires_in_ms } => {
            let room = session.room().ok_or(ErrorCode::NotJoined)?;
            let link = Uuid::new_v4().simple().to_string();
            let secret = LinkSecret(link.clone());
            let command = Command::CreateLink { secret, role, expires_in_ms };
            room.command(session.user(), command).await?;
            Ok(Reply::Link { link })
        }
        ClientMessage::RaiseHand => {
            let room = session.room().ok_or(ErrorCode::NotJoined)?;
            let followed = match session.person().guest {
                true => Ok(false),
                false => {
                    shared.ports.social.follows(room.moderators().await?, session.user()).await
                }
            };
            // It matters only where the policy asks for it.
            let asks = room.live().room.hand_policy == HandPolicy::Followed;
            let followed = if asks { followed? } else { followed.unwrap_or(false) };
            room.command(session.user(), Command::RaiseHand { followed }).await?;
            Ok(Reply::Ok)
        }
        ClientMessage::PingFollower { user } => {
            let room = session.room().ok_or(ErrorCode::NotJoined)?;
            let follows = shared.ports.social.follows(vec![user], session.user()).await?;
            room.command(session.user(), Command::PingFollower { user, follows }).await?;
            Ok(Reply::Ok)
        }
        other => {
            let room = session.room().ok_or(ErrorCode::NotJoined)?;
            room.command(session.user(), command_of(other)?).await?;
            Ok(Reply::Ok)
        }
    }
}

/// Enters a room: the room admits, then the media plane takes the offer, and only then the answer goes
/// out; else the browser's first check would arrive before its credentials.
async fn join(
    shared: &Arc<Shared>,
    session: &Arc<Session>,
    outbox: &Arc<Outbox>,
    room: RoomId,
    offer: String,
    link: Option<String>,
) -> Result<Reply, ErrorBody> {
    check_offer(&offer)?;
    // Joining the room one is in replaces the media connection; another room must be left first.
    if session.room().is_some_and(|current| current.id() != room) {
        return Err(ErrorCode::AlreadyJoined.into());
    }
    if session.grants().is_some_and(|grants| !grants.admit(room)) {
        return Err(ErrorCode::NotGranted.into());
    }
    let handle = shared.directory.room(room).ok_or(ErrorCode::RoomNotFound)?;
    let door = at_door(shared, session, &handle).await?;
    let peer = shared.directory.next_peer();
    let entry = Entry {
        link: link.map(LinkSecret),
        followed_by_host: door.followed_by_owner,
        invited: door.invited,
        blocked: door.blocked,
        origin: session.origin(),
        granted: session.grants().map(|grants| Granted {
            product: grants.product.clone(),
            speak: grants.speak,
            host: grants.host,
        }),
    };
    let Entered { snapshot, anew } = handle.enter(session, outbox, peer, entry).await?;
    match shared.ports.media.connect(room, peer, offer).await {
        Ok(answer) => {
            handle.media_ready(session.user(), peer).await;
            Ok(Reply::Joined(Box::new(Joined { answer, snapshot })))
        }
        Err(refusal) => {
            if anew {
                handle.command(session.user(), Command::Leave).await?;
            }
            Err(media_error(refusal))
        }
    }
}

/// Nobody follows, invites or blocks a guest.
async fn at_door(shared: &Shared, session: &Session, room: &RoomHandle) -> Result<Door, ErrorCode> {
    if session.person().guest {
        return Ok(Door::default());
    }
    let owner = room.live().room.owner;
    shared.ports.social.at_door(room.id(), owner, session.user()).await
}

fn check_offer(offer: &str) -> Result<(), ErrorCode> {
    if offer.len() > limits::OFFER_MAX_BYTES { Err(ErrorCode::BadOffer) } else { Ok(()) }
}

fn media_error(refusal: MediaRefusal) -> ErrorBody {
    match refusal {
        MediaRefusal::BadOffer(what) => {
            let mut error = ErrorBody::from(ErrorCode::BadOffer);
            error.message = format!("{} {what}", error.message);
            error
        }
        MediaRefusal::Full => ErrorCode::MediaUnavailable.into(),
        MediaRefusal::Gone => ErrorCode::NotJoined.into(),
    }
}

#[cfg(test)]
mod tests;
