//! Raised hands: one queue in the order in which they were raised, and what each may expect.

use std::collections::{BTreeMap, VecDeque};

use palco_protocol::{
    DirectEvent, ErrorCode, Hand, HandPolicy, ModerationAct, RoomTimeMs, UserId, YourHand,
};

use crate::{
    Refusal, Room,
    effect::{Effect, Effects},
    presence::tell,
    timers::{HANDS_INTERVAL_MS, Pace},
};

/// The queue. Whose place a hand has is in `Member::hand`.
#[derive(Debug, Clone)]
pub(crate) struct Hands {
    queue: BTreeMap<u32, Raised>,
    next_order: u32,
    /// From this place on, what their owners were told of position and wait is no longer true.
    stale_from: Option<u32>,
    pub(crate) pace: Pace,
    /// How long the last turns on stage were, and their median.
    turns_ms: VecDeque<u64>,
    median_turn_ms: Option<u64>,
}

#[derive(Debug, Clone)]
struct Raised {
    user: UserId,
    at_ms: RoomTimeMs,
    /// A moderator follows them: their hand stays when the policy becomes `Followed`.
    followed: bool,
}

/// Turns that the median is taken of: enough to be steady, few enough to follow the evening.
const TURNS_MAX: usize = 100;

impl Default for Hands {
    fn default() -> Self {
        Self {
            queue: BTreeMap::new(),
            next_order: 1,
            stale_from: None,
            pace: Pace::new(HANDS_INTERVAL_MS),
            turns_ms: VecDeque::new(),
            median_turn_ms: None,
        }
    }
}

impl Hands {
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    fn push(&mut self, raised: Raised) -> u32 {
        let order = self.next_order;
        self.next_order += 1;
        self.queue.insert(order, raised);
        order
    }

    fn remove(&mut self, now: RoomTimeMs, order: u32) {
        self.queue.remove(&order);
        self.moved(now, order);
    }

    /// Whoever stands at this place or behind it must be told anew.
    fn moved(&mut self, now: RoomTimeMs, from: u32) {
        if self.queue.range(from..).next().is_some() {
            self.stale_from = Some(self.stale_from.map_or(from, |stale| stale.min(from)));
            self.pace.touch(now);
        }
    }

    /// A speaker's turn is over: the estimate of every wait may change.
    pub(crate) fn turn_ended(&mut self, now: RoomTimeMs, length_ms: u64) {
        self.turns_ms.push_back(length_ms);
        if self.turns_ms.len() > TURNS_MAX {
            self.turns_ms.pop_front();
        }
        let mut sorted = Vec::from_iter(self.turns_ms.iter().copied());
        sorted.sort_unstable();
        let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        let median_turn_ms = Some(low + (high - low) / 2);
        if self.median_turn_ms != median_turn_ms {
            self.median_turn_ms = median_turn_ms;
            self.moved(now, 0);
        }
    }

    fn at_position(&self, position: u32) -> YourHand {
        let estimated_wait_ms = self.median_turn_ms.map(|turn_ms| turn_ms * u64::from(position));
        YourHand { position, estimated_wait_ms }
    }

    /// Counts at most `max_hands`.
    pub(crate) fn yours(&self, order: u32) -> YourHand {
        self.at_position(self.queue.range(..=order).count() as u32)
    }

    /// Tells the owners of the hands that moved, if it is time to.
    pub(crate) fn tell_moved(&mut self, now: RoomTimeMs, out: &mut Effects) {
        if !self.pace.take(now) {
            return;
        }
        let Some(stale_from) = self.stale_from.take() else { return };
        for (position, (_, raised)) in
            (1..).zip(&self.queue).filter(|(_, (order, _))| **order >= stale_from)
        {
            let hand = Some(self.at_position(position));
            tell(raised.user, DirectEvent::YourHand { hand }, out);
        }
    }
}

