//! What can be asked of a room. Most are a client's messages, some the server's own observations.

use std::fmt;

use palco_protocol::{HandPolicy, LinkRole, Person, Reaction, RoomEndReason, UserId};

/// What the session layer knows of somebody at the door; the room decides what follows from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// The secret they came with.
    pub link: Option<LinkSecret>,
    /// The room's host follows them (social rooms).
    pub followed_by_host: bool,
    /// They are on the room's list of guests (closed rooms).
    pub invited: bool,
    /// The owner blocked them, or they the owner.
    pub blocked: bool,
    /// What a product's token grants them; counts in the rooms of that product.
    pub granted: Option<Granted>,
    /// Where they come from, as an opaque number: a guest who was banned is known again by it.
    pub origin: Option<u64>,
}

/// What another product's token grants at the door of its rooms, besides entering the closed ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// Whose token: its API key.
    pub product: String,
    /// Enters with an invitation to the stage.
    pub speak: bool,
    /// Enters as a moderator.
    pub host: bool,
}

/// The secret of a link into a room: made outside (a room has no randomness), shown in no log.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkSecret(pub String);

impl fmt::Debug for LinkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkSecret(..)")
    }
}

/// Asked by one person (`by` in `Room::apply`), unless it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Enter. Of somebody who is in the room already it means: another device takes over (`Returned`).
    Join {
        /// Who; `by` is their id.
        person: Person,
        /// What is known of them.
        entry: Entry,
    },
    /// The session layer: their socket is gone; the reconnect grace starts. No-op if absent.
    Lost,
    /// The session layer: their socket is back within the grace. Refused `not_joined` after it.
    Returned,
    /// Out of the room. No-op if absent.
    Leave,
    /// The server itself: they may be here no longer (the owner blocked them, their account is suspended). No-op if
    /// absent. Never built from a client's message.
    Evict,

    /// Ask for the stage.
    RaiseHand {
        /// A moderator of the room follows them.
        followed: bool,
    },
    /// Take the hand down.
    LowerHand,
    /// Offer the stage.
    Invite {
        /// To whom.
        user: UserId,
    },
    /// Take somebody's hand out of the queue.
    DismissHand {
        /// Whose.
        user: UserId,
    },
    /// Come on stage, muted.
    AcceptInvite,
    /// Stay in the audience.
    DeclineInvite,
    /// A moderator or host in the audience comes on stage, muted.
    TakeStage,
    /// Back to the audience.
    StepDown,
    /// Not heard from now.
    Mute,
    /// Heard from now.
    Unmute,

    /// Silence a speaker.
    MuteSpeaker {
        /// Whom.
        user: UserId,
    },
    /// Let a silenced speaker unmute themself.
    AllowUnmute {
        /// Whom.
        user: UserId,
    },
    /// Send a speaker back to the audience.
    MoveToAudience {
        /// Whom.
        user: UserId,
    },
    /// Appoint a moderator.
    MakeModerator {
        /// Whom.
        user: UserId,
    },
    /// Take a moderator's role.
    RevokeModerator {
        /// Whose.
        user: UserId,
    },
    /// Give the room away.
    TransferHost {
        /// To whom.
        user: UserId,
    },
    /// Out of the room with them; with a ban also somebody who has just left.
    Remove {
        /// Whom.
        user: UserId,
        /// And never again in this room.
        ban: bool,
    },
    /// Lift a ban.
    Unban {
        /// Whose.
        user: UserId,
    },
    /// Say whose hands are taken.
    SetHandPolicy {
        /// Whose.
        policy: HandPolicy,
    },
    /// Nobody new may enter.
    Lock,
    /// Open again.
    Unlock,
    /// The room is over.
    EndRoom,

    /// Write a line.
    Chat {
        /// What.
        text: String,
    },
    /// React.
    React {
        /// With what.
        reaction: Reaction,
    },
    /// Show a link to all, or none.
    PinLink {
        /// An http or https address.
        url: Option<String>,
    },
    /// Change what the room says of itself; `None` stays as it is.
    UpdateRoom {
        /// A new title.
        title: Option<String>,
        /// A new description.
        description: Option<String>,
        /// A new slow mode; 0 is off.
        slow_mode_ms: Option<u32>,
        /// A new length of turns; 0 is off.
        turn_ms: Option<u32>,
    },
    /// Call a follower into the room.
    PingFollower {
        /// Whom.
        user: UserId,
        /// They do follow the caller.
        follows: bool,
    },
    /// A new link into the room.
    CreateLink {
        /// Its secret, fresh and unguessable.
        secret: LinkSecret,
        /// What it gives.
        role: LinkRole,
        /// How long it works.
        expires_in_ms: u64,
    },
    /// A link works no more.
    RevokeLink {
        /// Which.
        secret: LinkSecret,
    },
    /// Report somebody who is in the room or has just left.
    Report {
        /// Whom.
        user: UserId,
        /// Why.
        reason: String,
    },

    /// The server itself (operator, shutdown), whoever `by` names: the room is over. Never built
    /// from a client's message.
    End {
        /// Why.
        reason: RoomEndReason,
    },
}
