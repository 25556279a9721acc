//! Who may do what: the one table, and who is what.
//!
//! The table says what a role may ask at all; whether it is possible at this moment (is there a hand,
//! is the stage full) is each command's own affair, and against whom is `Room::outranks`.

use palco_protocol::{
    DirectEvent, ErrorCode, ModerationAct, Role, RoomEvent, RoomTimeMs, UserId, limits::STAGE_MAX,
};

use crate::{
    Command, Refusal, Room,
    effect::{Effect, Effects},
};

/// Everything the table has a row for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    RaiseHand,
    LowerHand,
    AcceptInvite,
    DeclineInvite,
    Chat,
    React,
    Report,
    StepDown,
    Mute,
    Unmute,
    PingFollower,
    TakeStage,
    Invite,
    DismissHand,
    MuteSpeaker,
    AllowUnmute,
    MoveToAudience,
    Remove,
    Unban,
    SetHandPolicy,
    Lock,
    Unlock,
    PinLink,
    UpdateRoom,
    CreateLink,
    RevokeLink,
    MakeModerator,
    RevokeModerator,
    ReadLog,
    TransferHost,
    EndRoom,
}

/// What somebody may do, finer than their `Role`: an acting host leads the room, but it is not theirs
/// to end or to give away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    Listener,
    Speaker,
    Moderator,
    ActingHost,
    Owner,
}

/// Most moderators, in the room or not: what is told to moderators is told to no more than these.
pub(crate) const MODERATORS_MAX: usize = STAGE_MAX;

const Y: bool = true;
const N: bool = false;

/// One row for each action: who may, in the order of `Standing`, and what the others are told.
#[rustfmt::skip]
const PERMISSIONS: [(Action, [bool; 5], ErrorCode); 31] = [
    //                        listener speaker moderator acting owner
    (Action::RaiseHand,       [Y, N, N, N, N], ErrorCode::Forbidden),
    (Action::LowerHand,       [Y, Y, Y, Y, Y], ErrorCode::Forbidden),
    (Action::AcceptInvite,    [Y, Y, Y, Y, Y], ErrorCode::Forbidden),
    (Action::DeclineInvite,   [Y, Y, Y, Y, Y], ErrorCode::Forbidden),
    (Action::Chat,            [Y, Y, Y, Y, Y], ErrorCode::Forbidden),
    (Action::React,           [Y, Y, Y, Y, Y], ErrorCode::Forbidden),
    (Action::Report,          [Y, Y, Y, Y, Y], ErrorCode::Forbidden),
    (Action::StepDown,        [N, Y, Y, Y, Y], ErrorCode::NotOnStage),
    (Action::Mute,            [N, Y, Y, Y, Y], ErrorCode::NotOnStage),
    (Action::Unmute,          [N, Y, Y, Y, Y], ErrorCode::NotOnStage),
    (Action::PingFollower,    [N, Y, Y, Y, Y], ErrorCode::NotOnStage),
    (Action::TakeStage,       [N, N, Y, Y, Y], ErrorCode::Forbidden),
    (Action::Invite,          [N, N, Y, Y, Y], ErrorCode::Forbidden),
    (Action::DismissHand,     [N, N, Y, Y, Y], ErrorCode::Forbidden),
    (Action::MuteSpeaker,     [N, N, Y, Y, Y], ErrorCode::Forbidden),
    (Action::AllowUnmute,     [N, N, Y, Y, Y], ErrorCode::Forbidden),
    (Action::MoveToAudience,  [N, N, Y, Y, Y], ErrorCode::Forbidden),
    (Action::Remove,          [N, N, Y, Y, Y], ErrorCode::Forbidden),
    (Action::Unban,           [N, N, Y, Y, Y], ErrorCode::Forbidden),
    (Action::SetHandPolicy,   [N, N, Y, Y, Y], ErrorCode::Forbidden),
    (Action::Lock,            [N, N, Y, Y, Y], ErrorCode::Forbidden),
    (Action::Unlock,          [N, N, Y, Y, Y], ErrorCode::Forbidden),
    (Action::PinLink,         [N, N, Y, Y, Y], ErrorCode::Forbidden),
    (Action::UpdateRoom,      [N, N, Y, Y, Y], ErrorCode::Forbidden),
    (Action::CreateLink,      [N, N, Y, Y, Y], ErrorCode::Forbidden),
    (Action::RevokeLink,      [N, N, Y, Y, Y], ErrorCode::Forbidden),
    (Action::MakeModerator,   [N, N, N, Y, Y], ErrorCode::Forbidden),
    (Action::RevokeModerator, [N, N, N, Y, Y], ErrorCode::Forbidden),
    (Action::ReadLog,         [N, N, N, Y, Y], ErrorCode::Forbidden),
    (Action::TransferHost,    [N, N, N, N, Y], ErrorCode::Forbidden),
    (Action::EndRoom,         [N, N, N, N, Y], ErrorCode::Forbidden),
];

