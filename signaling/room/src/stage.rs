//! The stage: who comes on, who goes off, who is heard.

use palco_protocol::{
    DirectEvent, ErrorCode, ModerationAct, Role, RoomEvent, RoomTimeMs, SpeakerNumber, StageExit,
    StageMember, UserId,
};

use crate::{
    Refusal, Room,
    effect::{Effect, Effects},
    presence::tell,
};

/// What the room remembers of somebody who was ever on stage.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SpeakerRecord {
    /// Never another person's.
    pub(crate) number: SpeakerNumber,
    /// A moderator muted them and has neither allowed nor invited them since. Going off stage, or out
    /// of the room, does not undo it.
    pub(crate) silenced: bool,
}

impl Room {
    /// Who is on stage, in the order in which they came.
    pub fn stage(&self) -> impl Iterator<Item = &StageMember> {
        self.stage.iter()
    }

    /// The number of somebody who may be heard now; nothing for everybody else.
    #[must_use]
    pub fn sending(&self, user: UserId) -> Option<SpeakerNumber> {
        let member = self.stage.iter().find(|member| member.person.id == user)?;
        (!member.muted).then_some(member.number)
    }

    pub(crate) fn is_on_stage(&self, user: UserId) -> bool {
        self.stage.iter().any(|member| member.person.id == user)
    }

    /// At most 50 are searched.
    pub(crate) fn stage_member(&mut self, user: UserId) -> Option<&mut StageMember> {
        self.stage.iter_mut().find(|member| member.person.id == user)
    }

    pub(crate) fn has_seat(&self) -> bool {
        self.stage.len() < self.info.max_speakers as usize
    }

    pub(crate) fn require_on_stage(&self, user: UserId) -> Result<(), Refusal> {
        if self.is_on_stage(user) { Ok(()) } else { Err(ErrorCode::NotOnStage.into()) }
    }

    pub(crate) fn take_stage(
        &mut self,
        now: RoomTimeMs,
        by: UserId,
        out: &mut Effects,
    ) -> Result<(), Refusal> {
        if self.is_on_stage(by) {
            return Ok(());
        }
        if !self.has_seat() {
            return Err(ErrorCode::StageFull.into());
        }
        if self.take_invitation(by).is_some() {
            tell(by, DirectEvent::YourInvitation { invitation: None }, out);
        }
        self.put_on_stage(now, by, out);
        Ok(())
    }

    /// Muted, always. There must be a seat.
    pub(crate) fn put_on_stage(&mut self, now: RoomTimeMs, user: UserId, out: &mut Effects) {
        let before = self.role_of(user);
        let Some(member) = self.people.get(&user) else { return };
        // People never leave `speakers`, so that its length numbers them.
        let next = SpeakerNumber(self.speakers.len() as u32 + 1);
        let new = SpeakerRecord { number: next, silenced: false };
        let record = *self.speakers.entry(user).or_insert(new);
        self.audience.remove(&member.arrival);
        self.stage.push(StageMember {
            person: member.person.clone(),
            number: record.number,
            role: Role::Speaker,
            muted: true,
            muted_by_moderator: record.silenced,
            present: member.lost_until_ms.is_none(),
            since_ms: now,
        });
        self.counts_pace.touch(now);
        let role = self.role_of(user);
        if role == before {
            // A host or moderator stays what they are.
            self.update_stage(user, |member| member.role = role.unwrap_or(member.role), out);
        } else {
            self.announce_role(user, before, out);
        }
    }

    pub(crate) fn step_down(
        &mut self,
        now: RoomTimeMs,
        by: UserId,
        out: &mut Effects,
    ) -> Result<(), Refusal> {
        self.require_on_stage(by)?;
        self.leave_stage(now, by, StageExit::SteppedDown, out);
        Ok(())
    }

    pub(crate) fn move_to_audience(
        &mut self,
        now: RoomTimeMs,
        by: UserId,
        user: UserId,
        out: &mut Effects,
    ) -> Result<(), Refusal> {
        let person = self.person_in_room(user)?;
        self.outranks(by, user)?;
        self.require_on_stage(user)?;
        self.leave_stage(now, user, StageExit::Moved, out);
        self.record(now, by, ModerationAct::MovedToAudience, Some(person), out);
        Ok(())
    }

