//! The task that owns one room: applies commands one after another and performs their effects.
//!
//! It is the room's only clock and the only holder of its members' outboxes and media connections. A panic, which is a
//! bug, ends this room alone.

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use palco_protocol::{
    DirectEvent, ErrorBody, ErrorCode, Event, ModerationAct, ModerationEntry, RoomEndReason,
    RoomEvent, RoomId, ServerMessage, Snapshot, SpeakerNumber, UserId, http::LiveRoom,
};
use palco_room::{Command, DropReason, Effect, Entry, Refusal, Room, Settings};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::{
    Fault, Happened, MediaEvent, PeerId, Shared,
    mailbox::{Entered, RoomHandle, RoomMessage, Seen},
    outbox::Outbox,
    session::Session,
    ws::text_of,
};

/// How stale the hallway's view of a room may be.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);
/// People of the stage shown in the hallway.
const STAGE_SHOWN: usize = 5;

/// Somebody in the room, as far as sockets and media are concerned.
struct Member {
    session: Arc<Session>,
    outbox: Arc<Outbox>,
    peer: Option<PeerId>,
    /// The media plane knows the peer: its gate can be set.
    media_ready: bool,
    /// Whether the gate should be open, and under which number.
    sending: Option<SpeakerNumber>,
}

struct RoomTask {
    shared: Arc<Shared>,
    room: Room,
    opened: Instant,
    handle: RoomHandle,
    members: HashMap<UserId, Member>,
    users_of_peers: HashMap<PeerId, UserId>,
    published: Instant,
    ended: bool,
}

/// Starts the task of a new room and makes it known.
pub(crate) fn open(shared: &Arc<Shared>, settings: Settings) -> RoomId {
    let room = Room::new(settings);
    let id = room.info().id;
    let (handle, inbox) = RoomHandle::new(seen_of(&room));
    shared.directory.add_room(handle.clone());
    let task = RoomTask {
        shared: Arc::clone(shared),
        room,
        opened: Instant::now(),
        handle,
        members: HashMap::new(),
        users_of_peers: HashMap::new(),
        published: Instant::now(),
        ended: false,
    };
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        // The task's drop clears up in either case.
        if AssertUnwindSafe(task.run(inbox)).catch_unwind().await.is_err() {
            shared.faults.count(Fault::Room);
            tracing::error!(room = %id, "a room ended by a panic: this is a bug");
        }
    });
    id
}

fn seen_of(room: &Room) -> Seen {
    let live = LiveRoom {
        room: room.info().clone(),
        counts: room.counts(),
        stage: room.stage().take(STAGE_SHOWN).map(|member| member.person.clone()).collect(),
        on_stage: room.stage().count() as u32,
    };
    Seen { live, stage: room.stage().map(|member| member.person.id).collect() }
}

