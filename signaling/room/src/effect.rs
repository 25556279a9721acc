//! What follows from a command or a timer, to be performed in this order; or why nothing does.

use palco_protocol::{
    DirectEvent, ErrorBody, ErrorCode, Event, ModerationEntry, Person, RoomEndReason,
    SpeakerNumber, UserId,
};

pub(crate) type Effects = Vec<Effect>;

/// One consequence. Events are addressed by what the room is *after* the command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// To everybody in the room.
    Broadcast(Event),
    /// To one person in the room, or on the way out (`removed`, before their `Drop`). Never to whoever
    /// has just joined or returned: their snapshot says it.
    Tell {
        /// To whom.
        user: UserId,
        /// What.
        event: DirectEvent,
    },
    /// To every moderator and the host: `Room::moderators`.
    TellModerators {
        /// What.
        event: DirectEvent,
    },
    /// To somebody who is not in the room, wherever they are.
    Call {
        /// Whom.
        user: UserId,
        /// Who calls.
        by: Person,
    },
    /// The media gate opens: this person is heard.
    AllowSending {
        /// Whose.
        user: UserId,
        /// The CSRC of their packets.
        number: SpeakerNumber,
    },
    /// The media gate closes. Always comes before a sender's `Drop`, and before `Ended`.
    StopSending {
        /// Whose.
        user: UserId,
    },
    /// They are no longer in the room: end their session there, and their media.
    Drop {
        /// Whose.
        user: UserId,
        /// Why.
        why: DropReason,
    },
    /// For the operators and the history: what the moderation log says, and reports of the host,
    /// which the host's log does not show.
    Record(ModerationEntry),
    /// The room is over; nothing follows, and every later command is refused `room_ended`.
    Ended {
        /// Why.
        reason: RoomEndReason,
    },
}

/// Why a person is dropped without having asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropReason {
    /// By a moderator; a `removed` event came before.
    Removed,
    /// The reconnect grace is over. There is no socket to close, but a media connection.
    Lost,
}

/// The command may not be; nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub code: ErrorCode,
    /// For `slow_mode`.
    pub retry_after_ms: Option<u32>,
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self { code, retry_after_ms: None }
    }
}

impl From<Refusal> for ErrorBody {
    fn from(refusal: Refusal) -> Self {
        Self { retry_after_ms: refusal.retry_after_ms, ..Self::from(refusal.code) }
    }
}