    /// Back to the audience, or on the way out of the room. A no-op for those in the audience.
    pub(crate) fn leave_stage(
        &mut self,
        now: RoomTimeMs,
        user: UserId,
        reason: StageExit,
        out: &mut Effects,
    ) {
        let Some(index) = self.stage.iter().position(|member| member.person.id == user) else {
            return;
        };
        let before = self.role_of(user);
        let member = self.stage.remove(index);
        if !member.muted {
            out.push(Effect::StopSending { user });
        }
        if member.role == Role::Speaker {
            self.hands.turn_ended(now, now.saturating_sub(member.since_ms));
        }
        self.broadcast(RoomEvent::StageLeft { user, reason }, out);
        self.counts_pace.touch(now);
        if let Some(here) = self.people.get(&user) {
            self.audience.insert(here.arrival, user);
        }
        if matches!(reason, StageExit::SteppedDown | StageExit::Moved) {
            self.announce_role(user, before, out);
        }
    }

    pub(crate) fn mute(&mut self, by: UserId, out: &mut Effects) -> Result<(), Refusal> {
        self.require_on_stage(by)?;
        self.set_muted(by, true, out);
        Ok(())
    }

    pub(crate) fn unmute(&mut self, by: UserId, out: &mut Effects) -> Result<(), Refusal> {
        self.require_on_stage(by)?;
        if self.speakers.get(&by).is_some_and(|record| record.silenced) {
            return Err(ErrorCode::MutedByModerator.into());
        }
        self.set_muted(by, false, out);
        Ok(())
    }

    pub(crate) fn mute_speaker(
        &mut self,
        now: RoomTimeMs,
        by: UserId,
        user: UserId,
        out: &mut Effects,
    ) -> Result<(), Refusal> {
        let person = self.person_in_room(user)?;
        self.outranks(by, user)?;
        self.require_on_stage(user)?;
        let Some(record) = self.speakers.get_mut(&user).filter(|record| !record.silenced) else {
            return Ok(());
        };
        record.silenced = true;
        let was_heard = self.sending(user).is_some();
        self.update_stage(
            user,
            |member| {
                member.muted = true;
                member.muted_by_moderator = true;
            },
            out,
        );
        if was_heard {
            out.push(Effect::StopSending { user });
        }
        tell(user, DirectEvent::YourMute { muted: true, by_moderator: true }, out);
        self.record(now, by, ModerationAct::Muted, Some(person), out);
        Ok(())
    }

    pub(crate) fn allow_unmute(
        &mut self,
        now: RoomTimeMs,
        by: UserId,
        user: UserId,
        out: &mut Effects,
    ) -> Result<(), Refusal> {
        let person = self.person_in_room(user)?;
        self.outranks(by, user)?;
        self.require_on_stage(user)?;
        if self.lift_silence(user) {
            self.update_stage(user, |_| {}, out);
            tell(user, DirectEvent::YourMute { muted: true, by_moderator: false }, out);
            self.record(now, by, ModerationAct::AllowedUnmute, Some(person), out);
        }
        Ok(())
    }

    /// They stay muted, but may unmute themself. Answers whether that is new.
    pub(crate) fn lift_silence(&mut self, user: UserId) -> bool {
        if let Some(member) = self.stage_member(user) {
            member.muted_by_moderator = false;
        }
        self.speakers
            .get_mut(&user)
            .is_some_and(|record| std::mem::replace(&mut record.silenced, false))
    }

    /// Their own doing. A no-op for those in the audience, or when it is so already.
    pub(crate) fn set_muted(&mut self, user: UserId, muted: bool, out: &mut Effects) {
        let Some(member) = self.stage_member(user).filter(|member| member.muted != muted) else {
            return;
        };
        let number = member.number;
        self.update_stage(user, |member| member.muted = muted, out);
        out.push(if muted {
            Effect::StopSending { user }
        } else {
            Effect::AllowSending { user, number }
        });
    }

    pub(crate) fn update_stage(
        &mut self,
        user: UserId,
        change: impl FnOnce(&mut StageMember),
        out: &mut Effects,
    ) {
        if let Some(member) = self.stage_member(user) {
            change(member);
            let member = member.clone();
            self.broadcast(RoomEvent::StageUpdated { member }, out);
        }
    }
}
