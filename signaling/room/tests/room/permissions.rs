//! The permission table, cell by cell: what each role is told of each command.

use palco_protocol::{
    ErrorCode::{self, AlreadyOnStage, Forbidden, NoInvitation, NotOnStage},
    HandPolicy, LinkRole, Reaction, Role,
};
use palco_room::{Command, LinkSecret};

use crate::world::{ANN, BEN, CAT, DAN, MOD, OWNER, RAISE, World, id, join};

const OK: Option<ErrorCode> = None;
const NO: Option<ErrorCode> = Some(Forbidden);
const OFF: Option<ErrorCode> = Some(NotOnStage);
const ON: Option<ErrorCode> = Some(AlreadyOnStage);
const NONE: Option<ErrorCode> = Some(NoInvitation);

/// Cat is a speaker, Dan's hand is up. With an acting host, it is `MOD`, and the owner's connection is
/// lost.
fn world(acting: bool) -> World {
    let mut world = World::full(|settings| settings.timers.host_grace_ms = 0);
    world.promote(CAT);
    world.ok(DAN, RAISE);
    if acting {
        world.ok(OWNER, Command::Lost);
        world.pass(0);
        assert_eq!(world.role(MOD), Some(Role::Host));
    }
    world
}

fn outcome(mut world: World, by: u8, command: Command) -> Option<ErrorCode> {
    match world.room.clone().apply(world.now, id(by), command.clone()) {
        Ok(_) => None,
        Err(_) => Some(world.refused(by, command)),
    }
}

#[test]
fn every_cell_of_the_table() {
    let (cat, dan) = (id(CAT), id(DAN));
    let secret = || LinkSecret("secret".to_owned());
    let (url, reason) = (Some("https://example.org".to_owned()), "rude".to_owned());
    let create =
        Command::CreateLink { secret: secret(), role: LinkRole::Listener, expires_in_ms: 1_000 };
    let update = Command::UpdateRoom {
        title: Some("new".to_owned()),
        description: None,
        slow_mode_ms: None,
        turn_ms: None,
    };
    #[rustfmt::skip]
    let table = [
        //                                           listener speaker moderator acting owner
        (RAISE,                                          [OK,   NO,  NO,  NO,  NO]),
        (Command::LowerHand,                             [OK,   OK,  OK,  OK,  OK]),
        (Command::AcceptInvite,                          [NONE, ON,  ON,  ON,  ON]),
        (Command::DeclineInvite,                         [NONE, NONE, NONE, NONE, NONE]),
        (Command::Chat { text: "hello".to_owned() },     [OK,   OK,  OK,  OK,  OK]),
        (Command::React { reaction: Reaction::Clap },    [OK,   OK,  OK,  OK,  OK]),
        (Command::Report { user: dan, reason },          [OK,   OK,  OK,  OK,  OK]),
        (Command::StepDown,                              [OFF,  OK,  OK,  OK,  OK]),
        (Command::Mute,                                  [OFF,  OK,  OK,  OK,  OK]),
        (Command::Unmute,                                [OFF,  OK,  OK,  OK,  OK]),
        (Command::PingFollower { user: id(99), follows: true }, [OFF, OK, OK, OK, OK]),
        (Command::TakeStage,                             [NO,   NO,  OK,  OK,  OK]),
        (Command::Invite { user: dan },                  [NO,   NO,  OK,  OK,  OK]),
        (Command::DismissHand { user: dan },             [NO,   NO,  OK,  OK,  OK]),
        (Command::MuteSpeaker { user: cat },             [NO,   NO,  OK,  OK,  OK]),
        (Command::AllowUnmute { user: cat },             [NO,   NO,  OK,  OK,  OK]),
        (Command::MoveToAudience { user: cat },          [NO,   NO,  OK,  OK,  OK]),
        (Command::Remove { user: dan, ban: false },      [NO,   NO,  OK,  OK,  OK]),
        (Command::Remove { user: dan, ban: true },       [NO,   NO,  OK,  OK,  OK]),
        (Command::Unban { user: dan },                   [NO,   NO,  OK,  OK,  OK]),
        (Command::SetHandPolicy { policy: HandPolicy::Off }, [NO, NO, OK, OK,  OK]),
        (Command::Lock,                                  [NO,   NO,  OK,  OK,  OK]),
        (Command::Unlock,                                [NO,   NO,  OK,  OK,  OK]),
        (Command::PinLink { url },                       [NO,   NO,  OK,  OK,  OK]),
        (update,                                         [NO,   NO,  OK,  OK,  OK]),
        (create,                                         [NO,   NO,  OK,  OK,  OK]),
        (Command::RevokeLink { secret: secret() },       [NO,   NO,  OK,  OK,  OK]),
        (Command::MakeModerator { user: cat },           [NO,   NO,  NO,  OK,  OK]),
        (Command::RevokeModerator { user: cat },         [NO,   NO,  NO,  OK,  OK]),
        (Command::TransferHost { user: cat },            [NO,   NO,  NO,  NO,  OK]),
        (Command::EndRoom,                               [NO,   NO,  NO,  NO,  OK]),
    ];
    for (command, cells) in table {
        let actors = [(BEN, false), (ANN, false), (MOD, false), (MOD, true), (OWNER, false)];
        for ((by, acting), expected) in actors.into_iter().zip(cells) {
            let told = outcome(world(acting), by, command.clone());
            assert_eq!(told, expected, "{command:?} of {by}, acting: {acting}");
        }
    }
}

