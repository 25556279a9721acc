//! Roles given and taken, removals, bans, reports, the log.

use palco_protocol::{
    DirectEvent, ErrorCode, ModerationAct, ModerationEntry, Person, Role, RoomEvent, StageExit,
    UserId,
};
use palco_room::{Command, DropReason, Effect, Entry};

use crate::world::{
    ANN, BEN, CAT, DAN, MOD, OWNER, RAISE, World, all, id, join, moderators, person, stop, tell,
    your_role,
};

fn out(n: u8, banned: bool) -> [Effect; 2] {
    let dropped = Effect::Drop { user: id(n), why: DropReason::Removed };
    [tell(n, DirectEvent::Removed { banned }), dropped]
}

fn report(n: u8, reason: &str) -> Command {
    Command::Report { user: id(n), reason: reason.to_owned() }
}

#[test]
fn a_listener_is_removed_and_may_come_back() {
    let mut world = World::full(|_| {});
    world.ok(BEN, RAISE);
    let effects = world.ok(MOD, Command::Remove { user: id(BEN), ban: false });
    let [told, dropped] = out(BEN, false);
    let record = world.record(MOD, ModerationAct::Removed, Some(BEN));
    let lowered = moderators(DirectEvent::HandLowered { user: id(BEN) });
    assert_eq!(effects, [lowered, told, dropped, record]);
    assert_eq!(world.ok(BEN, join(BEN)), []);
}

#[test]
fn a_speaker_is_silent_before_they_are_told() {
    let mut world = World::full(|_| {});
    world.ok(ANN, Command::Unmute);
    world.ok(ANN, Command::Chat { text: "spam".to_owned() });
    let effects = world.ok(MOD, Command::Remove { user: id(ANN), ban: true });
    let [told, dropped] = out(ANN, true);
    assert_eq!(
        effects,
        [
            stop(ANN),
            all(RoomEvent::StageLeft { user: id(ANN), reason: StageExit::Removed }),
            all(RoomEvent::ChatCleared { user: id(ANN) }),
            told,
            dropped,
            world.record(MOD, ModerationAct::Banned, Some(ANN)),
        ]
    );
    assert!(world.room.snapshot(world.now, id(MOD)).unwrap().chat.is_empty());
    let effects = world.ok(MOD, Command::Unban { user: id(ANN) });
    assert_eq!(effects, [world.record(MOD, ModerationAct::Unbanned, Some(ANN))]);
    assert_eq!(world.ok(MOD, Command::Unban { user: id(ANN) }), []);
}

#[test]
fn a_removed_moderator_is_one_no_more() {
    let mut world = World::full(|_| {});
    world.ok(OWNER, Command::Remove { user: id(MOD), ban: false });
    world.ok(MOD, join(MOD));
    assert_eq!(world.role(MOD), Some(Role::Listener));
}

#[test]
fn moderators_are_made_of_speakers_and_stay_so() {
    let mut world = World::full(|_| {});
    let make = |n| Command::MakeModerator { user: id(n) };
    assert_eq!(world.refused(OWNER, make(BEN)), ErrorCode::NotOnStage);
    assert_eq!(world.refused(OWNER, make(99)), ErrorCode::NotPresent);
    for n in [MOD, OWNER] {
        assert_eq!(world.ok(OWNER, make(n)), []);
    }
    // The role outlives the stage and the visit, and is taken also from who is away.
    world.ok(MOD, Command::Leave);
    world.ok(MOD, join(MOD));
    assert_eq!(world.role(MOD), Some(Role::Moderator));
    world.ok(MOD, Command::Leave);
    let revoke = |n| Command::RevokeModerator { user: id(n) };
    let effects = world.ok(OWNER, revoke(MOD));
    let revoked = world.record(OWNER, ModerationAct::RevokedModerator, Some(MOD));
    assert_eq!(effects, [revoked]);
    world.ok(MOD, join(MOD));
    assert_eq!(world.role(MOD), Some(Role::Listener));
    assert_eq!(world.ok(OWNER, revoke(BEN)), []);
    assert_eq!(world.refused(OWNER, revoke(99)), ErrorCode::NotPresent);
}

#[test]
fn a_revoked_moderator_stays_on_stage_as_a_speaker() {
    let mut world = World::full(|_| {});
    let effects = world.ok(OWNER, Command::RevokeModerator { user: id(MOD) });
    assert_eq!(
        effects,
        [
            world.stage_updated(MOD),
            your_role(MOD, Role::Speaker),
            world.record(OWNER, ModerationAct::RevokedModerator, Some(MOD)),
        ]
    );
    assert_eq!(Vec::from_iter(world.room.moderators()), [id(OWNER)]);
}

