//! A room as a pure state machine: who is in it, who is on stage, whose hand is up, who may do what.
//!
//! ```text
//!   now, by, Command ──► Room::apply ──► Vec<Effect>, or a Refusal and nothing changed
//!   now ───────────────► Room::tick  ──► Vec<Effect>
//! ```
//!
//! One task owns each room, tells it the time, performs its effects in their order, and calls `tick`
//! when `next_deadline` comes, before the next `apply`. Not the room's job: sockets, sessions,
//! rate limits, media, who follows whom, making secrets, keeping history.

mod command;
mod effect;
mod settings;

pub use command::{Command, Entry, LinkSecret};
pub use effect::{DropReason, Effect, Refusal};
pub use settings::{Settings, TextFilter, Timers};

use palco_protocol::{
    Counts, ErrorCode, ModerationEntry, Person, Role, RoomInfo, RoomTimeMs, Snapshot, StageMember,
    UserId,
};

/// One live room.
#[derive(Debug, Clone)]
pub struct Room {
    info: RoomInfo,
}

impl Room {
    /// Opens a room at time 0. The owner is not in it yet; if nobody comes to lead it within
    /// `empty_room_ms`, it ends.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let _ = &settings;
        unreachable!("being written")
    }

    /// Does what somebody asks, or refuses and changes nothing. A deadline that is due must have
    /// been ticked before.
    pub fn apply(
        &mut self,
        _now: RoomTimeMs,
        _by: UserId,
        _command: Command,
    ) -> Result<Vec<Effect>, Refusal> {
        Ok(Vec::new())
    }

    /// Does what time brings. Afterwards no deadline is due.
    pub fn tick(&mut self, _now: RoomTimeMs) -> Vec<Effect> {
        Vec::new()
    }

    /// When `tick` is wanted next; may be now.
    #[must_use]
    pub fn next_deadline(&self) -> Option<RoomTimeMs> {
        None
    }

    /// The room as this person sees it now.
    #[must_use]
    pub fn snapshot(&self, _now: RoomTimeMs, _of: UserId) -> Option<Snapshot> {
        None
    }

    /// The number of the last broadcast event; 0 before the first.
    #[must_use]
    pub fn seq(&self) -> u64 {
        0
    }

    /// What everyone knows of the room.
    #[must_use]
    pub fn info(&self) -> &RoomInfo {
        &self.info
    }

    /// How many people, and hands.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts::default()
    }

    /// Who is on stage, in the order in which they came.
    pub fn stage(&self) -> impl Iterator<Item = &StageMember> {
        [].iter()
    }

    /// The moderators and the host who are in the room: who `Effect::TellModerators` is for.
    pub fn moderators(&self) -> impl Iterator<Item = UserId> {
        [].into_iter()
    }

    /// A page of the audience in the order in which they came, and where the next page starts.
    #[must_use]
    pub fn audience(&self, _after: Option<u64>) -> (Vec<Person>, Option<u64>) {
        (Vec::new(), None)
    }

    /// What somebody is in the room; nothing if they are not in it.
    #[must_use]
    pub fn role_of(&self, _user: UserId) -> Option<Role> {
        None
    }

    /// In the room, connected or within the reconnect grace.
    #[must_use]
    pub fn is_present(&self, _user: UserId) -> bool {
        false
    }

    /// What moderators did, oldest first, for the host.
    pub fn moderation_log(&self, _by: UserId) -> Result<&[ModerationEntry], Refusal> {
        Err(ErrorCode::Forbidden.into())
    }

    /// The room is over.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        false
    }
}