impl Room {
    pub(crate) fn raise_hand(
        &mut self,
        now: RoomTimeMs,
        by: UserId,
        followed: bool,
        out: &mut Effects,
    ) -> Result<(), Refusal> {
        let Some(member) = self.people.get_mut(&by) else {
            return Err(ErrorCode::NotJoined.into());
        };
        if member.hand.is_some() {
            return Ok(());
        }
        if !takes(self.info.hand_policy, followed) {
            return Err(ErrorCode::HandsOff.into());
        }
        if self.hands.len() >= self.max_hands as usize {
            return Err(ErrorCode::Busy.into());
        }
        let raised = Raised { user: by, at_ms: now, followed };
        let order = self.hands.push(raised.clone());
        member.hand = Some(order);
        self.counts_pace.touch(now);
        tell(by, DirectEvent::YourHand { hand: Some(self.hands.yours(order)) }, out);
        if let Some(hand) = self.hand(order, &raised) {
            out.push(Effect::TellModerators { event: DirectEvent::HandRaised { hand } });
        }
        Ok(())
    }

    pub(crate) fn lower_hand(&mut self, now: RoomTimeMs, user: UserId, out: &mut Effects) {
        if self.take_hand(now, user, out) {
            tell(user, DirectEvent::YourHand { hand: None }, out);
        }
    }

    pub(crate) fn dismiss_hand(
        &mut self,
        now: RoomTimeMs,
        user: UserId,
        out: &mut Effects,
    ) -> Result<(), Refusal> {
        let Some(member) = self.people.get(&user) else {
            return Err(ErrorCode::NotPresent.into());
        };
        if member.hand.is_none() {
            return Err(ErrorCode::NoHand.into());
        }
        self.lower_hand(now, user, out);
        Ok(())
    }

    /// Out of the queue; moderators are told, the owner is not. Answers whether there was a hand.
    pub(crate) fn take_hand(&mut self, now: RoomTimeMs, user: UserId, out: &mut Effects) -> bool {
        let Some(order) = self.people.get_mut(&user).and_then(|member| member.hand.take()) else {
            return false;
        };
        self.hands.remove(now, order);
        self.counts_pace.touch(now);
        out.push(Effect::TellModerators { event: DirectEvent::HandLowered { user } });
        true
    }

    /// The hands that the new policy does not take go down at once; moderators get the new queue.
    pub(crate) fn set_hand_policy(
        &mut self,
        now: RoomTimeMs,
        by: UserId,
        policy: HandPolicy,
        out: &mut Effects,
    ) {
        if self.info.hand_policy == policy {
            return;
        }
        self.info.hand_policy = policy;
        self.info_changed = true;
        let queue = self.hands.queue.iter();
        let excluded = Vec::from_iter(
            queue
                .filter(|(_, raised)| !takes(policy, raised.followed))
                .map(|(&order, raised)| (order, raised.user)),
        );
        for &(order, user) in &excluded {
            self.hands.remove(now, order);
            if let Some(member) = self.people.get_mut(&user) {
                member.hand = None;
            }
            tell(user, DirectEvent::YourHand { hand: None }, out);
        }
        if !excluded.is_empty() {
            self.counts_pace.touch(now);
            let event = DirectEvent::Hands { hands: self.hands_list() };
            out.push(Effect::TellModerators { event });
        }
        self.record(now, by, ModerationAct::ChangedHandPolicy, None, out);
    }

    /// The whole queue, as moderators see it.
    pub(crate) fn hands_list(&self) -> Vec<Hand> {
        self.hands.queue.iter().filter_map(|(&order, raised)| self.hand(order, raised)).collect()
    }

    fn hand(&self, order: u32, raised: &Raised) -> Option<Hand> {
        let person = self.people.get(&raised.user)?.person.clone();
        let has_spoken = self.speakers.contains_key(&raised.user);
        Some(Hand { person, order, raised_at_ms: raised.at_ms, has_spoken })
    }
}

fn takes(policy: HandPolicy, followed: bool) -> bool {
    match policy {
        HandPolicy::Off => false,
        HandPolicy::Followed => followed,
        HandPolicy::Everyone => true,
    }
}