impl Action {
    /// The action of a command that people in the room may ask; the others are not the table's.
    pub(crate) fn of(command: &Command) -> Option<Self> {
        Some(match command {
            Command::Join { .. }
            | Command::Lost
            | Command::Returned
            | Command::Leave
            | Command::Evict
            | Command::End { .. } => return None,
            Command::RaiseHand { .. } => Self::RaiseHand,
            Command::LowerHand => Self::LowerHand,
            Command::AcceptInvite => Self::AcceptInvite,
            Command::DeclineInvite => Self::DeclineInvite,
            Command::Chat { .. } => Self::Chat,
            Command::React { .. } => Self::React,
            Command::Report { .. } => Self::Report,
            Command::StepDown => Self::StepDown,
            Command::Mute => Self::Mute,
            Command::Unmute => Self::Unmute,
            Command::PingFollower { .. } => Self::PingFollower,
            Command::TakeStage => Self::TakeStage,
            Command::Invite { .. } => Self::Invite,
            Command::DismissHand { .. } => Self::DismissHand,
            Command::MuteSpeaker { .. } => Self::MuteSpeaker,
            Command::AllowUnmute { .. } => Self::AllowUnmute,
            Command::MoveToAudience { .. } => Self::MoveToAudience,
            Command::Remove { .. } => Self::Remove,
            Command::Unban { .. } => Self::Unban,
            Command::SetHandPolicy { .. } => Self::SetHandPolicy,
            Command::Lock => Self::Lock,
            Command::Unlock => Self::Unlock,
            Command::PinLink { .. } => Self::PinLink,
            Command::UpdateRoom { .. } => Self::UpdateRoom,
            Command::CreateLink { .. } => Self::CreateLink,
            Command::RevokeLink { .. } => Self::RevokeLink,
            Command::MakeModerator { .. } => Self::MakeModerator,
            Command::RevokeModerator { .. } => Self::RevokeModerator,
            Command::TransferHost { .. } => Self::TransferHost,
            Command::EndRoom => Self::EndRoom,
        })
    }
}

impl Room {
    /// What somebody is in the room; nothing if they are not in it.
    #[must_use]
    pub fn role_of(&self, user: UserId) -> Option<Role> {
        self.people.contains_key(&user).then(|| match self.standing(user) {
            _ if self.info.host == Some(user) => Role::Host,
            // An owner who is not host is one whose connection is lost while another acts.
            Standing::Owner | Standing::ActingHost | Standing::Moderator => Role::Moderator,
            Standing::Speaker => Role::Speaker,
            Standing::Listener => Role::Listener,
        })
    }

    /// The moderators and the host who are in the room: who `Effect::TellModerators` is for.
    pub fn moderators(&self) -> impl Iterator<Item = UserId> {
        let acting = self.info.host.filter(|&host| self.standing(host) == Standing::ActingHost);
        std::iter::once(self.info.owner)
            .chain(acting.filter(|host| !self.moderators.contains(host)))
            .chain(self.moderators.iter().copied())
            .filter(|user| self.people.contains_key(user))
    }

    /// What somebody may do. Owners and moderators are what they are whether in the room or not.
    pub(crate) fn standing(&self, user: UserId) -> Standing {
        if user == self.info.owner {
            Standing::Owner
        } else if self.info.host == Some(user) {
            Standing::ActingHost
        } else if self.moderators.contains(&user) {
            Standing::Moderator
        } else if self.is_on_stage(user) {
            Standing::Speaker
        } else {
            Standing::Listener
        }
    }

    pub(crate) fn permit(&self, by: UserId, action: Action) -> Result<(), Refusal> {
        let (row, allowed, otherwise) = PERMISSIONS[action as usize];
        debug_assert_eq!(row, action, "the table is in the order of the actions");
        if allowed[self.standing(by) as usize] { Ok(()) } else { Err(otherwise.into()) }
    }

