//! What the plain model makes of each command.

use palco_protocol::{ErrorCode, HandPolicy, LinkRole, UserId};
use palco_room::Command;

use ErrorCode::{
    AlreadyOnStage, Busy, Forbidden, HandsOff, InvalidField, MutedByModerator, NoHand,
    NoInvitation, NotJoined, NotOnStage, NotPresent, SlowMode, StageFull,
};

use super::{ACTING, LISTENER, Link, MODERATOR, Model, OWNER};

impl Model {
    /// What concerns nobody else.
    pub(super) fn alone(
        &mut self,
        now: u64,
        by: UserId,
        command: &Command,
    ) -> Result<(), ErrorCode> {
        let (rank, on_stage, full) = (self.rank(by), self.on_stage(by), self.full());
        let policy = self.policy;
        let hands_full = self.queue.len() >= self.settings.max_hands as usize;
        let raised = self.queue.contains(&by);
        let slow_mode = if rank < MODERATOR { self.slow_mode } else { 0 };
        let someone = self.here(by).ok_or(NotJoined)?;
        match command {
            Command::RaiseHand { .. } if rank > LISTENER => return Err(Forbidden),
            Command::RaiseHand { .. } if raised => {}
            Command::RaiseHand { followed } => {
                let taken = match policy {
                    HandPolicy::Off => false,
                    HandPolicy::Followed => *followed,
                    HandPolicy::Everyone => true,
                };
                check(taken, HandsOff)?;
                check(!hands_full, Busy)?;
                someone.followed_hand = Some(*followed);
                self.queue.push(by);
            }
            Command::LowerHand => self.queue.retain(|user| *user != by),
            Command::AcceptInvite => {
                check(!on_stage, AlreadyOnStage)?;
                let (expires, link) = someone.invitation.ok_or(NoInvitation)?;
                check(expires > now, NoInvitation)?;
                check(!full, StageFull)?;
                someone.invitation = None;
                someone.silenced &= link.is_some();
                self.queue.retain(|user| *user != by);
                self.stage.push((by, true));
            }
            Command::DeclineInvite => {
                someone.invitation.take().ok_or(NoInvitation)?;
                self.queue.retain(|user| *user != by);
            }
            Command::TakeStage => {
                check(rank >= MODERATOR, Forbidden)?;
                if !on_stage {
                    check(!full, StageFull)?;
                    someone.invitation = None;
                    self.stage.push((by, true));
                }
            }
            Command::StepDown => {
                check(on_stage, NotOnStage)?;
                self.stage.retain(|(user, _)| *user != by);
            }
            Command::Mute | Command::Unmute => {
                check(on_stage, NotOnStage)?;
                let mute = *command == Command::Mute;
                check(mute || !someone.silenced, MutedByModerator)?;
                self.stage.iter_mut().filter(|(user, _)| *user == by).for_each(|(_, m)| *m = mute);
            }
            Command::Chat { text } => {
                check(!text.trim().is_empty() && !text.contains('\0'), InvalidField)?;
                check(someone.wrote_at.is_none_or(|at| now >= at + slow_mode), SlowMode)?;
                someone.wrote_at = Some(now);
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn over_others(
        &mut self,
        now: u64,
        by: UserId,
        command: &Command,
    ) -> Result<(), ErrorCode> {
        let rank = self.rank(by);
        let moderates = check(rank >= MODERATOR, Forbidden);
        let leads = check(rank >= ACTING, Forbidden);
        let owns = check(rank == OWNER, Forbidden);
        match command {
            Command::Invite { user } => {
                moderates?;
                let (on_stage, full) = (self.on_stage(*user), self.full());
                let expires = now + self.settings.timers.invite_expiry_ms;
                let someone = self.here(*user).ok_or(NotPresent)?;
                check(!on_stage, AlreadyOnStage)?;
                if !matches!(someone.invitation, Some((_, None))) {
                    check(!full, StageFull)?;
                    someone.invitation = Some((expires, None));
                }
            }
            Command::DismissHand { user } => {
                moderates?;
                check(self.is_here(*user), NotPresent)?;
                check(self.queue.contains(user), NoHand)?;
                self.queue.retain(|raised| raised != user);
            }
            Command::MuteSpeaker { user }
            | Command::AllowUnmute { user }
            | Command::MoveToAudience { user } => {
                moderates?;
                check(self.is_here(*user), NotPresent)?;
                check(rank > self.rank(*user), Forbidden)?;
                check(self.on_stage(*user), NotOnStage)?;
                match command {
                    Command::MoveToAudience { .. } => {
                        self.stage.retain(|(member, _)| member != user);
                    }
                    Command::AllowUnmute { .. } => {
                        self.here(*user).ok_or(NotPresent)?.silenced = false;
                    }
                    _ => {
                        self.here(*user).ok_or(NotPresent)?.silenced = true;
                        let member = self.stage.iter_mut().find(|(member, _)| member == user);
                        member.ok_or(NotOnStage)?.1 = true;
                    }
                }
            }
            Command::MakeModerator { user } => {
                leads?;
                check(self.is_here(*user), NotPresent)?;
                if self.rank(*user) < MODERATOR {
                    check(self.on_stage(*user), NotOnStage)?;
                    self.moderators.push(*user);
                }
            }
            Command::RevokeModerator { user } => {
                leads?;
                if self.moderators.contains(user) {
                    check(rank > self.rank(*user), Forbidden)?;
                    self.moderators.retain(|moderator| moderator != user);
                } else {
                    check(self.is_here(*user), NotPresent)?;
                }
            }
            Command::TransferHost { user } => {
                owns?;
                if *user != by {
                    check(self.is_connected(*user), NotPresent)?;
                    check(self.on_stage(*user), NotOnStage)?;
                    self.moderators.retain(|moderator| moderator != user);
                    self.moderators.push(by);
                    self.owner = *user;
                    self.lead_now(*user);
                }
            }
            Command::Remove { user, ban } => {
                moderates?;
                if *ban && self.banned.iter().any(|(banned, _)| banned == user) {
                    return Ok(());
                }
                check(self.is_here(*user) || *ban, NotPresent)?;
                let known = self.known(*user).ok_or(NotPresent)?;
                let (came_by, came_from) = (known.came_by, known.came_from);
                check(rank > self.rank(*user), Forbidden)?;
                self.moderators.retain(|moderator| moderator != user);
                if *ban {
                    self.banned.push((*user, came_from));
                    for link in &mut self.links {
                        link.guests &= Some(link.number) != came_by;
                    }
                }
                self.take_out(*user);
            }
            Command::Unban { user } => {
                moderates?;
                self.banned.retain(|(banned, _)| banned != user);
            }
            Command::SetHandPolicy { policy } => {
                moderates?;
                self.policy = *policy;
                let people = &self.people;
                self.queue.retain(|user| {
                    let someone = people.iter().find(|someone| someone.user == *user);
                    let followed = someone.and_then(|someone| someone.followed_hand);
                    match policy {
                        HandPolicy::Off => false,
                        HandPolicy::Followed => followed == Some(true),
                        HandPolicy::Everyone => true,
                    }
                });
            }
            Command::Lock | Command::Unlock => {
                moderates?;
                self.locked = *command == Command::Lock;
            }
            Command::EndRoom => {
                owns?;
                self.ended = true;
            }
            Command::PinLink { url } => {
                moderates?;
                check(url.as_deref().is_none_or(|url| url.starts_with("http")), InvalidField)?;
            }
            Command::UpdateRoom { title, slow_mode_ms, .. } => {
                moderates?;
                let title = title.as_deref().unwrap_or("unchanged");
                check(!title.trim().is_empty() && !title.contains('\0'), InvalidField)?;
                self.slow_mode = slow_mode_ms.map_or(self.slow_mode, u64::from);
            }
            Command::CreateLink { secret, role, expires_in_ms } => {
                moderates?;
                // An expired link's secret may not be used again until another link was made.
                check(!self.links.iter().any(|link| link.secret == *secret), InvalidField)?;
                self.links.retain(|link| link.expires > now);
                self.links_made += 1;
                self.links.push(Link {
                    number: self.links_made,
                    secret: secret.clone(),
                    speaker: *role == LinkRole::Speaker,
                    expires: now + expires_in_ms,
                    guests: true,
                });
            }
            Command::RevokeLink { secret } => {
                moderates?;
                let revoked = self.links.iter().position(|link| link.secret == *secret);
                if let Some(index) = revoked {
                    let number = Some(self.links.remove(index).number);
                    for someone in &mut self.people {
                        someone.invitation = someone.invitation.filter(|(_, link)| *link != number);
                    }
                }
            }
            Command::Report { user, reason } => {
                let bad = *user == by || reason.trim().is_empty() || reason.contains('\0');
                check(!bad, InvalidField)?;
                self.known(*user).ok_or(NotPresent)?;
            }
            Command::PingFollower { user, follows } => {
                check(self.on_stage(by), NotOnStage)?;
                let banned = self.banned.iter().any(|(banned, _)| banned == user);
                check(*follows && !banned, Forbidden)?;
            }
            _ => {}
        }
        Ok(())
    }
}

fn check(holds: bool, otherwise: ErrorCode) -> Result<(), ErrorCode> {
    if holds { Ok(()) } else { Err(otherwise) }
}
