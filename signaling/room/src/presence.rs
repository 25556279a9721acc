//! Who is in the room: the door, lost connections and their grace, leaving.

use std::collections::{BTreeMap, VecDeque};

use palco_protocol::{
    DirectEvent, ErrorCode, InvitationState, Person, RoomKind, RoomTimeMs, StageExit, UserId,
};

use crate::{
    Entry, Granted, Refusal, Room,
    effect::{Effect, Effects},
    invitations::Invitation,
    roles::Standing,
};

/// Somebody in the room.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) person: Person,
    /// The order in which they came; a page of the audience starts after one of these.
    pub(crate) arrival: u64,
    /// Their connection is lost, and until when that is forgiven.
    pub(crate) lost_until_ms: Option<RoomTimeMs>,
    /// The link they came by, now or before.
    pub(crate) link: Option<u32>,
    pub(crate) origin: Option<u64>,
    pub(crate) last_chat_ms: Option<RoomTimeMs>,
    /// Their hand's place in the queue.
    pub(crate) hand: Option<u32>,
    pub(crate) invitation: Option<Invitation>,
}

/// The last people who left: so that whoever misbehaves and vanishes can be banned and reported, and
/// leaving and entering again does not undo the slow mode. When full, the longest gone is forgotten.
#[derive(Debug, Clone, Default)]
pub(crate) struct Departed {
    by_user: BTreeMap<UserId, Former>,
    /// Arrivals tell apart those who left twice.
    order: VecDeque<(u64, UserId)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Former {
    pub(crate) person: Person,
    pub(crate) link: Option<u32>,
    pub(crate) origin: Option<u64>,
    pub(crate) last_chat_ms: Option<RoomTimeMs>,
    arrival: u64,
}

/// A moderator's reaction takes seconds, in which not more than this leave.
const DEPARTED_MAX: usize = 256;

impl Departed {
    pub(crate) fn find(&self, user: UserId) -> Option<&Former> {
        self.by_user.get(&user)
    }

    fn take(&mut self, user: UserId) -> Option<Former> {
        self.by_user.remove(&user)
    }

    fn push(&mut self, member: Member) {
        let Member { person, arrival, link, origin, last_chat_ms, .. } = member;
        self.order.push_back((arrival, person.id));
        self.by_user.insert(person.id, Former { person, link, origin, last_chat_ms, arrival });
        if self.order.len() > DEPARTED_MAX
            && let Some((arrival, user)) = self.order.pop_front()
            && self.by_user.get(&user).is_some_and(|former| former.arrival == arrival)
        {
            self.by_user.remove(&user);
        }
    }
}

impl Room {
    /// In the room, connected or within the reconnect grace.
    #[must_use]
    pub fn is_present(&self, user: UserId) -> bool {
        self.people.contains_key(&user)
    }

    pub(crate) fn is_connected(&self, user: UserId) -> bool {
        self.people.get(&user).is_some_and(|member| member.lost_until_ms.is_none())
    }

    pub(crate) fn person_in_room(&self, user: UserId) -> Result<Person, Refusal> {
        match self.people.get(&user) {
            Some(member) => Ok(member.person.clone()),
            None => Err(ErrorCode::NotPresent.into()),
        }
    }

    /// In the room, or not long gone.
    pub(crate) fn person_known(&self, user: UserId) -> Option<Person> {
        let here = self.people.get(&user).map(|member| &member.person);
        here.or_else(|| self.departed.find(user).map(|former| &former.person)).cloned()
    }

    pub(crate) fn join(
        &mut self,
        now: RoomTimeMs,
        by: UserId,
        person: Person,
        entry: &Entry,
        out: &mut Effects,
    ) -> Result<(), Refusal> {
        if person.id != by {
            return Err(ErrorCode::Internal.into());
        }
        if self.is_present(by) {
            self.take_over(now, by, entry, out);
            return Ok(());
        }
        let granted = self.granted(entry);
        let link = self.admit(now, by, &person, entry)?;
        let former = self.departed.take(by);
        self.arrivals += 1;
        let arrival = self.arrivals;
        self.audience.insert(arrival, by);
        let member = Member {
            person,
            arrival,
            lost_until_ms: None,
            link: link.or(former.as_ref().and_then(|former| former.link)),
            origin: entry.origin,
            last_chat_ms: former.and_then(|former| former.last_chat_ms),
            hand: None,
            invitation: None,
        };
        self.people.insert(by, member);
        self.counts_pace.touch(now);
        if by == self.info.owner {
            // Their room: host at once, and on stage unless it is full. Muted, like everybody.
            self.settle(now, out);
            if self.has_seat() {
                self.put_on_stage(now, by, out);
            }
        } else if granted.is_some_and(|granted| granted.host) {
            self.welcome_moderator(by);
        } else if let Some(link) = link {
            self.invite_by_link(by, link);
        } else if granted.is_some_and(|granted| granted.speak) {
            self.invite_by_grant(now, by);
        }
        Ok(())
    }

