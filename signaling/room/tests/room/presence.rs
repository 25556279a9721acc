//! Coming, losing the connection, returning, leaving; pages of the audience.

use palco_protocol::{ErrorCode, Person, Role, RoomEvent, StageExit, UserId};
use palco_room::{Command, DropReason, Effect, Entry};

use crate::world::{ANN, BEN, OWNER, World, all, counts, id, join, person, stop};

fn left(n: u8, reason: StageExit) -> Effect {
    all(RoomEvent::StageLeft { user: id(n), reason })
}

#[test]
fn the_owner_arrives_as_host_on_stage_and_muted() {
    let mut world = World::empty(|_| {});
    let effects = world.ok(OWNER, join(OWNER));
    assert_eq!(effects, [world.stage_updated(OWNER), world.room_updated()]);
    let member = world.member(OWNER).unwrap();
    assert_eq!((member.role, member.muted), (Role::Host, true));
    assert_eq!((world.host(), world.info().ends_at_ms), (Some(id(OWNER)), None));
}

#[test]
fn a_listener_comes_and_goes_quietly() {
    let mut world = World::full(|_| {});
    assert_eq!(world.ok(99, join(99)), []);
    assert_eq!(world.ok(99, Command::Leave), []);
    assert_eq!(world.ok(99, Command::Leave), [], "leaving twice");
    assert_eq!(world.pass(0), [counts(3, 0)]);
}

#[test]
fn a_speaker_leaves() {
    let mut world = World::full(|_| {});
    world.ok(ANN, Command::Unmute);
    assert_eq!(world.ok(ANN, Command::Leave), [stop(ANN), left(ANN, StageExit::Left)]);
    assert!(!world.room.is_present(id(ANN)));
    assert_eq!(world.ok(ANN, Command::Leave), []);
}

#[test]
fn a_lost_speaker_is_heard_on_and_keeps_the_stage() {
    let mut world = World::full(|_| {});
    world.ok(ANN, Command::Unmute);
    assert_eq!(world.ok(ANN, Command::Lost), [world.stage_updated(ANN)]);
    assert!(!world.member(ANN).unwrap().present);
    assert!(world.room.sending(id(ANN)).is_some(), "only the signalling is lost");
    assert_eq!(world.ok(ANN, Command::Lost), []);
    assert_eq!(world.refused(ANN, Command::Mute), ErrorCode::NotJoined);
    world.pass(29_999);
    assert_eq!(world.ok(ANN, Command::Returned), [world.stage_updated(ANN)]);
    assert_eq!(world.ok(ANN, Command::Returned), []);
    assert_eq!(world.pass(60_000), [], "the grace is over with the return");
    // A second loss has its whole grace.
    world.ok(ANN, Command::Lost);
    assert_eq!(world.pass(29_999), []);
    assert_eq!(world.pass(1).len(), 4);
}

#[test]
fn a_second_device_takes_over_muted() {
    let mut world = World::full(|_| {});
    world.ok(ANN, Command::Unmute);
    assert_eq!(world.ok(ANN, join(ANN)), [world.stage_updated(ANN), stop(ANN)]);
    assert!(world.member(ANN).unwrap().muted, "its microphone was not asked for");
    assert_eq!(world.role(ANN), Some(Role::Speaker));
    // After a loss likewise; a listener's is silent.
    world.ok(ANN, Command::Lost);
    assert_eq!(world.ok(ANN, join(ANN)), [world.stage_updated(ANN)]);
    assert!(world.member(ANN).unwrap().present);
    assert_eq!(world.ok(BEN, join(BEN)), []);
    assert_eq!(world.pass(60_000), []);
}

#[test]
fn the_audience_is_paged_in_the_order_of_coming() {
    let mut world = World::empty(|_| {});
    world.ok(OWNER, join(OWNER));
    for n in (1..=250).rev() {
        world.ok(n, join(n));
    }
    let (first, next) = world.room.audience(None);
    assert_eq!((first.len(), &first[0]), (100, &person(250)));
    // Whoever leaves in between, even the page's last, does not disturb the next page.
    world.ok(151, Command::Leave);
    let (second, next) = world.room.audience(next);
    assert_eq!((second.len(), &second[0]), (100, &person(150)));
    let (third, next) = world.room.audience(next);
    assert_eq!((third.len(), &third[0], next), (50, &person(50), None));
    // Who steps down is where they were.
    world.promote(249);
    assert_eq!(world.room.audience(None).0[1], person(248));
    world.ok(249, Command::StepDown);
    assert_eq!(world.room.audience(None).0[1], person(249));
    assert_eq!(world.room.audience(Some(u64::MAX)), (vec![], None));
}

#[test]
fn ten_thousand_come_and_go_and_nobody_hears_more_than_the_counts() {
    let mut world = World::full(|_| {});
    let user = |n: u128| UserId(uuid::Uuid::from_u128(1_000 + n));
    let mut told = Vec::new();
    for n in 0..10_000 {
        let person = Person { id: user(n), ..person(99) };
        let command = Command::Join { person, entry: Entry::default() };
        told.extend(world.room.apply(world.now, user(n), command).unwrap());
    }
    assert_eq!(told, []);
    assert_eq!(world.pass(0), [counts(10_003, 0)]);
    for n in 0..10_000 {
        told.extend(world.room.apply(world.now, user(n), Command::Lost).unwrap());
    }
    assert_eq!(told, []);
    let gone = world.pass(30_000);
    let dropped = |n| Effect::Drop { user: user(n), why: DropReason::Lost };
    let mut expected = Vec::from_iter((0..10_000).map(dropped));
    expected.push(counts(3, 0));
    assert_eq!(gone, expected);
}
