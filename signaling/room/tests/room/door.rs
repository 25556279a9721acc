//! The door: kinds of room, lock, links, bans, fullness.

use palco_protocol::{DirectEvent, ErrorCode, LinkRole, Person, Role, RoomKind, YourInvitation};
use palco_room::{Command, Entry, LinkSecret};

use crate::world::{ANN, BEN, CAT, DAN, MOD, OWNER, World, id, join, join_by, person, tell};

fn enters(n: u8, entry: Entry) -> Command {
    Command::Join { person: person(n), entry }
}

fn guest(n: u8, secret: &str) -> Command {
    let entry = Entry { link: Some(LinkSecret(secret.to_owned())), ..Entry::default() };
    Command::Join { person: Person { guest: true, ..person(n) }, entry }
}

fn create(secret: &str, role: LinkRole, expires_in_ms: u64) -> Command {
    Command::CreateLink { secret: LinkSecret(secret.to_owned()), role, expires_in_ms }
}

fn revoke(secret: &str) -> Command {
    Command::RevokeLink { secret: LinkSecret(secret.to_owned()) }
}

#[test]
fn each_kind_of_room_has_its_guests() {
    let stranger = Entry::default();
    let followed = Entry { followed_by_host: true, ..Entry::default() };
    let invited = Entry { invited: true, ..Entry::default() };
    for (kind, welcome) in [
        (RoomKind::Open, [true, true, true]),
        (RoomKind::Social, [false, true, true]),
        (RoomKind::Closed, [false, false, true]),
    ] {
        for (entry, welcome) in [&stranger, &followed, &invited].into_iter().zip(welcome) {
            let mut world = World::empty(|settings| settings.kind = kind);
            let command = enters(BEN, entry.clone());
            if welcome {
                assert_eq!(world.ok(BEN, command), []);
            } else {
                assert_eq!(world.refused(BEN, command), ErrorCode::NotInvited, "{kind:?}");
            }
            world.ok(OWNER, join(OWNER));
        }
    }
}

#[test]
fn the_blocked_do_not_enter_by_any_way() {
    let mut world = World::full(|_| {});
    world.ok(OWNER, create("secret", LinkRole::Speaker, 60_000));
    let link = Some(LinkSecret("secret".to_owned()));
    let entry = Entry { blocked: true, invited: true, link, ..Entry::default() };
    assert_eq!(world.refused(99, enters(99, entry)), ErrorCode::Blocked);
}

#[test]
fn a_lock_keeps_newcomers_out_and_nobody_else() {
    let mut world = World::full(|_| {});
    world.ok(MOD, create("secret", LinkRole::Listener, 60_000));
    world.ok(MOD, Command::Lock);
    assert_eq!(world.ok(MOD, Command::Lock), []);
    assert_eq!(world.refused(99, join(99)), ErrorCode::RoomLocked);
    world.ok(98, join_by(98, "secret"));
    for n in [OWNER, MOD] {
        world.ok(n, Command::Leave);
        world.ok(n, join(n));
    }
    // Who is lost is still inside; who left is a newcomer.
    world.ok(ANN, Command::Lost);
    world.ok(ANN, Command::Returned);
    world.ok(ANN, Command::Leave);
    assert_eq!(world.refused(ANN, join(ANN)), ErrorCode::RoomLocked);
    world.ok(MOD, Command::Unlock);
    world.ok(99, join(99));
}

#[test]
fn a_full_room_takes_only_those_who_lead_it() {
    let mut world = World::full(|settings| settings.max_people = 6);
    assert_eq!(world.refused(99, join(99)), ErrorCode::RoomFull);
    world.ok(MOD, Command::Leave);
    world.ok(99, join(99));
    world.ok(MOD, join(MOD));
    assert_eq!(world.refused(98, join(98)), ErrorCode::RoomFull);
}

