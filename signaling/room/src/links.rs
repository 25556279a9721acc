//! Secret links into the room, each with a role and an end.

use palco_protocol::{ErrorCode, LinkRole, RoomTimeMs, UserId};

use crate::{LinkSecret, Refusal, Room, effect::Effects};

/// The links that live, and the expired ones until the next is made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Links {
    links: Vec<Link>,
    made: u32,
}

#[derive(Debug, Clone)]
pub(crate) struct Link {
    /// What the room remembers of whoever came by it.
    pub(crate) number: u32,
    secret: LinkSecret,
    pub(crate) role: LinkRole,
    pub(crate) by: UserId,
    pub(crate) expires_at_ms: RoomTimeMs,
    /// Until somebody who came by it is banned: as a new guest they would be back at once.
    admits_guests: bool,
}

/// Most links that live at a time. Every entry by a link looks through them.
const LINKS_MAX: usize = 50;

/// A room is an evening, not an archive: no link outlives 30 days.
pub(crate) const LINK_MAX_MS: u64 = 30 * 24 * 3_600_000;

impl Links {
    pub(crate) fn find(&self, number: u32) -> Option<&Link> {
        self.links.iter().find(|link| link.number == number)
    }

    /// The number of the link that lets this person in.
    pub(crate) fn admits(
        &self,
        now: RoomTimeMs,
        secret: &LinkSecret,
        guest: bool,
    ) -> Result<u32, Refusal> {
        let link = self.links.iter().find(|link| link.secret == *secret);
        match link {
            Some(link) if link.expires_at_ms > now && (link.admits_guests || !guest) => {
                Ok(link.number)
            }
            _ => Err(ErrorCode::InvalidLink.into()),
        }
    }

    pub(crate) fn close_to_guests(&mut self, number: u32) {
        if let Some(link) = self.links.iter_mut().find(|link| link.number == number) {
            link.admits_guests = false;
        }
    }
}

impl Room {
    pub(crate) fn create_link(
        &mut self,
        now: RoomTimeMs,
        by: UserId,
        secret: LinkSecret,
        role: LinkRole,
        expires_in_ms: u64,
    ) -> Result<(), Refusal> {
        let links = &mut self.links.links;
        let known = links.iter().any(|link| link.secret == secret);
        if expires_in_ms == 0 || expires_in_ms > LINK_MAX_MS || secret.0.is_empty() || known {
            return Err(ErrorCode::InvalidField.into());
        }
        if links.iter().filter(|link| link.expires_at_ms > now).count() >= LINKS_MAX {
            return Err(ErrorCode::Busy.into());
        }
        links.retain(|link| link.expires_at_ms > now);
        self.links.made += 1;
        let number = self.links.made;
        let expires_at_ms = now + expires_in_ms;
        let link = Link { number, secret, role, by, expires_at_ms, admits_guests: true };
        self.links.links.push(link);
        Ok(())
    }

    /// Who came by it stays, but the stage is no longer offered to them. A no-op if there is none.
    pub(crate) fn revoke_link(&mut self, secret: &LinkSecret, out: &mut Effects) {
        let links = &mut self.links.links;
        let Some(index) = links.iter().position(|link| link.secret == *secret) else { return };
        let number = links.remove(index).number;
        let people = &self.people;
        let came_by_it =
            Vec::from_iter(self.invited.iter().map(|&(_, user)| user).filter(|user| {
                let invitation = people.get(user).and_then(|member| member.invitation);
                invitation.is_some_and(|invitation| invitation.link == Some(number))
            }));
        for user in came_by_it {
            self.withdraw_invitation(user, out);
        }
    }
}
