//! The room's rules once more, as plainly as possible: lists that are searched, no effects, no care
//! for cost. It says which commands are refused and why, and who is what afterwards.

mod commands;

use palco_protocol::{
    ErrorCode::{
        self, Banned, Blocked, InvalidLink, NotInvited, NotJoined, RoomEnded, RoomFull, RoomLocked,
    },
    HandPolicy, RoomKind, UserId,
};
use palco_room::{Command, Entry, LinkSecret, Room, Settings};

const LISTENER: u8 = 0;
const SPEAKER: u8 = 1;
const MODERATOR: u8 = 2;
const ACTING: u8 = 3;
const OWNER: u8 = 4;

/// Everybody who was ever in the room, in the order in which they last came.
#[derive(Debug)]
struct Someone {
    user: UserId,
    here: bool,
    lost_at: Option<u64>,
    came_by: Option<u32>,
    came_from: Option<u64>,
    followed_hand: Option<bool>,
    /// When it expires, and by which link it came.
    invitation: Option<(u64, Option<u32>)>,
    wrote_at: Option<u64>,
    silenced: bool,
}

#[derive(Debug)]
struct Link {
    number: u32,
    secret: LinkSecret,
    speaker: bool,
    expires: u64,
    guests: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Lead {
    Led,
    GoneSince(u64),
    EndsAt(u64),
}

#[derive(Debug)]
pub(crate) struct Model {
    settings: Settings,
    pub(crate) ended: bool,
    people: Vec<Someone>,
    /// In order of coming on stage, and who of them is muted.
    stage: Vec<(UserId, bool)>,
    /// In order of raising.
    queue: Vec<UserId>,
    moderators: Vec<UserId>,
    owner: UserId,
    host: Option<UserId>,
    lead: Lead,
    banned: Vec<(UserId, Option<u64>)>,
    links: Vec<Link>,
    links_made: u32,
    policy: HandPolicy,
    locked: bool,
    slow_mode: u64,
}

impl Model {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            settings: settings.clone(),
            ended: false,
            people: Vec::new(),
            stage: Vec::new(),
            queue: Vec::new(),
            moderators: settings.moderators.clone(),
            owner: settings.owner,
            host: None,
            lead: Lead::EndsAt(settings.timers.empty_room_ms),
            banned: Vec::new(),
            links: Vec::new(),
            links_made: 0,
            policy: settings.hand_policy,
            locked: false,
            slow_mode: 0,
        }
    }

    fn known(&mut self, user: UserId) -> Option<&mut Someone> {
        self.people.iter_mut().find(|someone| someone.user == user)
    }

    fn here(&mut self, user: UserId) -> Option<&mut Someone> {
        self.known(user).filter(|someone| someone.here)
    }

    fn is_here(&self, user: UserId) -> bool {
        self.people.iter().any(|someone| someone.user == user && someone.here)
    }

    pub(crate) fn is_connected(&self, user: UserId) -> bool {
        let connected = |someone: &Someone| someone.here && someone.lost_at.is_none();
        self.people.iter().any(|someone| someone.user == user && connected(someone))
    }

    fn on_stage(&self, user: UserId) -> bool {
        self.stage.iter().any(|(member, _)| *member == user)
    }

    fn full(&self) -> bool {
        self.stage.len() >= self.settings.max_speakers as usize
    }

    fn rank(&self, user: UserId) -> u8 {
        if user == self.owner {
            OWNER
        } else if self.host == Some(user) {
            ACTING
        } else if self.moderators.contains(&user) {
            MODERATOR
        } else if self.on_stage(user) {
            SPEAKER
        } else {
            LISTENER
        }
    }

    fn lead_now(&mut self, user: UserId) {
        self.host = Some(user);
        self.lead = Lead::Led;
        if let Some(someone) = self.known(user) {
            someone.silenced = false;
        }
    }

    fn successor(&self) -> Option<UserId> {
        let mut candidates = self.moderators.clone();
        candidates.extend(self.stage.iter().map(|(user, _)| *user));
        candidates.into_iter().find(|&user| self.is_connected(user))
    }

    /// After every change: who leads?
    fn settle(&mut self, now: u64) {
        if self.is_connected(self.owner) && self.host != Some(self.owner) {
            self.lead_now(self.owner);
        }
        if self.host.is_some_and(|host| !self.is_here(host)) {
            self.host = None;
        }
        let empty = !self.people.iter().any(|someone| someone.here);
        let led = self.host.is_some_and(|host| self.is_connected(host));
        let ends_at = Lead::EndsAt(now + self.settings.timers.empty_room_ms);
        self.lead = match self.lead {
            _ if led => Lead::Led,
            Lead::EndsAt(_) if empty => self.lead,
            _ if empty => ends_at,
            Lead::Led => Lead::GoneSince(now),
            other => other,
        };
        if let (Lead::EndsAt(_), Some(user)) = (self.lead, self.successor()) {
            self.lead_now(user);
        }
    }

    pub(crate) fn tick(&mut self, now: u64) {
        let timers = self.settings.timers;
        // Twice: what one timer brings may be due at once where a timer is 0.
        for _ in 0..4 {
            if self.ended {
                return;
            }
            let lost = |someone: &&Someone| {
                someone.here
                    && someone.lost_at.is_some_and(|at| at + timers.reconnect_grace_ms <= now)
            };
            let lost = Vec::from_iter(self.people.iter().filter(lost).map(|someone| someone.user));
            lost.into_iter().for_each(|user| self.take_out(user));
            for someone in &mut self.people {
                someone.invitation = someone.invitation.filter(|(expires, _)| *expires > now);
            }
            if timers.max_duration_ms.is_some_and(|end| end <= now) {
                self.ended = true;
                return;
            }
            match self.lead {
                Lead::GoneSince(at) if at + timers.host_grace_ms <= now => match self.successor() {
                    Some(user) => self.lead_now(user),
                    None => self.lead = Lead::EndsAt(now + timers.empty_room_ms),
                },
                Lead::EndsAt(end) if end <= now => self.ended = true,
                _ => {}
            }
            self.settle(now);
        }
    }

    fn take_out(&mut self, user: UserId) {
        self.stage.retain(|(member, _)| *member != user);
        self.queue.retain(|raised| *raised != user);
        if let Some(someone) = self.here(user) {
            (someone.here, someone.lost_at, someone.invitation) = (false, None, None);
        }
    }

    pub(crate) fn apply(
        &mut self,
        now: u64,
        by: UserId,
        command: &Command,
    ) -> Result<(), ErrorCode> {
        if self.ended {
            return Err(RoomEnded);
        }
        match command {
            Command::Join { person, entry } => self.join(now, by, person.guest, entry)?,
            Command::Lost => {
                if let Some(someone) = self.here(by) {
                    someone.lost_at.get_or_insert(now);
                }
            }
            Command::Returned => self.here(by).ok_or(NotJoined)?.lost_at = None,
            Command::Leave => self.take_out(by),
            Command::Evict => {
                if self.is_here(by) {
                    self.moderators.retain(|moderator| *moderator != by);
                }
                self.take_out(by);
            }
            Command::End { .. } => self.ended = true,
            _ if !self.is_connected(by) => return Err(NotJoined),
            _ => {
                self.alone(now, by, command)?;
                self.over_others(now, by, command)?;
            }
        }
        if !self.ended {
            self.settle(now);
        }
        Ok(())
    }

    fn join(&mut self, now: u64, by: UserId, guest: bool, entry: &Entry) -> Result<(), ErrorCode> {
        let rank = self.rank(by);
        let opens = |link: &&Link| {
            Some(&link.secret) == entry.link.as_ref()
                && link.expires > now
                && (link.guests || !guest)
        };
        let link =
            self.links.iter().find(opens).map(|link| {
                (link.number, link.speaker.then_some((link.expires, Some(link.number))))
            });
        let takes_over = self.is_here(by);
        if takes_over {
            self.stage
                .iter_mut()
                .filter(|(user, _)| *user == by)
                .for_each(|(_, muted)| *muted = true);
        } else if rank < OWNER {
            let full = self.people.iter().filter(|someone| someone.here).count()
                >= self.settings.max_people as usize;
            let welcome = match self.settings.kind {
                RoomKind::Open => true,
                RoomKind::Social => entry.followed_by_host || entry.invited,
                RoomKind::Closed => entry.invited,
            };
            let from = |(_, from): &(_, Option<u64>)| from.is_some() && *from == entry.origin;
            let known_guest = guest && self.banned.iter().any(from);
            let closed = [
                (self.banned.iter().any(|(user, _)| *user == by) || known_guest, Banned),
                (entry.blocked, Blocked),
                (rank < MODERATOR && entry.link.is_some() && link.is_none(), InvalidLink),
                (rank < MODERATOR && full, RoomFull),
                (rank < MODERATOR && link.is_none() && self.locked, RoomLocked),
                (rank < MODERATOR && link.is_none() && !welcome, NotInvited),
            ];
            if let Some((_, code)) = closed.into_iter().find(|(closed, _)| *closed) {
                return Err(code);
            }
        }
        let known = self.people.iter().position(|someone| someone.user == by);
        let mut someone = match known {
            Some(index) if takes_over => {
                self.people[index].lost_at = None;
                let stands = self.on_stage(by) || self.people[index].invitation.is_some();
                if let Some((_, invitation @ Some(_))) = link.filter(|_| !stands) {
                    self.people[index].invitation = invitation;
                }
                return Ok(());
            }
            Some(index) => self.people.remove(index),
            None => Someone {
                user: by,
                here: true,
                lost_at: None,
                came_by: None,
                came_from: None,
                followed_hand: None,
                invitation: None,
                wrote_at: None,
                silenced: false,
            },
        };
        someone.here = true;
        someone.came_from = entry.origin;
        if let Some((number, invitation)) = link.filter(|_| rank < MODERATOR) {
            someone.came_by = Some(number);
            someone.invitation = invitation;
        }
        self.people.push(someone);
        if rank == OWNER && !self.full() {
            self.stage.push((by, true));
        }
        Ok(())
    }

    /// The room says the same.
    pub(crate) fn check(&self, now: u64, room: &Room, users: impl Iterator<Item = UserId>) {
        assert_eq!(room.info().host, self.host);
        assert_eq!(room.info().owner, self.owner);
        let stage = room.stage().map(|member| (member.person.id, member.muted));
        assert_eq!(stage.collect::<Vec<_>>(), self.stage);
        let silenced = |user| self.people.iter().any(|each| each.user == user && each.silenced);
        assert!(room.stage().all(|each| each.muted_by_moderator == silenced(each.person.id)));
        let audience = self.people.iter().filter(|each| each.here && !self.on_stage(each.user));
        let (page, _) = room.audience(None);
        let page = Vec::from_iter(page.iter().map(|person| person.id));
        assert_eq!(page, audience.map(|someone| someone.user).collect::<Vec<_>>());
        for user in users {
            assert_eq!(room.is_present(user), self.is_here(user));
            let Some(you) = room.snapshot(now, user).map(|snapshot| snapshot.you) else { continue };
            let position = self.queue.iter().position(|raised| *raised == user);
            assert_eq!(you.hand.map(|hand| hand.position as usize), position.map(|at| at + 1));
            let someone = self.people.iter().find(|someone| someone.user == user);
            let expires = someone.and_then(|someone| someone.invitation).map(|(at, _)| at);
            assert_eq!(you.invitation.map(|invitation| invitation.expires_at_ms), expires);
        }
    }
}
