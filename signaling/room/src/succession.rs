//! Who leads the room: the owner whenever they are there, somebody else when they are gone, and
//! the room ends when nobody can.

use palco_protocol::{DirectEvent, RoomTimeMs, UserId};

use crate::{
    Room,
    effect::{Effect, Effects},
};

/// Whether somebody leads the room, and what happens if not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Helm {
    /// The host is connected.
    Held,
    /// The host is gone; they have until then to come back (`host_grace`).
    Grace { until_ms: RoomTimeMs },
    /// Nobody is there to be host; the room ends then (`empty_room`).
    Countdown { until_ms: RoomTimeMs },
}

impl Helm {
    pub(crate) fn until_ms(self) -> Option<RoomTimeMs> {
        match self {
            Self::Held => None,
            Self::Grace { until_ms } | Self::Countdown { until_ms } => Some(until_ms),
        }
    }
}

impl Room {
    /// After whatever has changed: is the room still led? Constant time while it is.
    pub(crate) fn settle(&mut self, now: RoomTimeMs, out: &mut Effects) {
        let owner = self.info.owner;
        if self.info.host != Some(owner) && self.is_connected(owner) {
            self.hand_over(owner, out);
        }
        if let Some(host) = self.info.host
            && !self.is_present(host)
        {
            self.info.host = None;
            self.info_changed = true;
        }
        if self.info.host.is_some_and(|host| self.is_connected(host)) {
            self.helm = Helm::Held;
        } else if self.people.is_empty() {
            if !matches!(self.helm, Helm::Countdown { .. }) {
                self.count_down(now);
            }
        } else if self.helm == Helm::Held {
            self.helm = Helm::Grace { until_ms: now.saturating_add(self.timers.host_grace_ms) };
        } else if let Helm::Countdown { .. } = self.helm
            && let Some(next) = self.successor()
        {
            self.hand_over(next, out);
        }
        let ends_at_ms = self.ends_at_ms();
        if self.info.ends_at_ms != ends_at_ms {
            self.info.ends_at_ms = ends_at_ms;
            self.info_changed = true;
        }
    }

    /// The host did not come back in time.
    pub(crate) fn succeed(&mut self, now: RoomTimeMs, out: &mut Effects) {
        match self.successor() {
            Some(next) => self.hand_over(next, out),
            None => self.count_down(now),
        }
    }

    /// The longest-standing moderator, else who has been on stage longest; only the connected.
    fn successor(&self) -> Option<UserId> {
        let on_stage = self.stage.iter().map(|member| member.person.id);
        self.moderators.iter().copied().chain(on_stage).find(|&user| self.is_connected(user))
    }

    fn count_down(&mut self, now: RoomTimeMs) {
        self.helm = Helm::Countdown { until_ms: now.saturating_add(self.timers.empty_room_ms) };
    }

    fn hand_over(&mut self, next: UserId, out: &mut Effects) {
        let last = self.info.host.map(|last| (last, self.role_of(last)));
        let before = self.role_of(next);
        self.become_host(next, out);
        if let Some((last, before)) = last {
            self.announce_role(last, before, out);
        }
        self.announce_role(next, before, out);
    }

    /// Nobody is above a host, so that nobody could lift a moderator's mute from them: it is lifted.
    pub(crate) fn become_host(&mut self, user: UserId, out: &mut Effects) {
        self.info.host = Some(user);
        self.info_changed = true;
        self.helm = Helm::Held;
        if self.lift_silence(user) {
            let event = DirectEvent::YourMute { muted: true, by_moderator: false };
            out.push(Effect::Tell { user, event });
        }
    }

    /// When the room will end if nothing changes.
    pub(crate) fn ends_at_ms(&self) -> Option<RoomTimeMs> {
        let countdown = match self.helm {
            Helm::Countdown { until_ms } => Some(until_ms),
            Helm::Held | Helm::Grace { .. } => None,
        };
        countdown.into_iter().chain(self.timers.max_duration_ms).min()
    }
}
