//! What clients send.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{HandPolicy, LinkRole, Reaction, RequestId, RoomId, UserId};

/// A message with the id that its answer will name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Request {
    /// Named in the answer's `re`. The same id sent twice is answered as if sent once.
    pub id: RequestId,
    /// What is asked.
    #[serde(flatten)]
    pub message: ClientMessage,
}

/// Continue a session whose socket was lost; `welcome` brings a fresh snapshot of its room.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Resume {
    /// The secret from `welcome`.
    pub session: String,
}

impl std::fmt::Debug for Resume {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The session is a secret: never in a log.
        f.debug_struct("Resume").finish_non_exhaustive()
    }
}

/// Every request there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// The first message: who I am. Answer: `welcome`.
    Hello {
        /// From `POST /api/v1/guests`, from signing in, or from another product's application token. A page of the
        /// server's own may leave it out: its session cookie came with the handshake.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        token: Option<String>,
        /// Continue a lost session.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        resume: Option<Resume>,
    },
    /// Nothing but a sign of life. Answer: `ok`.
    Ping,
    /// Enter a room with the one offer this session will make. Answer: `joined`.
    Join {
        /// Which.
        room: RoomId,
        /// SDP: one sendonly and up to four recvonly audio sections.
        offer: String,
        /// The secret of a link, for closed and locked rooms or with a role.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        link: Option<String>,
    },
    /// Leave the room quietly; the session stays.
    Leave,
    /// New ICE credentials for the same connection (the network changed). Answer: `ice_restarted`.
    RestartIce {
        /// The new offer.
        offer: String,
    },

    /// Ask for the stage.
    RaiseHand,
    /// Take the hand down.
    LowerHand,
    /// Moderators: offer the stage to a listener.
    Invite {
        /// To whom.
        user: UserId,
    },
    /// Moderators: take a hand out of the queue without inviting.
    DismissHand {
        /// Whose.
        user: UserId,
    },
    /// Come on stage, muted.
    AcceptInvite,
    /// Stay in the audience.
    DeclineInvite,
    /// A moderator or host in the audience comes on stage again without being asked.
    TakeStage,
    /// Back to the audience.
    StepDown,
    /// Not heard from now.
    Mute,
    /// Heard from now, unless a moderator muted me.
    Unmute,

    /// Moderators: silence a speaker; they cannot undo it.
    MuteSpeaker {
        /// Whom.
        user: UserId,
    },
    /// Moderators: a silenced speaker may unmute themself again.
    AllowUnmute {
        /// Whom.
        user: UserId,
    },
    /// Moderators: a speaker goes back to the audience.
    MoveToAudience {
        /// Whom.
        user: UserId,
    },
    /// Host: a speaker becomes a moderator.
    MakeModerator {
        /// Whom.
        user: UserId,
    },
    /// Host: a moderator becomes a speaker.
    RevokeModerator {
        /// Whom.
        user: UserId,
    },
    /// Owner: somebody on stage becomes the host and owner, I become a moderator.
    TransferHost {
        /// To whom.
        user: UserId,
    },
    /// Moderators: out of the room.
    Remove {
        /// Whom.
        user: UserId,
        /// And never again in this room.
        #[serde(default)]
        ban: bool,
    },
    /// Moderators: lift a ban.
    Unban {
        /// Whose.
        user: UserId,
    },
    /// Moderators: whose hands are taken.
    SetHandPolicy {
        /// The new policy.
        policy: HandPolicy,
    },
    /// Moderators: nobody new may enter.
    Lock,
    /// Moderators: open again.
    Unlock,
    /// Owner: the room is over.
    EndRoom,

    /// Write a line.
    Chat {
        /// What.
        text: String,
    },
    /// React; counted and shown to all, summed.
    React {
        /// With what.
        reaction: Reaction,
    },
    /// Moderators: show a link to all, or none.
    PinLink {
        /// An http or https address; absent takes it away.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        url: Option<String>,
    },
    /// Moderators: change what the room says of itself; absent fields stay.
    UpdateRoom {
        /// A new title.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        title: Option<String>,
        /// A new description.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        description: Option<String>,
        /// Least time between two lines of chat by one person; 0 is off.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        slow_mode_ms: Option<u32>,
        /// How long a turn on stage should last; 0 is off.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        turn_ms: Option<u32>,
    },
    /// On stage: call a follower of mine into the room.
    PingFollower {
        /// Whom.
        user: UserId,
    },
    /// A page of the audience. Answer: `audience`.
    Audience {
        /// From the page before; absent for the first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        cursor: Option<String>,
    },
    /// Moderators: a secret link to this room. Answer: `link`.
    CreateLink {
        /// What it gives.
        role: LinkRole,
        /// How long it works.
        expires_in_ms: u64,
    },
    /// Moderators: a link works no more.
    RevokeLink {
        /// Its secret.
        link: String,
    },
    /// Report somebody to the host and the operators.
    Report {
        /// Whom.
        user: UserId,
        /// Why.
        reason: String,
    },
    /// Host: what moderators did. Answer: `moderation_log`.
    ModerationLog,
}
