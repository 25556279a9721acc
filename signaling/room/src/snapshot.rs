//! The room as it is: what newcomers, moderators and the hallway see of it.

use std::ops::Bound;

use palco_protocol::{
    Counts, Person, Role, RoomInfo, RoomTimeMs, Snapshot, UserId, You, limits::AUDIENCE_PAGE,
};

use crate::Room;

impl Room {
    /// The room as this person sees it now; nothing if they are not in it.
    #[must_use]
    pub fn snapshot(&self, now: RoomTimeMs, of: UserId) -> Option<Snapshot> {
        let member = self.people.get(&of)?;
        let role = self.role_of(of)?;
        let you = You {
            person: member.person.clone(),
            role,
            hand: member.hand.map(|order| self.hands.yours(order)),
            invitation: member.invitation.map(|invitation| invitation.yours()),
        };
        Some(Snapshot {
            seq: self.seq,
            now_ms: now,
            room: self.info.clone(),
            stage: self.stage.clone(),
            counts: self.counts(),
            chat: self.chat.lines().cloned().collect(),
            you,
            hands: (role >= Role::Moderator).then(|| self.hands_list()),
        })
    }

    /// The number of the last broadcast event; 0 before the first.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// What everyone knows of the room.
    #[must_use]
    pub fn info(&self) -> &RoomInfo {
        &self.info
    }

    /// How many people in the audience, and hands.
    #[must_use]
    pub fn counts(&self) -> Counts {
        // Neither exceeds `max_people` by more than the moderators: they fit.
        Counts { listeners: self.audience.len() as u32, hands: self.hands.len() as u32 }
    }

    /// A page of the audience in the order in which they came, and after whom the next page starts.
    #[must_use]
    pub fn audience(&self, after: Option<u64>) -> (Vec<Person>, Option<u64>) {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = self.audience.range((start, Bound::Unbounded));
        let page = Vec::from_iter(rest.by_ref().take(AUDIENCE_PAGE));
        let last = page.last().map(|(arrival, _)| **arrival);
        let next = rest.next().and(last);
        let people = page.into_iter().filter_map(|(_, user)| self.people.get(user));
        (people.map(|member| member.person.clone()).collect(), next)
    }

    /// The room is over.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended.is_some()
    }
}