    /// What somebody's token grants here: only tokens of the product that opened the room count.
    fn granted<'a>(&self, entry: &'a Entry) -> Option<&'a Granted> {
        let granted = entry.granted.as_ref();
        granted.filter(|granted| Some(&granted.product) == self.product.as_ref())
    }

    /// The door. Answers by which link they came, if by one.
    fn admit(
        &self,
        now: RoomTimeMs,
        by: UserId,
        person: &Person,
        entry: &Entry,
    ) -> Result<Option<u32>, Refusal> {
        let standing = self.standing(by);
        if standing == Standing::Owner {
            return Ok(None);
        }
        // A guest is a new person with every new name: those who are banned are known by where they come from.
        if self.bans.contains_key(&by) || (person.guest && self.bans_origin(entry.origin)) {
            return Err(ErrorCode::Banned.into());
        }
        if entry.blocked {
            return Err(ErrorCode::Blocked.into());
        }
        let granted = self.granted(entry);
        if standing == Standing::Moderator || granted.is_some_and(|granted| granted.host) {
            return Ok(None);
        }
        // A link that does not work is refused even where the door is open: it was meant to matter.
        let link = match &entry.link {
            Some(secret) => Some(self.links.admits(now, secret, person.guest)?),
            None => None,
        };
        if self.people.len() >= self.max_people as usize {
            return Err(ErrorCode::RoomFull.into());
        }
        let welcome = match self.info.kind {
            RoomKind::Open => true,
            RoomKind::Social => entry.followed_by_host || entry.invited || granted.is_some(),
            RoomKind::Closed => entry.invited || granted.is_some(),
        };
        match link {
            Some(_) => Ok(link),
            None if self.info.locked => Err(ErrorCode::RoomLocked.into()),
            None if !welcome => Err(ErrorCode::NotInvited.into()),
            None => Ok(None),
        }
    }

    /// Another device, or the same after its session was lost, enters for somebody who is here.
    fn take_over(&mut self, now: RoomTimeMs, user: UserId, entry: &Entry, out: &mut Effects) {
        self.come_back(user, out);
        // Its microphone was not asked for: it arrives muted, as from an invitation.
        self.set_muted(user, true, out);
        let Some(member) = self.people.get(&user) else { return };
        if let Some(secret) = &entry.link
            && let Ok(link) = self.links.admits(now, secret, member.person.guest)
        {
            self.invite_by_link(user, link);
        }
    }

    pub(crate) fn returned(&mut self, user: UserId, out: &mut Effects) -> Result<(), Refusal> {
        if !self.is_present(user) {
            return Err(ErrorCode::NotJoined.into());
        }
        self.come_back(user, out);
        Ok(())
    }

    fn come_back(&mut self, user: UserId, out: &mut Effects) {
        let Some(member) = self.people.get_mut(&user) else { return };
        if let Some(until_ms) = member.lost_until_ms.take() {
            self.graces.remove(&(until_ms, user));
            self.update_stage(user, |member| member.present = true, out);
        }
    }

    /// Their media goes on: only the signalling is lost.
    pub(crate) fn lost(&mut self, now: RoomTimeMs, user: UserId, out: &mut Effects) {
        let Some(member) = self.people.get_mut(&user) else { return };
        if member.lost_until_ms.is_none() {
            let until_ms = now.saturating_add(self.timers.reconnect_grace_ms);
            member.lost_until_ms = Some(until_ms);
            self.graces.insert((until_ms, user));
            self.update_stage(user, |member| member.present = false, out);
        }
    }

    /// Out of the room, for whatever reason. A no-op for those who are not in it.
    pub(crate) fn remove_person(
        &mut self,
        now: RoomTimeMs,
        user: UserId,
        reason: StageExit,
        out: &mut Effects,
    ) {
        if !self.is_present(user) {
            return;
        }
        self.take_hand(now, user, out);
        if let Some(invitation) = self.take_invitation(user) {
            self.announce_invitation(user, &invitation, InvitationState::Expired, out);
        }
        self.leave_stage(now, user, reason, out);
        if let Some(member) = self.people.remove(&user) {
            self.audience.remove(&member.arrival);
            if let Some(until_ms) = member.lost_until_ms {
                self.graces.remove(&(until_ms, user));
            }
            self.departed.push(member);
        }
        self.counts_pace.touch(now);
    }
}

/// What a person in the room learns when it is not their own doing.
pub(crate) fn tell(user: UserId, event: DirectEvent, out: &mut Effects) {
    out.push(Effect::Tell { user, event });
}