#[test]
fn a_link_works_until_it_expires_or_is_revoked() {
    let mut world = World::full(|_| {});
    world.ok(MOD, create("one", LinkRole::Listener, 10_000));
    world.ok(MOD, create("two", LinkRole::Listener, 20_000));
    world.pass(9_999);
    world.ok(90, join_by(90, "one"));
    world.pass(1);
    assert_eq!(world.refused(91, join_by(91, "one")), ErrorCode::InvalidLink);
    world.ok(91, join_by(91, "two"));
    world.ok(MOD, revoke("two"));
    assert_eq!(world.ok(MOD, revoke("two")), [], "twice");
    assert_eq!(world.refused(92, join_by(92, "two")), ErrorCode::InvalidLink);
    assert_eq!(world.refused(92, join_by(92, "three")), ErrorCode::InvalidLink);
    for n in [90, 91] {
        assert_eq!(world.role(n), Some(Role::Listener), "who came by it stays");
    }
}

#[test]
fn a_link_opens_a_closed_room() {
    let mut world = World::empty(|settings| settings.kind = RoomKind::Closed);
    world.ok(OWNER, join(OWNER));
    world.ok(OWNER, create("secret", LinkRole::Listener, 60_000));
    assert_eq!(world.refused(BEN, join(BEN)), ErrorCode::NotInvited);
    world.ok(BEN, join_by(BEN, "secret"));
    let you = world.room.snapshot(world.now, id(BEN)).unwrap().you;
    assert_eq!((you.role, you.invitation), (Role::Listener, None));
}

#[test]
fn links_have_limits() {
    let mut world = World::full(|_| {});
    world.ok(MOD, create("0", LinkRole::Listener, 1_000));
    let days_30 = 30 * 24 * 3_600_000;
    for bad in [
        create("0", LinkRole::Listener, 1_000),
        create("", LinkRole::Listener, 1_000),
        create("zero", LinkRole::Listener, 0),
        create("long", LinkRole::Listener, days_30 + 1),
    ] {
        assert_eq!(world.refused(MOD, bad), ErrorCode::InvalidField);
    }
    for n in 1..50 {
        world.ok(MOD, create(&n.to_string(), LinkRole::Listener, days_30));
    }
    assert_eq!(world.refused(MOD, create("50", LinkRole::Listener, 1)), ErrorCode::Busy);
    world.pass(1_000);
    world.ok(MOD, create("50", LinkRole::Listener, 1));
    assert_eq!(format!("{:?}", LinkSecret("50".to_owned())), "LinkSecret(..)");
}

#[test]
fn a_speakers_link_is_a_standing_invitation() {
    let mut world = World::full(|_| {});
    world.ok(MOD, create("stage", LinkRole::Speaker, 100_000));
    let expires_at_ms = world.now + 100_000;
    for n in [90, 91, 92] {
        assert_eq!(world.ok(n, guest(n, "stage")), [], "nobody waits for an answer");
        let you = world.room.snapshot(world.now, id(n)).unwrap().you;
        assert_eq!(you.invitation, Some(YourInvitation { by: id(MOD), expires_at_ms }));
    }
    world.pass(90_000);
    world.ok(90, Command::AcceptInvite);
    assert!(world.member(90).unwrap().muted);
    let withdrawn = |n| tell(n, DirectEvent::YourInvitation { invitation: None });
    // A moderator's own invitation comes in its place, and does not go with the link.
    world.ok(MOD, Command::Invite { user: id(92) });
    assert_eq!(world.ok(MOD, revoke("stage")), [withdrawn(91)]);
    world.ok(92, Command::AcceptInvite);
    assert_eq!(world.refused(91, Command::AcceptInvite), ErrorCode::NoInvitation);
}

#[test]
fn a_speakers_link_does_not_undo_a_moderators_mute() {
    let mut world = World::full(|_| {});
    world.ok(MOD, create("stage", LinkRole::Speaker, 100_000));
    world.ok(MOD, Command::MuteSpeaker { user: id(ANN) });
    world.ok(ANN, Command::Leave);
    world.ok(ANN, join_by(ANN, "stage"));
    world.ok(ANN, Command::AcceptInvite);
    assert!(world.member(ANN).unwrap().muted_by_moderator);
}

