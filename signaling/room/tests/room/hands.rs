//! Raised hands: order, places, waits, policies.

use palco_protocol::{DirectEvent, ErrorCode, Hand, HandPolicy, ModerationAct, Role, RoomEvent};
use palco_room::{Command, Effect};

use crate::world::{
    ANN, BEN, CAT, DAN, MOD, OWNER, RAISE, World, all, counts, hand_down, id, join, moderators,
    person, tell, your_hand, your_role,
};

fn hand(n: u8, order: u32, raised_at_ms: u64, has_spoken: bool) -> Hand {
    Hand { person: person(n), order, raised_at_ms, has_spoken }
}

fn raised(n: u8, order: u32, at_ms: u64) -> Effect {
    moderators(DirectEvent::HandRaised { hand: hand(n, order, at_ms, false) })
}

fn lowered(n: u8) -> Effect {
    moderators(DirectEvent::HandLowered { user: id(n) })
}

#[test]
fn a_hand_is_told_to_its_owner_and_the_moderators_and_counted_for_all() {
    let mut world = World::full(|_| {});
    let at = world.now;
    assert_eq!(world.ok(BEN, RAISE), [your_hand(BEN, 1, None), raised(BEN, 1, at)]);
    assert_eq!(world.ok(BEN, RAISE), [], "raising a raised hand");
    assert_eq!(world.pass(0), [counts(3, 1)]);
    assert_eq!(world.ok(CAT, RAISE), [your_hand(CAT, 2, None), raised(CAT, 2, at)]);
    assert_eq!(world.ok(BEN, Command::LowerHand), [lowered(BEN), hand_down(BEN)]);
    assert_eq!(world.ok(BEN, Command::LowerHand), [], "lowering what is down");
    // Who raises it again is last.
    assert_eq!(world.ok(BEN, RAISE), [your_hand(BEN, 2, None), raised(BEN, 3, at)]);
}

#[test]
fn places_are_told_anew_at_most_once_a_second() {
    let mut world = World::full(|_| {});
    for n in [BEN, CAT, DAN] {
        world.ok(n, RAISE);
    }
    assert_eq!(world.pass(0), [counts(3, 3)]);
    world.ok(BEN, Command::LowerHand);
    let moved = [your_hand(CAT, 1, None), your_hand(DAN, 2, None)];
    assert_eq!(world.pass(0), moved, "at once after a pause");
    world.ok(CAT, Command::LowerHand);
    assert_eq!(world.pass(999), []);
    assert_eq!(world.pass(1), [counts(3, 1), your_hand(DAN, 1, None)]);
    // Only those behind are told.
    world.ok(BEN, RAISE);
    world.ok(CAT, RAISE);
    world.ok(BEN, Command::LowerHand);
    assert_eq!(world.pass(1_000), [counts(3, 2), your_hand(CAT, 2, None)]);
    assert_eq!(world.pass(10_000), []);
}

#[test]
fn the_wait_is_the_median_turn_times_the_place() {
    let mut world = World::full(|_| {});
    world.ok(BEN, RAISE);
    world.ok(CAT, RAISE);
    world.pass(1_000);
    // A moderator's time on stage is no turn.
    world.pass(7_000);
    world.ok(MOD, Command::StepDown);
    world.pass(1_000);
    for (turn_ms, median_ms) in [(10_000, 10_000), (30_000, 20_000), (20_000, 20_000)] {
        if !world.on_stage().contains(&id(ANN)) {
            world.promote(ANN);
        }
        world.pass(turn_ms + world.member(ANN).unwrap().since_ms - world.now);
        world.ok(ANN, Command::StepDown);
        let told = world.pass(0);
        let hands = [your_hand(BEN, 1, Some(median_ms)), your_hand(CAT, 2, Some(2 * median_ms))];
        // The third turn changes nothing: the median is what it was.
        let expected = if turn_ms == 20_000 { &[][..] } else { &hands };
        let told = Vec::from_iter(told.into_iter().filter(|e| matches!(e, Effect::Tell { .. })));
        assert_eq!(told, expected, "a turn of {turn_ms}");
        world.pass(1_000);
    }
    let you = world.room.snapshot(world.now, id(CAT)).unwrap().you;
    assert_eq!(you.hand.unwrap().estimated_wait_ms, Some(40_000));
}

#[test]
fn the_queue_shows_who_has_spoken() {
    let mut world = World::full(|_| {});
    world.ok(ANN, Command::StepDown);
    let at = world.now;
    world.ok(ANN, RAISE);
    world.ok(BEN, RAISE);
    let snapshot = world.room.snapshot(at, id(MOD)).unwrap();
    assert_eq!(snapshot.hands, Some(vec![hand(ANN, 1, at, true), hand(BEN, 2, at, false)]));
    assert_eq!(world.room.snapshot(at, id(BEN)).unwrap().hands, None);
}

