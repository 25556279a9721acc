//! A client's picture of a room: the first snapshot, and every event folded into it. This is the
//! reference for the reducers of real clients.

use palco_protocol::{
    DirectEvent, Event, Role, RoomEvent, Snapshot, UserId, limits::CHAT_HISTORY_LINES,
};
use palco_room::{Effect, Room};

#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) snapshot: Snapshot,
}

impl Client {
    pub(crate) fn user(&self) -> UserId {
        self.snapshot.you.person.id
    }

    /// What the session layer would deliver of this effect; `room` is as it is after the command.
    pub(crate) fn receive(&mut self, effect: &Effect, room: &Room) {
        match effect {
            Effect::Broadcast(event) if event.seq > self.snapshot.seq => self.fold(event),
            Effect::Tell { user, event } if *user == self.user() => self.fold_direct(event),
            Effect::TellModerators { event } if room.moderators().any(|m| m == self.user()) => {
                self.fold_direct(event);
            }
            _ => {}
        }
    }

    fn fold(&mut self, event: &Event) {
        let snapshot = &mut self.snapshot;
        assert_eq!(event.seq, snapshot.seq + 1, "an event was lost");
        snapshot.seq = event.seq;
        match event.event.clone() {
            RoomEvent::RoomUpdated { room } => snapshot.room = room,
            RoomEvent::StageUpdated { member } => {
                let known =
                    snapshot.stage.iter_mut().find(|known| known.person.id == member.person.id);
                match known {
                    Some(known) => *known = member,
                    None => snapshot.stage.push(member),
                }
            }
            RoomEvent::StageLeft { user, .. } => {
                snapshot.stage.retain(|member| member.person.id != user);
            }
            RoomEvent::Counts { counts } => snapshot.counts = counts,
            RoomEvent::Chat { message } => {
                snapshot.chat.push(message);
                if snapshot.chat.len() > CHAT_HISTORY_LINES {
                    snapshot.chat.remove(0);
                }
            }
            RoomEvent::ChatCleared { user } => snapshot.chat.retain(|line| line.from.id != user),
            RoomEvent::Reactions { .. } | RoomEvent::RoomEnded { .. } => {}
        }
    }

    fn fold_direct(&mut self, event: &DirectEvent) {
        let (you, hands) = (&mut self.snapshot.you, &mut self.snapshot.hands);
        match event.clone() {
            DirectEvent::YourRole { role } => {
                you.role = role;
                if role < Role::Moderator {
                    *hands = None;
                }
            }
            DirectEvent::YourHand { hand } => you.hand = hand,
            DirectEvent::YourInvitation { invitation } => you.invitation = invitation,
            DirectEvent::Hands { hands: queue } => *hands = Some(queue),
            // Of those who are made moderators in the same step, `Hands` follows.
            DirectEvent::HandRaised { hand } => hands.iter_mut().for_each(|q| q.push(hand.clone())),
            DirectEvent::HandLowered { user } => {
                hands.iter_mut().for_each(|queue| queue.retain(|hand| hand.person.id != user));
            }
            _ => {}
        }
    }
}
