//! Time: what is due when. The room has no clock; whoever owns it ticks it.

use palco_protocol::{RoomEndReason, RoomEvent, RoomTimeMs, StageExit};

use crate::{
    DropReason, Room,
    effect::{Effect, Effects},
    succession::Helm,
};

/// Counts are broadcast at most this often.
pub(crate) const COUNTS_INTERVAL_MS: u64 = 1_000;
/// Owners of hands are told of a new place at most this often.
pub(crate) const HANDS_INTERVAL_MS: u64 = 1_000;
/// Reactions are summed for so long.
pub(crate) const REACTIONS_INTERVAL_MS: u64 = 250;

/// Something that is told at most once in an interval, and at once after a pause.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    interval_ms: u64,
    last_ms: Option<RoomTimeMs>,
    due_ms: Option<RoomTimeMs>,
}

impl Pace {
    pub(crate) fn new(interval_ms: u64) -> Self {
        Self { interval_ms, last_ms: None, due_ms: None }
    }

    /// There is something to tell.
    pub(crate) fn touch(&mut self, now: RoomTimeMs) {
        let due_ms = self.last_ms.map_or(now, |last_ms| now.max(last_ms + self.interval_ms));
        self.due_ms.get_or_insert(due_ms);
    }

    /// Whether it is to be told now.
    pub(crate) fn take(&mut self, now: RoomTimeMs) -> bool {
        let due = self.due_ms.take_if(|due_ms| *due_ms <= now).is_some();
        if due {
            self.last_ms = Some(now);
        }
        due
    }
}

impl Room {
    /// When `tick` is wanted next; may be now.
    #[must_use]
    pub fn next_deadline(&self) -> Option<RoomTimeMs> {
        if self.ended.is_some() {
            return None;
        }
        let people = self.graces.first().into_iter().chain(self.invited.first());
        people
            .map(|&(at_ms, _)| at_ms)
            .chain(self.helm.until_ms())
            .chain(self.timers.max_duration_ms)
            .chain(self.counts_pace.due_ms)
            .chain(self.hands.pace.due_ms)
            .chain(self.reactions.due_ms)
            .min()
    }

    /// Does what time brings. Afterwards no deadline is due.
    pub fn tick(&mut self, now: RoomTimeMs) -> Vec<Effect> {
        let mut out = Effects::new();
        // What a deadline brings may have a deadline that is due as well (a timer of 0 ms).
        while self.next_deadline().is_some_and(|at_ms| at_ms <= now) {
            self.pass(now, &mut out);
        }
        out
    }

    fn pass(&mut self, now: RoomTimeMs, out: &mut Effects) {
        while let Some(&(until_ms, user)) = self.graces.first()
            && until_ms <= now
        {
            self.remove_person(now, user, StageExit::Lost, out);
            out.push(Effect::Drop { user, why: DropReason::Lost });
        }
        self.expire_invitations(now, out);
        if self.timers.max_duration_ms.is_some_and(|at_ms| at_ms <= now) {
            return self.end(RoomEndReason::TimeUp, out);
        }
        match self.helm {
            Helm::Grace { until_ms } if until_ms <= now => self.succeed(now, out),
            Helm::Countdown { until_ms } if until_ms <= now => {
                return self.end(RoomEndReason::Empty, out);
            }
            _ => {}
        }
        self.settle(now, out);
        self.announce_info(out);
        if self.counts_pace.take(now) {
            self.broadcast(RoomEvent::Counts { counts: self.counts() }, out);
        }
        self.hands.tell_moved(now, out);
        if let Some(reactions) = self.reactions.take(now) {
            self.broadcast(RoomEvent::Reactions { reactions }, out);
        }
    }
}
