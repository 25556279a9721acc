//! Keeping the room safe: removals, bans, the lock, reports, and the log of it all.

use palco_protocol::{
    DirectEvent, ErrorCode, ModerationAct, ModerationEntry, Person, RoomTimeMs, StageExit, UserId,
    limits::REPORT_MAX_CHARS,
};

use crate::{
    DropReason, Refusal, Room,
    chat::clean,
    effect::{Effect, Effects},
    presence::tell,
    roles::{Action, Standing},
};

/// Entries of the log kept in memory, the oldest forgotten first; the history has them all
/// (`Effect::Record`). With the longest reasons they are half a megabyte, which one answer can carry.
const LOG_MAX: usize = 200;

/// Most bans of one room; a room that needs more needs a lock.
const BANS_MAX: usize = 10_000;

/// Somebody who may not come back.
#[derive(Debug, Clone)]
pub(crate) struct Ban {
    person: Person,
    origin: Option<u64>,
}

impl Room {
    /// What moderators did, oldest first, for the host.
    pub fn moderation_log(&self, by: UserId) -> Result<&[ModerationEntry], Refusal> {
        if !self.is_present(by) {
            return Err(ErrorCode::NotJoined.into());
        }
        self.permit(by, Action::ReadLog)?;
        Ok(&self.log)
    }

    pub(crate) fn remove(
        &mut self,
        now: RoomTimeMs,
        by: UserId,
        user: UserId,
        ban: bool,
        out: &mut Effects,
    ) -> Result<(), Refusal> {
        let present = self.is_present(user);
        if ban && self.bans.contains_key(&user) {
            return Ok(());
        }
        let person = self.person_known(user).filter(|_| present || ban);
        let Some(person) = person else { return Err(ErrorCode::NotPresent.into()) };
        self.outranks(by, user)?;
        if ban && self.bans.len() >= BANS_MAX {
            return Err(ErrorCode::Busy.into());
        }
        // Who must go is trusted with nothing, also when they may come back.
        self.moderators.retain(|&moderator| moderator != user);
        if ban {
            let here = self.people.get(&user).and_then(|member| member.link);
            let link = here.or_else(|| self.departed.find(user).and_then(|former| former.link));
            if let Some(link) = link {
                self.links.close_to_guests(link);
            }
            let here = self.people.get(&user).and_then(|member| member.origin);
            let origin = here.or_else(|| self.departed.find(user).and_then(|former| former.origin));
            self.bans.insert(user, Ban { person: person.clone(), origin });
        }
        self.remove_person(now, user, StageExit::Removed, out);
        self.clear_chat(user, out);
        if present {
            tell(user, DirectEvent::Removed { banned: ban }, out);
            out.push(Effect::Drop { user, why: DropReason::Removed });
        }
        let act = if ban { ModerationAct::Banned } else { ModerationAct::Removed };
        self.record(now, by, act, Some(person), out);
        Ok(())
    }

    /// Whether somebody who is banned came from there.
    pub(crate) fn bans_origin(&self, origin: Option<u64>) -> bool {
        origin.is_some() && self.bans.values().any(|ban| ban.origin == origin)
    }

    /// Not a moderator's doing: no log. A no-op for those who are not here.
    pub(crate) fn evict(&mut self, now: RoomTimeMs, user: UserId, out: &mut Effects) {
        if self.is_present(user) {
            self.moderators.retain(|&moderator| moderator != user);
            self.remove_person(now, user, StageExit::Removed, out);
            tell(user, DirectEvent::Removed { banned: false }, out);
            out.push(Effect::Drop { user, why: DropReason::Removed });
        }
    }

    /// A no-op for those who are not banned.
    pub(crate) fn unban(&mut self, now: RoomTimeMs, by: UserId, user: UserId, out: &mut Effects) {
        if let Some(Ban { person, .. }) = self.bans.remove(&user) {
            self.record(now, by, ModerationAct::Unbanned, Some(person), out);
        }
    }

    pub(crate) fn set_locked(
        &mut self,
        now: RoomTimeMs,
        by: UserId,
        locked: bool,
        out: &mut Effects,
    ) {
        if self.info.locked != locked {
            self.info.locked = locked;
            self.info_changed = true;
            let act = if locked { ModerationAct::Locked } else { ModerationAct::Unlocked };
            self.record(now, by, act, None, out);
        }
    }

    /// Told to those above the reported: of a listener or speaker to all moderators, of a moderator
    /// to the host alone, of the host to nobody in the room, only to the operators.
    pub(crate) fn report(
        &mut self,
        now: RoomTimeMs,
        by: UserId,
        user: UserId,
        reason: &str,
        out: &mut Effects,
    ) -> Result<(), Refusal> {
        let reason = clean(reason, 1, REPORT_MAX_CHARS)?;
        if user == by {
            return Err(ErrorCode::InvalidField.into());
        }
        let Some(person) = self.person_known(user) else {
            return Err(ErrorCode::NotPresent.into());
        };
        let Some(entry) = self.entry(now, by, ModerationAct::Reported, Some(person)) else {
            return Ok(());
        };
        let entry = ModerationEntry { reason: Some(reason.to_owned()), ..entry };
        let event = DirectEvent::Reported { entry: entry.clone() };
        match self.standing(user) {
            Standing::Listener | Standing::Speaker => {
                out.push(Effect::TellModerators { event });
                self.keep(entry.clone());
            }
            Standing::Moderator => {
                if let Some(host) = self.info.host {
                    tell(host, event, out);
                }
                self.keep(entry.clone());
            }
            Standing::ActingHost | Standing::Owner => {}
        }
        out.push(Effect::Record(entry));
        Ok(())
    }

    /// Writes into the log, and to the history.
    pub(crate) fn record(
        &mut self,
        now: RoomTimeMs,
        by: UserId,
        act: ModerationAct,
        to: Option<Person>,
        out: &mut Effects,
    ) {
        if let Some(entry) = self.entry(now, by, act, to) {
            self.keep(entry.clone());
            out.push(Effect::Record(entry));
        }
    }

    fn entry(
        &self,
        now: RoomTimeMs,
        by: UserId,
        act: ModerationAct,
        to: Option<Person>,
    ) -> Option<ModerationEntry> {
        let by = self.people.get(&by)?.person.clone();
        Some(ModerationEntry { at_ms: now, by, act, to, reason: None })
    }

    fn keep(&mut self, entry: ModerationEntry) {
        if self.log.len() >= LOG_MAX {
            self.log.remove(0);
        }
        self.log.push(entry);
    }
}