#[test]
fn a_ban_survives_rejoining_and_closes_the_link_to_guests() {
    let mut world = World::full(|_| {});
    world.ok(MOD, create("secret", LinkRole::Listener, 1_000_000));
    world.ok(MOD, create("other", LinkRole::Listener, 1_000_000));
    world.ok(90, guest(90, "secret"));
    world.ok(MOD, Command::Remove { user: id(90), ban: true });
    assert_eq!(world.refused(90, join(90)), ErrorCode::Banned);
    assert_eq!(world.refused(90, guest(90, "other")), ErrorCode::Banned);
    // A new guest by the same link might be the same person; accounts are known, other links not his.
    assert_eq!(world.refused(91, guest(91, "secret")), ErrorCode::InvalidLink);
    world.ok(92, join_by(92, "secret"));
    world.ok(93, guest(93, "other"));
    world.ok(MOD, Command::Unban { user: id(90) });
    world.ok(90, join(90));
}

#[test]
fn a_banned_guest_is_known_under_another_name_by_where_they_come_from() {
    let mut world = World::full(|_| {});
    let from = |n, guest, origin| {
        let entry = Entry { origin: Some(origin), ..Entry::default() };
        Command::Join { person: Person { guest, ..person(n) }, entry }
    };
    world.ok(90, from(90, true, 7));
    world.ok(MOD, Command::Remove { user: id(90), ban: true });
    assert_eq!(world.refused(91, from(91, true, 7)), ErrorCode::Banned);
    world.ok(92, from(92, true, 8));
    world.ok(93, from(93, false, 7));
    world.ok(94, guest_from_nowhere(94));
    world.ok(MOD, Command::Unban { user: id(90) });
    world.ok(91, from(91, true, 7));
}

fn guest_from_nowhere(n: u8) -> Command {
    Command::Join { person: Person { guest: true, ..person(n) }, entry: Entry::default() }
}

#[test]
fn who_may_be_here_no_longer_is_out_and_no_moderator_any_more() {
    let mut world = World::full(|_| {});
    world.ok(MOD, Command::Evict);
    assert!(!world.room.is_present(id(MOD)));
    assert_eq!(world.ok(MOD, Command::Evict), []);
    world.ok(MOD, join(MOD));
    assert_eq!(world.room.role_of(id(MOD)), Some(Role::Listener));
}

#[test]
fn a_room_can_open_with_moderators() {
    let mut world = World::empty(|settings| settings.moderators = vec![id(OWNER), id(ANN)]);
    world.ok(OWNER, join(OWNER));
    world.ok(ANN, join(ANN));
    assert_eq!(world.room.role_of(id(ANN)), Some(Role::Moderator));
}

#[test]
fn who_vanishes_can_still_be_banned() {
    let mut world = World::full(|_| {});
    world.ok(BEN, Command::Leave);
    let remove = |ban| Command::Remove { user: id(BEN), ban };
    assert_eq!(world.refused(MOD, remove(false)), ErrorCode::NotPresent);
    world.ok(MOD, remove(true));
    assert_eq!(world.ok(MOD, remove(true)), []);
    assert_eq!(world.refused(BEN, join(BEN)), ErrorCode::Banned);
    // Not a moderator by another, nor somebody never seen.
    world.ok(OWNER, Command::Invite { user: id(CAT) });
    world.ok(CAT, Command::AcceptInvite);
    world.ok(OWNER, Command::MakeModerator { user: id(CAT) });
    world.ok(CAT, Command::Leave);
    let cat = Command::Remove { user: id(CAT), ban: true };
    assert_eq!(world.refused(MOD, cat), ErrorCode::Forbidden);
    let never = Command::Remove { user: id(99), ban: true };
    assert_eq!(world.refused(MOD, never), ErrorCode::NotPresent);
}

#[test]
fn the_last_256_who_left_are_remembered() {
    let mut world = World::full(|_| {});
    for n in [BEN, CAT] {
        world.ok(n, Command::Leave);
    }
    // Entering and leaving again moves Ben behind those who follow.
    for _ in 0..255 {
        world.ok(DAN, Command::Leave);
        world.ok(DAN, join(DAN));
    }
    let ban = |n| Command::Remove { user: id(n), ban: true };
    assert_eq!(world.refused(MOD, ban(BEN)), ErrorCode::NotPresent);
    world.ok(MOD, ban(CAT));
    // Dan left often: the oldest of those times is forgotten, Dan is not.
    world.ok(DAN, Command::Leave);
    world.ok(MOD, ban(DAN));
}