#[test]
fn there_are_at_most_fifty_moderators() {
    let mut world = World::empty(|_| {});
    world.ok(OWNER, join(OWNER));
    let make = |n: u8, world: &mut World| {
        world.ok(n, join(n));
        world.promote(n);
        if n > 50 {
            return Some(world.refused(OWNER, Command::MakeModerator { user: id(n) }));
        }
        world.ok(OWNER, Command::MakeModerator { user: id(n) });
        world.ok(n, Command::StepDown);
        None
    };
    for n in 1..=50 {
        assert_eq!(make(n, &mut world), None);
    }
    assert_eq!(make(51, &mut world), Some(ErrorCode::Busy));
    let transfer = Command::TransferHost { user: id(51) };
    assert_eq!(world.refused(OWNER, transfer), ErrorCode::Busy);
    assert_eq!(world.room.moderators().count(), 51, "and the host");
}

#[test]
fn the_lock_is_logged_and_shown() {
    let mut world = World::full(|_| {});
    let effects = world.ok(MOD, Command::Lock);
    assert!(world.info().locked);
    assert_eq!(effects, [world.record(MOD, ModerationAct::Locked, None), world.room_updated()]);
    let effects = world.ok(MOD, Command::Unlock);
    assert_eq!(effects, [world.record(MOD, ModerationAct::Unlocked, None), world.room_updated()]);
    assert_eq!(world.ok(MOD, Command::Unlock), []);
}

#[test]
fn a_report_goes_to_those_above_the_reported() {
    let mut world = World::full(|_| {});
    world.ok(BEN, Command::Leave);
    let entry = |world: &World, of: u8| ModerationEntry {
        at_ms: world.now,
        by: person(CAT),
        act: ModerationAct::Reported,
        to: Some(person(of)),
        reason: Some("rude".to_owned()),
    };
    let told = |entry: &ModerationEntry| DirectEvent::Reported { entry: entry.clone() };
    // Also of who has just left.
    for n in [ANN, DAN, BEN] {
        let entry = entry(&world, n);
        let effects = world.ok(CAT, report(n, " rude "));
        assert_eq!(effects, [moderators(told(&entry)), Effect::Record(entry)]);
    }
    let of_moderator = entry(&world, MOD);
    let effects = world.ok(CAT, report(MOD, "rude"));
    assert_eq!(effects, [tell(OWNER, told(&of_moderator)), Effect::Record(of_moderator.clone())]);
    let effects = world.ok(CAT, report(OWNER, "rude"));
    assert_eq!(effects, [Effect::Record(entry(&world, OWNER))], "the operators alone");
    let log = world.room.moderation_log(id(OWNER)).unwrap();
    assert_eq!(log.last(), Some(&of_moderator), "what the host does is not in their log");
}

#[test]
fn a_report_needs_somebody_and_a_reason() {
    let mut world = World::full(|_| {});
    for bad in [report(CAT, "myself"), report(ANN, "  "), report(ANN, &"x".repeat(501))] {
        assert_eq!(world.refused(CAT, bad), ErrorCode::InvalidField);
    }
    assert_eq!(world.refused(CAT, report(99, "rude")), ErrorCode::NotPresent);
    world.ok(CAT, report(ANN, &"x".repeat(500)));
}

#[test]
fn the_log_keeps_the_last_two_hundred() {
    let mut world = World::full(|_| {});
    for _ in 0..101 {
        world.ok(MOD, Command::Lock);
        world.ok(MOD, Command::Unlock);
    }
    let log = world.room.moderation_log(id(OWNER)).unwrap();
    assert_eq!((log.len(), log[0].act), (200, ModerationAct::Locked));
}

#[test]
fn an_absurd_number_of_bans_is_refused() {
    let mut world = World::full(|_| {});
    let user = |n: u128| UserId(uuid::Uuid::from_u128(1_000 + n));
    let mut ban = |n: u128| {
        let person = Person { id: user(n), ..person(99) };
        let entry = Entry::default();
        world.room.apply(0, user(n), Command::Join { person, entry }).unwrap();
        let result = world.room.apply(0, id(MOD), Command::Remove { user: user(n), ban: true });
        result.map(drop).map_err(|refusal| refusal.code)
    };
    for n in 0..10_000 {
        assert_eq!(ban(n), Ok(()));
    }
    assert_eq!(ban(10_000), Err(ErrorCode::Busy));
}