impl RoomTask {
    async fn run(mut self, mut inbox: mpsc::Receiver<RoomMessage>) {
        let mut stale = false;
        while !self.ended {
            let now = Instant::now();
            let deadline = self.room.next_deadline().map(|deadline_ms| {
                now + Duration::from_millis(deadline_ms.saturating_sub(self.now_ms()))
            });
            let publish_at = stale.then(|| self.published + PUBLISH_EVERY);
            let wake_at = [deadline, publish_at].into_iter().flatten().min();
            tokio::select! {
                message = inbox.recv() => match message {
                    Some(message) => {
                        self.tick();
                        self.receive(message);
                    }
                    None => return,
                },
                () = at(wake_at) => self.tick(),
            }
            stale = self.published.elapsed() < PUBLISH_EVERY;
            if !stale {
                self.publish();
            }
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn tick(&mut self) {
        let effects = self.room.tick(self.now_ms());
        self.perform(effects);
    }

    fn publish(&mut self) {
        self.published = Instant::now();
        self.handle.publish(seen_of(&self.room));
    }

    fn receive(&mut self, message: RoomMessage) {
        // A reply whose asker has gone is of no interest to anybody.
        match message {
            RoomMessage::Enter { session, outbox, peer, entry, reply } => {
                let _ = reply.send(self.enter(session, outbox, peer, entry));
            }
            RoomMessage::MediaReady { user, peer } => self.media_ready(user, peer),
            RoomMessage::Resume { user, outbox, reply } => {
                if let Some(snapshot) = self.resume(user, outbox) {
                    let _ = reply.send(snapshot);
                }
            }
            RoomMessage::Lost { user, outbox } => {
                let current = self.members.get(&user);
                if current.is_some_and(|member| Arc::ptr_eq(&member.outbox, &outbox)) {
                    self.apply_own(user, Command::Lost);
                }
            }
            RoomMessage::Command { by, command, reply } => {
                let leaves = command == Command::Leave;
                let result = self.room.apply(self.now_ms(), by, command);
                let _ = reply.send(result.map_err(Refusal::into).map(|effects| {
                    self.perform(effects);
                    if leaves {
                        self.drop_member(by, None);
                    }
                }));
            }
            RoomMessage::Audience { after, reply } => {
                let _ = reply.send(self.room.audience(after));
            }
            RoomMessage::Log { by, reply } => {
                let log = self.room.moderation_log(by);
                let _ = reply.send(log.map(<[_]>::to_vec).map_err(Refusal::into));
            }
            RoomMessage::Moderators { reply } => {
                let _ = reply.send(self.room.moderators().collect());
            }
            RoomMessage::Evict(user) => self.apply_own(user, Command::Evict),
            RoomMessage::Media(event) => self.media(event),
            RoomMessage::End(reason) => {
                let owner = self.room.info().owner;
                self.apply_own(owner, Command::End { reason });
            }
            RoomMessage::Break(None) => panic!("asked to break a room"),
            RoomMessage::Break(Some(user)) => {
                if let Some(member) = self.members.get(&user) {
                    member.outbox.break_reader();
                }
            }
        }
    }

    /// Applies what nobody asked for and therefore nobody can be refused.
    fn apply_own(&mut self, user: UserId, command: Command) {
        if let Ok(effects) = self.room.apply(self.now_ms(), user, command) {
            self.perform(effects);
        }
    }

    fn enter(
        &mut self,
        session: Arc<Session>,
        outbox: Arc<Outbox>,
        peer: PeerId,
        entry: Entry,
    ) -> Result<Entered, ErrorBody> {
        let user = session.person().id;
        let join = Command::Join { person: session.person().clone(), entry };
        let effects = self.room.apply(self.now_ms(), user, join)?;

        // The same person on another device, or over another connection, takes over.
        let before = self.members.remove(&user);
        let anew = before.is_none();
        let mut sending = None;
        if let Some(before) = before {
            self.forget_peer(before.peer);
            sending = before.sending;
            if !Arc::ptr_eq(&before.session, &session) {
                before.session.left(&self.shared, self.handle.id());
                before.outbox.close(ErrorCode::TakenOver);
            }
        }
        session.entered(self.handle.clone(), peer);
        self.shared.directory.add_peer(peer, self.handle.clone());
        self.users_of_peers.insert(peer, user);
        self.members.insert(
            user,
            Member { session, outbox, peer: Some(peer), media_ready: false, sending },
        );
        if anew {
            let person = self.members[&user].session.person().clone();
            self.remember(Happened::Joined(person));
        }
        self.perform(effects);
        let snapshot = self.room.snapshot(self.now_ms(), user);
        let snapshot = snapshot.expect("invariant: who was let in is in the room");
        Ok(Entered { snapshot, anew })
    }

    fn resume(&mut self, user: UserId, outbox: Arc<Outbox>) -> Option<Snapshot> {
        self.members.get_mut(&user)?.outbox = outbox;
        self.apply_own(user, Command::Returned);
        if self.members.get(&user).is_some_and(|member| member.peer.is_none()) {
            self.tell(user, DirectEvent::MediaClosed);
        }
        self.room.snapshot(self.now_ms(), user)
    }

    fn media_ready(&mut self, user: UserId, peer: PeerId) {
        let Some(member) = self.members.get_mut(&user).filter(|m| m.peer == Some(peer)) else {
            // Gone, or replaced, while the media plane was at work.
            self.shared.ports.media.disconnect(peer);
            return;
        };
        member.media_ready = true;
        if let Some(number) = member.sending {
            self.shared.ports.media.allow_sending(peer, number);
        }
    }

    fn media(&mut self, event: MediaEvent) {
        let Some(user) = self.users_of_peers.get(&event.peer()).copied() else { return };
        match event {
            MediaEvent::Connected(_) => self.tell(user, DirectEvent::MediaConnected),
            MediaEvent::Closed(peer) => {
                self.forget_peer(Some(peer));
                if let Some(member) = self.members.get_mut(&user) {
                    member.peer = None;
                    member.media_ready = false;
                }
                self.tell(user, DirectEvent::MediaClosed);
            }
            MediaEvent::Quality {
                grade,
                loss_permille,
                loss_up_permille,
                jitter_ms,
                rtt_ms,
                ..
            } => {
                let quality = DirectEvent::Quality {
                    grade,
                    loss_permille,
                    loss_up_permille,
                    jitter_ms,
                    rtt_ms,
                };
                self.tell(user, quality);
            }
        }
    }

    /// Ends a media connection, if there is one.
    fn forget_peer(&mut self, peer: Option<PeerId>) {
        if let Some(peer) = peer {
            self.users_of_peers.remove(&peer);
            self.shared.directory.remove_peer(peer);
            self.shared.ports.media.disconnect(peer);
        }
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Broadcast(event) => self.broadcast(event),
                Effect::Tell { user, event } => self.tell(user, event),
                Effect::TellModerators { event } => {
                    let text = text_of(&ServerMessage::Direct(event));
                    for user in self.room.moderators() {
                        push(&self.members, user, &text);
                    }
                }
                Effect::AllowSending { user, number } => self.set_sending(user, Some(number)),
                Effect::StopSending { user } => self.set_sending(user, None),
                Effect::Drop { user, why } => {
                    let removed = (why == DropReason::Removed).then_some(ErrorCode::Removed);
                    self.drop_member(user, removed);
                }
                Effect::Call { user, by } => {
                    self.shared.ports.social.call(user, by, self.handle.id());
                }
                Effect::Record(entry) => self.record(entry),
                Effect::Ended { .. } => self.ended = true,
            }
        }
    }