    /// Against whom: only those above may silence, move, remove. Equals cannot, so that moderators
    /// do not fight, and nobody can against the owner.
    pub(crate) fn outranks(&self, by: UserId, user: UserId) -> Result<(), Refusal> {
        if self.standing(by) > self.standing(user) {
            Ok(())
        } else {
            Err(ErrorCode::Forbidden.into())
        }
    }

    pub(crate) fn make_moderator(
        &mut self,
        now: RoomTimeMs,
        by: UserId,
        user: UserId,
        out: &mut Effects,
    ) -> Result<(), Refusal> {
        let person = self.person_in_room(user)?;
        if self.standing(user) >= Standing::Moderator {
            // Also of an acting host, who could otherwise appoint themself for when the owner is back.
            return Ok(());
        }
        if !self.is_on_stage(user) {
            return Err(ErrorCode::NotOnStage.into());
        }
        if self.moderators.len() >= MODERATORS_MAX {
            return Err(ErrorCode::Busy.into());
        }
        let before = self.role_of(user);
        self.moderators.push(user);
        self.announce_role(user, before, out);
        self.record(now, by, ModerationAct::MadeModerator, Some(person), out);
        Ok(())
    }

    /// Somebody whose token says so has just come in. With as many moderators as there may be, they come as a listener.
    pub(crate) fn welcome_moderator(&mut self, user: UserId) {
        if !self.moderators.contains(&user) && self.moderators.len() < MODERATORS_MAX {
            self.moderators.push(user);
        }
    }

    /// Also of a moderator who is not in the room; their role would bring them back with it.
    pub(crate) fn revoke_moderator(
        &mut self,
        now: RoomTimeMs,
        by: UserId,
        user: UserId,
        out: &mut Effects,
    ) -> Result<(), Refusal> {
        if !self.moderators.contains(&user) {
            return self.person_in_room(user).map(drop);
        }
        self.outranks(by, user)?;
        let before = self.role_of(user);
        self.moderators.retain(|&moderator| moderator != user);
        self.announce_role(user, before, out);
        let person = self.person_known(user);
        self.record(now, by, ModerationAct::RevokedModerator, person, out);
        Ok(())
    }

    /// Only the owner gets here: the room becomes somebody else's.
    pub(crate) fn transfer_host(
        &mut self,
        now: RoomTimeMs,
        by: UserId,
        user: UserId,
        out: &mut Effects,
    ) -> Result<(), Refusal> {
        if user == by {
            return Ok(());
        }
        let person = self.person_in_room(user)?;
        if !self.is_connected(user) {
            return Err(ErrorCode::NotPresent.into());
        }
        if !self.is_on_stage(user) {
            return Err(ErrorCode::NotOnStage.into());
        }
        let was_moderator = self.moderators.contains(&user);
        if !was_moderator && self.moderators.len() >= MODERATORS_MAX {
            return Err(ErrorCode::Busy.into());
        }
        let before = [by, user].map(|each| (each, self.role_of(each)));
        self.moderators.retain(|&moderator| moderator != user);
        self.moderators.push(by);
        self.info.owner = user;
        self.become_host(user, out);
        for (each, role) in before {
            self.announce_role(each, role, out);
        }
        self.record(now, by, ModerationAct::TransferredHost, Some(person), out);
        Ok(())
    }

    /// Tells everybody, and them, if somebody's role is no longer what it was.
    pub(crate) fn announce_role(&mut self, user: UserId, before: Option<Role>, out: &mut Effects) {
        let Some(role) = self.role_of(user).filter(|&role| Some(role) != before) else { return };
        if let Some(member) = self.stage_member(user) {
            member.role = role;
            let member = member.clone();
            self.broadcast(RoomEvent::StageUpdated { member }, out);
        }
        out.push(Effect::Tell { user, event: DirectEvent::YourRole { role } });
        if role >= Role::Moderator && before < Some(Role::Moderator) {
            out.push(Effect::Tell { user, event: DirectEvent::Hands { hands: self.hands_list() } });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PERMISSIONS;

    #[test]
    fn the_table_is_in_the_order_of_the_actions() {
        for (index, (action, ..)) in PERMISSIONS.iter().enumerate() {
            assert_eq!(*action as usize, index);
        }
    }
}
