//! Invitations to the stage: a moderator's, with a minute to answer, or a link's, which stands as
//! long as the link. Nobody comes on stage who did not accept.

use palco_protocol::{
    DirectEvent, ErrorCode, InvitationState, LinkRole, RoomTimeMs, UserId, YourInvitation,
};

use crate::{
    Refusal, Room,
    effect::{Effect, Effects},
    links::LINK_MAX_MS,
    presence::tell,
};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Invitation {
    pub(crate) by: UserId,
    pub(crate) expires_at_ms: RoomTimeMs,
    /// The link it came with. Moderators are told nothing of these: nobody waits for an answer, and
    /// a thousand may come by one link.
    pub(crate) link: Option<u32>,
}

/// Links are numbered from 1: an invitation that stands like a link's, and that no revoked link takes away.
const NO_LINK: u32 = 0;

impl Invitation {
    pub(crate) fn yours(&self) -> YourInvitation {
        YourInvitation { by: self.by, expires_at_ms: self.expires_at_ms }
    }
}

impl Room {
    pub(crate) fn invite(
        &mut self,
        now: RoomTimeMs,
        by: UserId,
        user: UserId,
        out: &mut Effects,
    ) -> Result<(), Refusal> {
        let Some(member) = self.people.get(&user) else {
            return Err(ErrorCode::NotPresent.into());
        };
        if self.is_on_stage(user) {
            return Err(ErrorCode::AlreadyOnStage.into());
        }
        if member.invitation.is_some_and(|invitation| invitation.link.is_none()) {
            // Who asks may have missed it: snapshots do not hold other people's invitations.
            let event = DirectEvent::InvitationUpdated {
                person: member.person.clone(),
                state: InvitationState::Sent,
            };
            tell(by, event, out);
            return Ok(());
        }
        if !self.has_seat() {
            return Err(ErrorCode::StageFull.into());
        }
        // In place of a link's invitation, if there was one: this one also lifts a mute.
        self.take_invitation(user);
        let expires_at_ms = now.saturating_add(self.timers.invite_expiry_ms);
        let invitation = Invitation { by, expires_at_ms, link: None };
        self.give_invitation(user, invitation);
        tell(user, DirectEvent::YourInvitation { invitation: Some(invitation.yours()) }, out);
        self.announce_invitation(user, &invitation, InvitationState::Sent, out);
        Ok(())
    }

    /// The standing invitation of a speaker's link. Their snapshot says it.
    pub(crate) fn invite_by_link(&mut self, user: UserId, link: u32) {
        let Some(link) = self.links.find(link).filter(|link| link.role == LinkRole::Speaker) else {
            return;
        };
        let (by, expires_at_ms, link) = (link.by, link.expires_at_ms, Some(link.number));
        let has_one = self.people.get(&user).is_none_or(|member| member.invitation.is_some());
        if !has_one && !self.is_on_stage(user) {
            self.give_invitation(user, Invitation { by, expires_at_ms, link });
        }
    }

    /// The standing invitation of a token that grants speaking. Their snapshot says it.
    pub(crate) fn invite_by_grant(&mut self, now: RoomTimeMs, user: UserId) {
        let (by, link) = (self.info.owner, Some(NO_LINK));
        let expires_at_ms = now.saturating_add(LINK_MAX_MS);
        self.give_invitation(user, Invitation { by, expires_at_ms, link });
    }

    pub(crate) fn accept_invite(
        &mut self,
        now: RoomTimeMs,
        by: UserId,
        out: &mut Effects,
    ) -> Result<(), Refusal> {
        if self.is_on_stage(by) {
            return Err(ErrorCode::AlreadyOnStage.into());
        }
        let standing = self.people.get(&by).and_then(|member| member.invitation);
        if standing.is_none_or(|invitation| invitation.expires_at_ms <= now) {
            return Err(ErrorCode::NoInvitation.into());
        }
        if !self.has_seat() {
            return Err(ErrorCode::StageFull.into());
        }
        let Some(invitation) = self.take_invitation(by) else { return Ok(()) };
        if invitation.link.is_none() {
            // A moderator wants to hear them: an earlier mute is over.
            self.lift_silence(by);
        }
        tell(by, DirectEvent::YourInvitation { invitation: None }, out);
        self.lower_hand(now, by, out);
        self.put_on_stage(now, by, out);
        self.announce_invitation(by, &invitation, InvitationState::Accepted, out);
        Ok(())
    }

    /// A no is also a no to their own raised hand.
    pub(crate) fn decline_invite(
        &mut self,
        now: RoomTimeMs,
        by: UserId,
        out: &mut Effects,
    ) -> Result<(), Refusal> {
        let Some(invitation) = self.take_invitation(by) else {
            return Err(ErrorCode::NoInvitation.into());
        };
        tell(by, DirectEvent::YourInvitation { invitation: None }, out);
        self.lower_hand(now, by, out);
        self.announce_invitation(by, &invitation, InvitationState::Declined, out);
        Ok(())
    }

    /// Expired ones. The hand stays up: not to have answered in time is no decision.
    pub(crate) fn expire_invitations(&mut self, now: RoomTimeMs, out: &mut Effects) {
        while let Some(&(expires_at_ms, user)) = self.invited.first()
            && expires_at_ms <= now
        {
            self.withdraw_invitation(user, out);
        }
    }

    pub(crate) fn withdraw_invitation(&mut self, user: UserId, out: &mut Effects) {
        if let Some(invitation) = self.take_invitation(user) {
            tell(user, DirectEvent::YourInvitation { invitation: None }, out);
            self.announce_invitation(user, &invitation, InvitationState::Expired, out);
        }
    }

    fn give_invitation(&mut self, user: UserId, invitation: Invitation) {
        if let Some(member) = self.people.get_mut(&user) {
            member.invitation = Some(invitation);
            self.invited.insert((invitation.expires_at_ms, user));
        }
    }

    /// Tells nobody.
    pub(crate) fn take_invitation(&mut self, user: UserId) -> Option<Invitation> {
        let invitation = self.people.get_mut(&user)?.invitation.take()?;
        self.invited.remove(&(invitation.expires_at_ms, user));
        Some(invitation)
    }

    /// To moderators, of a moderator's invitation.
    pub(crate) fn announce_invitation(
        &self,
        user: UserId,
        invitation: &Invitation,
        state: InvitationState,
        out: &mut Effects,
    ) {
        if invitation.link.is_none()
            && let Some(member) = self.people.get(&user)
        {
            let person = member.person.clone();
            let event = DirectEvent::InvitationUpdated { person, state };
            out.push(Effect::TellModerators { event });
        }
    }
}