    /// What the operators must be able to find after the room is gone.
    fn record(&self, entry: ModerationEntry) {
        tracing::info!(
            target: "palco::moderation",
            room = %self.handle.id(),
            at_ms = entry.at_ms,
            act = ?entry.act,
            by = %entry.by.id,
            to = entry.to.as_ref().map(|person| person.id.to_string()),
            reason = entry.reason,
        );
        let reported = entry.to.as_ref().filter(|_| entry.act == ModerationAct::Reported);
        let evidence = reported.map(|person| self.room.chat_by(person.id).cloned().collect());
        self.remember(Happened::Moderated { entry, evidence: evidence.unwrap_or_default() });
    }

    fn remember(&self, happened: Happened) {
        self.shared.ports.history.record(self.handle.id(), self.now_ms(), happened);
    }

    fn broadcast(&mut self, event: Event) {
        let worth_publishing = matches!(event.event, RoomEvent::RoomUpdated { .. });
        if !matches!(event.event, RoomEvent::Counts { .. } | RoomEvent::Reactions { .. }) {
            self.remember(Happened::Event(event.event.clone()));
        }
        let text = text_of(&ServerMessage::Event(event));
        for member in self.members.values() {
            member.outbox.push(text.clone());
        }
        if worth_publishing {
            self.publish();
        }
    }

    fn tell(&self, user: UserId, event: DirectEvent) {
        push(&self.members, user, &text_of(&ServerMessage::Direct(event)));
    }

    fn set_sending(&mut self, user: UserId, sending: Option<SpeakerNumber>) {
        let Some(member) = self.members.get_mut(&user) else { return };
        member.sending = sending;
        if let Some(peer) = member.peer.filter(|_| member.media_ready) {
            match sending {
                Some(number) => self.shared.ports.media.allow_sending(peer, number),
                None => self.shared.ports.media.stop_sending(peer),
            }
        }
    }

    fn drop_member(&mut self, user: UserId, why: Option<ErrorCode>) {
        let Some(member) = self.members.remove(&user) else { return };
        self.forget_peer(member.peer);
        member.session.left(&self.shared, self.handle.id());
        self.remember(Happened::Left(user));
        if let Some(why) = why {
            member.outbox.close(why);
        }
    }
}

/// Sleeps until then, or for ever.
async fn at(wake_at: Option<Instant>) {
    match wake_at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn push(members: &HashMap<UserId, Member>, user: UserId, text: &Utf8Bytes) {
    if let Some(member) = members.get(&user) {
        member.outbox.push(text.clone());
    }
}

impl Drop for RoomTask {
    /// A room's end, orderly or by a panic, closes its peers and frees its members' sessions; their
    /// sockets stay open.
    fn drop(&mut self) {
        self.shared.directory.remove_room(self.handle.id());
        if !self.ended {
            let event = RoomEvent::RoomEnded { reason: RoomEndReason::Shutdown };
            self.broadcast(Event { seq: self.room.seq() + 1, event });
        }
        for (peer, _) in self.users_of_peers.drain() {
            self.shared.directory.remove_peer(peer);
        }
        self.shared.ports.media.close_room(self.handle.id());
        for (_, member) in self.members.drain() {
            member.session.left(&self.shared, self.handle.id());
        }
    }
}
