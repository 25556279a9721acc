//! Each timer by its name: nothing a millisecond before, everything at its time, and then nothing.

use palco_protocol::{
    DirectEvent, ErrorCode, InvitationState, RoomEndReason, RoomEvent, StageExit,
};
use palco_room::{Command, DropReason, Effect, Timers};

use crate::world::{
    ANN, BEN, MOD, OWNER, RAISE, World, all, counts, id, join, moderators, person, stop, tell,
    your_hand,
};

fn ended(reason: RoomEndReason) -> [Effect; 2] {
    [all(RoomEvent::RoomEnded { reason }), Effect::Ended { reason }]
}

#[test]
fn the_usual_timers() {
    let usual = Timers {
        reconnect_grace_ms: 30_000,
        host_grace_ms: 30_000,
        empty_room_ms: 60_000,
        invite_expiry_ms: 60_000,
        max_duration_ms: None,
    };
    assert_eq!(Timers::default(), usual);
}

#[test]
fn reconnect_grace() {
    let mut world = World::full(|settings| settings.timers.reconnect_grace_ms = 20_000);
    world.ok(ANN, Command::Unmute);
    world.ok(ANN, Command::Lost);
    assert_eq!(world.room.next_deadline(), Some(world.now + 20_000));
    assert_eq!(world.pass(19_999), []);
    assert_eq!(
        world.pass(1),
        [
            stop(ANN),
            all(RoomEvent::StageLeft { user: id(ANN), reason: StageExit::Lost }),
            Effect::Drop { user: id(ANN), why: DropReason::Lost },
            counts(3, 0),
        ]
    );
    assert_eq!(world.refused(ANN, Command::Returned), ErrorCode::NotJoined);
    assert_eq!(world.pass(1_000_000), []);
}

#[test]
fn host_grace() {
    let mut world = World::full(|settings| settings.timers.host_grace_ms = 5_000);
    world.ok(OWNER, Command::Leave);
    world.pass(4_999);
    assert_eq!(world.host(), None);
    world.pass(1);
    assert_eq!(world.host(), Some(id(MOD)));
    assert_eq!(world.pass(1_000_000), []);
}

#[test]
fn empty_room() {
    // Nobody enters.
    let mut world = World::empty(|settings| settings.timers.empty_room_ms = 7_000);
    assert_eq!(world.info().ends_at_ms, Some(7_000));
    assert_eq!(world.pass(6_999), []);
    assert_eq!(world.pass(1), ended(RoomEndReason::Empty));
    // Everybody leaves.
    let mut world = World::empty(|settings| settings.timers.empty_room_ms = 7_000);
    world.ok(OWNER, join(OWNER));
    world.pass(100_000);
    world.ok(OWNER, Command::Leave);
    assert_eq!(world.info().ends_at_ms, Some(107_000));
    world.pass(6_999);
    assert_eq!(world.pass(1), ended(RoomEndReason::Empty));
}

#[test]
fn invite_expiry() {
    let mut world = World::full(|settings| settings.timers.invite_expiry_ms = 3_000);
    world.ok(BEN, RAISE);
    world.ok(MOD, Command::Invite { user: id(BEN) });
    world.pass(2_999);
    let expired =
        DirectEvent::InvitationUpdated { person: person(BEN), state: InvitationState::Expired };
    let none = DirectEvent::YourInvitation { invitation: None };
    assert_eq!(world.pass(1), [tell(BEN, none), moderators(expired)]);
    assert_eq!(world.refused(BEN, Command::AcceptInvite), ErrorCode::NoInvitation);
    let you = world.room.snapshot(world.now, id(BEN)).unwrap().you;
    assert!(you.hand.is_some(), "not to have answered is no decision");
    assert_eq!(world.pass(1_000_000), []);
}

#[test]
fn an_invitation_is_not_accepted_late_even_before_the_tick() {
    let mut world = World::full(|_| {});
    world.ok(MOD, Command::Invite { user: id(BEN) });
    world.pass(59_999);
    world.now += 1;
    assert_eq!(world.refused(BEN, Command::AcceptInvite), ErrorCode::NoInvitation);
}

