//! What clients get: answers (`re`), events of the room for everybody (`seq`), and events for one.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{
    ChatMessage, Counts, ErrorBody, Grade, Hand, InvitationState, ModerationEntry, Person,
    Reaction, RequestId, Role, RoomEndReason, RoomId, RoomInfo, Snapshot, StageExit, StageMember,
    UserId, YourHand, YourInvitation,
    http::{Notification, Unread},
};

/// Anything the server sends. Told apart by `re` and `seq`: an answer has `re`, a room's event has
/// `seq`, an event for this session alone has neither.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(untagged)]
pub enum ServerMessage {
    /// An answer.
    Reply {
        /// The request's id.
        re: RequestId,
        /// What became of it.
        #[serde(flatten)]
        reply: Reply,
    },
    /// Something happened that everybody in the room learns.
    Event(Event),
    /// Something that only this session learns.
    Direct(DirectEvent),
}

/// An answer to one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Reply {
    /// Done, and nothing to say.
    Ok,
    /// To `hello`.
    Welcome(Box<Welcome>),
    /// To `join`.
    Joined(Box<Joined>),
    /// To `restart_ice`.
    IceRestarted {
        /// The SDP answer.
        answer: String,
    },
    /// To `audience`.
    Audience {
        /// Listeners, in the order in which they came.
        people: Vec<Person>,
        /// For the next page; absent on the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        next: Option<String>,
    },
    /// To `create_link`.
    Link {
        /// The secret; the page's address is `/r/<room>#<secret>`.
        link: String,
    },
    /// To `moderation_log`.
    ModerationLog {
        /// Oldest first.
        entries: Vec<ModerationEntry>,
    },
    /// It was refused, and nothing changed.
    Error {
        /// Why.
        error: ErrorBody,
    },
}

/// To `hello`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Welcome {
    /// A secret: whoever sends it in `hello.resume` continues this session.
    pub session: String,
    /// Who you are.
    pub person: Person,
    /// How long a lost session is kept.
    pub reconnect_grace_ms: u64,
    /// What waits to be seen; absent for guests, and while the database does not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub notices: Option<Unread>,
    /// The room this session is in, if it was resumed there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub room: Option<Resumed>,
}

impl std::fmt::Debug for Welcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The session is a secret: never in a log.
        f.debug_struct("Welcome")
            .field("person", &self.person)
            .field("room", &self.room)
            .finish_non_exhaustive()
    }
}

/// The room of a resumed session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Resumed {
    /// Which.
    pub room: RoomId,
    /// The room as it is now.
    pub snapshot: Snapshot,
}

/// To `join`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Joined {
    /// SDP: the one answer this connection needs.
    pub answer: String,
    /// The room as it is now.
    pub snapshot: Snapshot,
}

/// An event of the room, with its place in the room's sequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Event {
    /// One more than the event before.
    pub seq: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: RoomEvent,
}

/// What everybody in the room learns. Folding these into a snapshot keeps it true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RoomEvent {
    /// Title, policy, lock, host or another of the room's fields changed.
    RoomUpdated {
        /// The room as it is now.
        room: RoomInfo,
    },
    /// Somebody came on stage, or changed there (role, mute, connection).
    StageUpdated {
        /// The member as they are now.
        member: StageMember,
    },
    /// Somebody is no longer on stage.
    StageLeft {
        /// Who.
        user: UserId,
        /// Why.
        reason: StageExit,
    },
    /// How many people; at most once a second.
    Counts {
        /// The new counts.
        counts: Counts,
    },
    /// A line of chat.
    Chat {
        /// The line.
        message: ChatMessage,
    },
    /// A moderator took lines of chat away (those of somebody removed).
    ChatCleared {
        /// Whose.
        user: UserId,
    },
    /// Reactions since the last such event; at most four times a second.
    Reactions {
        /// How many of each.
        reactions: Vec<(Reaction, u32)>,
    },
    /// The room is over. No event follows.
    RoomEnded {
        /// Why.
        reason: RoomEndReason,
    },
}

/// What only one session, or only moderators, learn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum DirectEvent {
    /// Your role changed (also seen on stage, by everybody).
    YourRole {
        /// What you are now.
        role: Role,
    },
    /// Your hand's place in the queue changed, or it is down.
    YourHand {
        /// Absent: your hand is down.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        hand: Option<YourHand>,
    },
    /// You are invited to the stage, or no longer.
    YourInvitation {
        /// Absent: it was answered, withdrawn, or has expired.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        invitation: Option<YourInvitation>,
    },
    /// A moderator muted you, or lets you speak again: shown apart from the stage's own event
    /// because the client must stop its microphone.
    YourMute {
        /// Not heard.
        muted: bool,
        /// Only a moderator can lift it.
        by_moderator: bool,
    },
    /// You are out of the room. The socket is closed after it.
    Removed {
        /// And cannot come back.
        banned: bool,
    },
    /// Moderators: the whole queue (after becoming a moderator).
    Hands {
        /// In the queue's order.
        hands: Vec<Hand>,
    },
    /// Moderators: a hand went up.
    HandRaised {
        /// Whose, and where.
        hand: Hand,
    },
    /// Moderators: a hand is down.
    HandLowered {
        /// Whose.
        user: UserId,
    },
    /// Moderators: what became of an invitation.
    InvitationUpdated {
        /// Whose.
        person: Person,
        /// What.
        state: InvitationState,
    },
    /// Moderators: somebody was reported.
    Reported {
        /// What the log says.
        entry: ModerationEntry,
    },
    /// You are told of something; it is in `GET /api/v1/notifications` too.
    Notice {
        /// What.
        notification: Notification,
        /// Do not disturb: count it, show it where notices are listed, and nothing more.
        quiet: bool,
    },
    /// You marked notices as read, here or on another device.
    NoticesRead {
        /// What waits now.
        notices: Unread,
    },
    /// The media connection works: you can hear.
    MediaConnected,
    /// The media connection is gone and will not come back; join again.
    MediaClosed,
    /// Your own connection became better or worse, as the server sees it.
    Quality {
        /// All in all.
        grade: Grade,
        /// Packets lost on the way to you, in thousandths.
        loss_permille: u16,
        /// Packets lost on the way from you, in thousandths.
        loss_up_permille: u16,
        /// Interarrival jitter on the way to you.
        jitter_ms: u32,
        /// Round trip, once known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        rtt_ms: Option<u32>,
    },
    /// The server is about to stop, for an update usually: no new room opens, this one may go on for a while.
    ServerDraining {
        /// How long, from now on; what is live then ends.
        deadline_ms: u64,
    },
    /// The connection ends now, and why.
    Closing {
        /// The reason.
        error: ErrorBody,
    },
}