/// Only against those below: speaker, moderator, acting host, owner.
#[test]
fn nobody_acts_against_an_equal_or_somebody_above() {
    let against = |user: u8| {
        let user = id(user);
        [
            Command::MuteSpeaker { user },
            Command::AllowUnmute { user },
            Command::MoveToAudience { user },
            Command::Remove { user, ban: false },
            Command::Remove { user, ban: true },
        ]
    };
    // Ann speaks; Cat is another moderator.
    let second_moderator = |acting| {
        let mut world = world(false);
        world.ok(OWNER, Command::MakeModerator { user: id(CAT) });
        if acting {
            world.ok(OWNER, Command::Lost);
            world.pass(0);
        }
        world
    };
    let cells = [
        (false, MOD, [(ANN, OK), (CAT, NO), (MOD, NO), (OWNER, NO)]),
        (true, CAT, [(ANN, OK), (CAT, NO), (MOD, NO), (OWNER, NO)]),
        (true, MOD, [(ANN, OK), (CAT, OK), (MOD, NO), (OWNER, NO)]),
        (false, OWNER, [(ANN, OK), (CAT, OK), (MOD, OK), (OWNER, NO)]),
    ];
    for (acting, by, targets) in cells {
        for (target, expected) in targets {
            for command in against(target) {
                let told = outcome(second_moderator(acting), by, command.clone());
                assert_eq!(told, expected, "{command:?} of {by}, acting: {acting}");
            }
        }
    }
    for (by, acting, target, expected) in
        [(OWNER, false, MOD, OK), (MOD, true, CAT, OK), (MOD, true, MOD, NO), (CAT, true, MOD, NO)]
    {
        let command = Command::RevokeModerator { user: id(target) };
        assert_eq!(outcome(second_moderator(acting), by, command), expected, "{by} of {target}");
    }
}

#[test]
fn the_log_is_the_hosts_to_read() {
    for (by, acting, expected) in
        [(BEN, false, NO), (ANN, false, NO), (MOD, false, NO), (MOD, true, OK), (OWNER, false, OK)]
    {
        let world = world(acting);
        let told = world.room.moderation_log(id(by)).err().map(|refusal| refusal.code);
        assert_eq!(told, expected, "{by}, acting: {acting}");
    }
    assert_eq!(
        world(false).room.moderation_log(id(99)).map_err(|refusal| refusal.code),
        Err(ErrorCode::NotJoined)
    );
}

#[test]
fn who_is_not_in_the_room_may_only_come_and_go() {
    let mut world = World::full(|_| {});
    for command in [RAISE, Command::Mute, Command::EndRoom, Command::Returned] {
        assert_eq!(world.refused(99, command), ErrorCode::NotJoined);
    }
    assert_eq!(world.ok(99, Command::Leave), []);
    assert_eq!(world.ok(99, Command::Lost), []);
    assert_eq!(world.ok(99, join(99)), []);
    // Under another's name nobody comes in.
    assert_eq!(world.refused(98, join(97)), ErrorCode::Internal);
}
