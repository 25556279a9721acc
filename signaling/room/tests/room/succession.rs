//! Who leads when the host is gone.

use palco_protocol::{
    DirectEvent, ErrorCode, ModerationAct, Role, RoomEndReason, RoomEvent, StageExit,
};
use palco_room::{Command, DropReason, Effect};

use crate::world::{ANN, BEN, CAT, MOD, OWNER, RAISE, World, all, id, join, stop, tell, your_role};

fn left(n: u8, reason: StageExit) -> Effect {
    all(RoomEvent::StageLeft { user: id(n), reason })
}

fn ended(reason: RoomEndReason) -> [Effect; 2] {
    [all(RoomEvent::RoomEnded { reason }), Effect::Ended { reason }]
}

#[test]
fn the_host_leaves_and_the_longest_standing_moderator_acts() {
    let mut world = World::full(|_| {});
    // Ann was on stage before; Cat is a moderator, but appointed later.
    world.promote(CAT);
    world.ok(OWNER, Command::MakeModerator { user: id(CAT) });
    world.pass(1_000);
    let effects = world.ok(OWNER, Command::Leave);
    assert_eq!(world.host(), None);
    assert_eq!(effects, [left(OWNER, StageExit::Left), world.room_updated()]);
    world.pass(29_999);
    assert_eq!(world.host(), None);
    let effects = world.pass(1);
    assert_eq!(world.host(), Some(id(MOD)));
    assert_eq!(
        effects,
        [world.stage_updated(MOD), your_role(MOD, Role::Host), world.room_updated()]
    );
    assert_eq!(world.info().owner, id(OWNER));
}

#[test]
fn without_a_moderator_the_longest_standing_speaker_acts() {
    let mut world = World::full(|_| {});
    world.promote(CAT);
    world.ok(OWNER, Command::RevokeModerator { user: id(MOD) });
    world.ok(MOD, Command::Leave);
    world.ok(BEN, RAISE);
    world.ok(OWNER, Command::Leave);
    world.pass(29_999);
    let effects = world.pass(1);
    assert_eq!(world.host(), Some(id(ANN)));
    let hands = world.room.snapshot(world.now, id(ANN)).unwrap().hands.unwrap();
    assert_eq!(
        effects,
        [
            world.stage_updated(ANN),
            your_role(ANN, Role::Host),
            tell(ANN, DirectEvent::Hands { hands }),
            world.room_updated(),
        ]
    );
}

#[test]
fn the_owner_reclaims_on_return() {
    let mut world = World::full(|_| {});
    world.ok(OWNER, Command::RevokeModerator { user: id(MOD) });
    world.ok(MOD, Command::Leave);
    world.ok(OWNER, Command::Leave);
    world.pass(31_000);
    assert_eq!(world.host(), Some(id(ANN)));
    let effects = world.ok(OWNER, join(OWNER));
    assert_eq!(world.host(), Some(id(OWNER)));
    assert_eq!(
        effects,
        [
            world.stage_updated(ANN),
            your_role(ANN, Role::Speaker),
            world.stage_updated(OWNER),
            world.room_updated(),
        ]
    );
    assert_eq!(world.role(ANN), Some(Role::Speaker), "acting made nobody a moderator");
}

#[test]
fn within_the_grace_the_host_is_host_again() {
    let mut world = World::full(|_| {});
    assert_eq!(world.ok(OWNER, Command::Lost), [world.stage_updated(OWNER)]);
    assert_eq!(world.host(), Some(id(OWNER)));
    assert_eq!(world.pass(29_999), []);
    assert_eq!(world.ok(OWNER, Command::Returned), [world.stage_updated(OWNER)]);
    assert_eq!(world.pass(100_000), []);
    assert_eq!(world.role(OWNER), Some(Role::Host));
}

#[test]
fn a_lost_host_is_followed_at_the_end_of_both_graces() {
    let mut world = World::full(|_| {});
    world.ok(OWNER, Command::Unmute);
    world.ok(OWNER, Command::Lost);
    world.pass(29_999);
    let effects = world.pass(1);
    assert_eq!(
        effects[..6],
        [
            stop(OWNER),
            left(OWNER, StageExit::Lost),
            Effect::Drop { user: id(OWNER), why: DropReason::Lost },
            world.stage_updated(MOD),
            your_role(MOD, Role::Host),
            world.room_updated(),
        ]
    );
    assert_eq!(effects.len(), 7, "and the counts");
}

#[test]
fn a_shorter_host_grace_leaves_the_lost_owner_on_stage() {
    let mut world = World::full(|settings| settings.timers.host_grace_ms = 10_000);
    world.ok(OWNER, Command::Lost);
    let effects = world.pass(10_000);
    assert_eq!(world.role(OWNER), Some(Role::Moderator));
    assert_eq!(
        effects,
        [
            world.stage_updated(OWNER),
            your_role(OWNER, Role::Moderator),
            world.stage_updated(MOD),
            your_role(MOD, Role::Host),
            world.room_updated(),
        ]
    );
    let effects = world.ok(OWNER, Command::Returned);
    assert_eq!(world.role(MOD), Some(Role::Moderator));
    assert_eq!(effects.len(), 5);
    assert_eq!(
        effects[2..],
        [your_role(MOD, Role::Moderator), world.stage_updated(OWNER), world.room_updated()]
    );
}