#[test]
fn the_policy_is_enforced_at_the_server() {
    let mut world = World::full(|settings| settings.hand_policy = HandPolicy::Followed);
    assert_eq!(world.refused(BEN, RAISE), ErrorCode::HandsOff);
    world.ok(CAT, Command::RaiseHand { followed: true });
    world.ok(OWNER, Command::SetHandPolicy { policy: HandPolicy::Off });
    assert_eq!(world.refused(CAT, Command::RaiseHand { followed: true }), ErrorCode::HandsOff);
}

#[test]
fn a_narrower_policy_takes_down_the_hands_it_excludes() {
    let mut world = World::full(|_| {});
    let at = world.now;
    world.ok(BEN, RAISE);
    world.ok(CAT, Command::RaiseHand { followed: true });
    world.ok(DAN, RAISE);
    world.pass(0);
    let changed = |world: &World| world.record(MOD, ModerationAct::ChangedHandPolicy, None);
    let effects = world.ok(MOD, Command::SetHandPolicy { policy: HandPolicy::Followed });
    let left = moderators(DirectEvent::Hands { hands: vec![hand(CAT, 2, at, false)] });
    assert_eq!(
        effects,
        [hand_down(BEN), hand_down(DAN), left, changed(&world), world.room_updated()]
    );
    assert_eq!(world.pass(1_000), [your_hand(CAT, 1, None), counts(3, 1)]);
    // A wider one takes none down, and the same again is nothing.
    let effects = world.ok(MOD, Command::SetHandPolicy { policy: HandPolicy::Everyone });
    assert_eq!(effects, [changed(&world), world.room_updated()]);
    assert_eq!(world.ok(MOD, Command::SetHandPolicy { policy: HandPolicy::Everyone }), []);
    let effects = world.ok(MOD, Command::SetHandPolicy { policy: HandPolicy::Off });
    let none = moderators(DirectEvent::Hands { hands: vec![] });
    assert_eq!(effects, [hand_down(CAT), none, changed(&world), world.room_updated()]);
}

#[test]
fn a_moderator_dismisses_a_hand() {
    let mut world = World::full(|_| {});
    world.ok(BEN, RAISE);
    let dismiss = || Command::DismissHand { user: id(BEN) };
    assert_eq!(world.ok(MOD, dismiss()), [lowered(BEN), hand_down(BEN)]);
    assert_eq!(world.refused(MOD, dismiss()), ErrorCode::NoHand);
    assert_eq!(world.refused(MOD, Command::DismissHand { user: id(99) }), ErrorCode::NotPresent);
}

#[test]
fn a_hand_survives_a_reconnect_and_not_the_end_of_the_grace() {
    let mut world = World::full(|_| {});
    world.ok(BEN, RAISE);
    world.ok(CAT, RAISE);
    world.pass(1_000);
    for n in [BEN, CAT] {
        world.ok(n, Command::Lost);
    }
    world.pass(29_999);
    assert_eq!(world.ok(BEN, Command::Returned), []);
    let you = world.room.snapshot(world.now, id(BEN)).unwrap().you;
    assert_eq!(you.hand.unwrap().position, 1);
    let effects = world.pass(1);
    assert_eq!(effects[0], lowered(CAT));
    world.ok(CAT, join(CAT));
    assert_eq!(world.room.snapshot(world.now, id(CAT)).unwrap().you.hand, None);
}

#[test]
fn the_queue_is_bounded() {
    let mut world = World::full(|settings| settings.max_hands = 2);
    world.ok(BEN, RAISE);
    world.ok(CAT, RAISE);
    assert_eq!(world.refused(DAN, RAISE), ErrorCode::Busy);
    assert_eq!(world.ok(CAT, RAISE), [], "one that is up is no new one");
}

#[test]
fn a_new_moderator_gets_the_queue() {
    let mut world = World::full(|_| {});
    let at = world.now;
    world.ok(BEN, RAISE);
    world.pass(0);
    let effects = world.ok(OWNER, Command::MakeModerator { user: id(ANN) });
    let hands = DirectEvent::Hands { hands: vec![hand(BEN, 1, at, false)] };
    assert_eq!(
        effects,
        [
            all(RoomEvent::StageUpdated { member: world.member(ANN).unwrap() }),
            your_role(ANN, Role::Moderator),
            tell(ANN, hands),
            world.record(OWNER, ModerationAct::MadeModerator, Some(ANN)),
        ]
    );
}