#[test]
fn max_duration() {
    let mut world = World::full(|settings| settings.timers.max_duration_ms = Some(50_000));
    assert_eq!(world.info().ends_at_ms, Some(50_000));
    world.ok(ANN, Command::Unmute);
    assert_eq!(world.pass(47_999), []);
    let [told, over] = ended(RoomEndReason::TimeUp);
    assert_eq!(world.pass(1), [stop(ANN), told, over]);
    // The nearer end is shown.
    let mut world = World::full(|settings| settings.timers.max_duration_ms = Some(50_000));
    for n in [OWNER, MOD, ANN] {
        world.ok(n, Command::Leave);
    }
    world.pass(30_000);
    assert_eq!(world.info().ends_at_ms, Some(50_000));
}

#[test]
fn counts_once_a_second() {
    let mut world = World::full(|_| {});
    world.ok(90, join(90));
    assert_eq!(world.pass(0), [counts(4, 0)]);
    world.ok(91, join(91));
    assert_eq!(world.pass(999), []);
    world.ok(92, join(92));
    assert_eq!(world.pass(1), [counts(6, 0)]);
    // There and back again is told too: whoever came in between has another count.
    world.ok(93, join(93));
    assert_eq!(world.room.snapshot(world.now, id(93)).unwrap().counts.listeners, 7);
    world.ok(92, Command::Leave);
    assert_eq!(world.pass(1_000), [counts(6, 0)]);
    assert_eq!(world.pass(1_000_000), []);
}

#[test]
fn hand_positions_once_a_second() {
    let mut world = World::full(|_| {});
    for n in [BEN, 90, 91] {
        if n != BEN {
            world.ok(n, join(n));
        }
        world.ok(n, RAISE);
    }
    world.pass(1_000);
    world.ok(BEN, Command::LowerHand);
    world.pass(0);
    world.ok(90, Command::LowerHand);
    let told = |effects: Vec<Effect>| {
        Vec::from_iter(effects.into_iter().filter(|effect| matches!(effect, Effect::Tell { .. })))
    };
    assert_eq!(told(world.pass(999)), []);
    assert_eq!(told(world.pass(1)), [your_hand(91, 1, None)]);
}

#[test]
fn an_operator_ends_a_room_at_once() {
    for reason in [RoomEndReason::EndedByOperator, RoomEndReason::Shutdown] {
        let mut world = World::full(|_| {});
        world.ok(ANN, Command::Unmute);
        let [told, over] = ended(reason);
        assert_eq!(world.ok(99, Command::End { reason }), [stop(ANN), told, over]);
        assert_eq!(world.room.next_deadline(), None);
        for command in [join(99), Command::Leave, Command::End { reason }] {
            assert_eq!(world.refused(99, command), ErrorCode::RoomEnded);
        }
    }
    let mut world = World::full(|_| {});
    assert_eq!(world.ok(OWNER, Command::EndRoom), ended(RoomEndReason::EndedByHost));
}

#[test]
fn timers_of_nothing_and_of_forever() {
    let zero = Timers {
        reconnect_grace_ms: 0,
        host_grace_ms: 0,
        empty_room_ms: 0,
        invite_expiry_ms: 0,
        max_duration_ms: None,
    };
    let mut world = World::empty(|settings| settings.timers = zero);
    world.ok(OWNER, join(OWNER));
    world.ok(BEN, join(BEN));
    world.ok(OWNER, Command::Invite { user: id(BEN) });
    world.ok(OWNER, Command::Lost);
    assert_eq!(world.pass(0).last(), Some(&Effect::Ended { reason: RoomEndReason::Empty }));

    let forever = Timers {
        reconnect_grace_ms: u64::MAX,
        host_grace_ms: u64::MAX,
        empty_room_ms: u64::MAX,
        invite_expiry_ms: u64::MAX,
        max_duration_ms: Some(u64::MAX),
    };
    let mut world = World::full(|settings| settings.timers = forever);
    world.ok(OWNER, Command::Invite { user: id(BEN) });
    world.ok(OWNER, Command::Lost);
    assert_eq!(world.pass(1_000_000_000), []);
}