#[test]
fn with_nobody_to_lead_the_room_counts_down_and_ends() {
    let mut world = World::full(|_| {});
    for n in [MOD, ANN, OWNER] {
        world.ok(n, Command::Leave);
    }
    world.pass(29_999);
    let effects = world.pass(1);
    assert_eq!(world.info().ends_at_ms, Some(world.now + 60_000));
    assert_eq!(effects, [world.room_updated()]);
    assert_eq!(world.pass(59_999), []);
    assert_eq!(world.pass(1), ended(RoomEndReason::Empty));
    assert!(world.room.has_ended());
    assert_eq!(world.room.next_deadline(), None);
    assert_eq!(world.pass(1_000_000), []);
    assert_eq!(world.refused(BEN, RAISE), ErrorCode::RoomEnded);
}

#[test]
fn whoever_can_lead_stops_the_countdown() {
    let mut world = World::full(|_| {});
    world.ok(OWNER, Command::Invite { user: id(CAT) });
    for n in [MOD, ANN, OWNER] {
        world.ok(n, Command::Leave);
    }
    world.pass(31_000);
    assert!(world.info().ends_at_ms.is_some());
    // A moderator who enters; they lead from the audience.
    world.ok(MOD, join(MOD));
    assert_eq!((world.host(), world.info().ends_at_ms), (Some(id(MOD)), None));
    assert!(world.member(MOD).is_none());
    world.ok(MOD, Command::Leave);
    world.pass(20_000);
    // An invitation given before has expired by then: nobody comes on stage unasked.
    assert_eq!(world.host(), None);
    world.pass(11_000);
    assert!(world.info().ends_at_ms.is_some());
    world.ok(OWNER, join(OWNER));
    assert_eq!((world.host(), world.info().ends_at_ms), (Some(id(OWNER)), None));
}

#[test]
fn a_speaker_who_returns_in_the_countdown_leads() {
    let mut world = World::full(|settings| settings.timers.reconnect_grace_ms = 50_000);
    for n in [MOD, OWNER] {
        world.ok(n, Command::Leave);
    }
    world.ok(ANN, Command::Lost);
    world.pass(30_000);
    assert!(world.info().ends_at_ms.is_some(), "nobody connected can lead");
    let effects = world.ok(ANN, Command::Returned);
    assert_eq!((world.host(), world.info().ends_at_ms), (Some(id(ANN)), None));
    assert_eq!(effects.last(), Some(&world.room_updated()));
}

#[test]
fn everybody_gone_needs_no_host_grace() {
    let mut world = World::empty(|_| {});
    world.ok(OWNER, join(OWNER));
    world.ok(OWNER, Command::Leave);
    assert_eq!(world.info().ends_at_ms, Some(60_000));
    // Listeners do not keep a room alive.
    world.pass(30_000);
    world.ok(BEN, join(BEN));
    assert_eq!(world.pass(30_000).last(), Some(&Effect::Ended { reason: RoomEndReason::Empty }));
}

#[test]
fn the_room_changes_hands() {
    let mut world = World::full(|_| {});
    let to = |n| Command::TransferHost { user: id(n) };
    assert_eq!(world.ok(OWNER, to(OWNER)), []);
    assert_eq!(world.refused(OWNER, to(BEN)), ErrorCode::NotOnStage);
    assert_eq!(world.refused(OWNER, to(99)), ErrorCode::NotPresent);
    world.ok(ANN, Command::Lost);
    assert_eq!(world.refused(OWNER, to(ANN)), ErrorCode::NotPresent);
    world.ok(ANN, Command::Returned);
    let effects = world.ok(OWNER, to(ANN));
    assert_eq!((world.host(), world.info().owner), (Some(id(ANN)), id(ANN)));
    assert_eq!(
        effects,
        [
            world.stage_updated(OWNER),
            your_role(OWNER, Role::Moderator),
            world.stage_updated(ANN),
            your_role(ANN, Role::Host),
            tell(ANN, DirectEvent::Hands { hands: vec![] }),
            world.record(OWNER, ModerationAct::TransferredHost, Some(ANN)),
            world.room_updated(),
        ]
    );
    // The old owner does not reclaim what is no longer theirs.
    world.ok(OWNER, Command::Leave);
    world.ok(OWNER, join(OWNER));
    assert_eq!(world.host(), Some(id(ANN)));
    assert_eq!(world.role(OWNER), Some(Role::Moderator));
}

#[test]
fn a_host_cannot_stay_muted_by_somebody() {
    let mut world = World::full(|_| {});
    world.ok(OWNER, Command::MuteSpeaker { user: id(MOD) });
    world.ok(OWNER, Command::Leave);
    let effects = world.pass(30_000);
    let lifted = DirectEvent::YourMute { muted: true, by_moderator: false };
    assert!(effects.contains(&tell(MOD, lifted)));
    world.ok(MOD, Command::Unmute);
}
