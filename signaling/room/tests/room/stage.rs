//! The stage: invitations, arrivals, mutes, exits.

use palco_protocol::{
    DirectEvent, ErrorCode, InvitationState, ModerationAct, Role, RoomEvent, SpeakerNumber,
    StageExit, YourInvitation,
};
use palco_room::{Command, Effect};

use crate::world::{
    ANN, BEN, CAT, DAN, MOD, OWNER, RAISE, World, all, allow, hand_down, id, join, moderators,
    person, stop, tell, your_role,
};

fn invitation(n: u8, by: u8, expires_at_ms: u64) -> Effect {
    let invitation = Some(YourInvitation { by: id(by), expires_at_ms });
    tell(n, DirectEvent::YourInvitation { invitation })
}

fn no_invitation(n: u8) -> Effect {
    tell(n, DirectEvent::YourInvitation { invitation: None })
}

fn invited(n: u8, state: InvitationState) -> Effect {
    moderators(DirectEvent::InvitationUpdated { person: person(n), state })
}

fn left(n: u8, reason: StageExit) -> Effect {
    all(RoomEvent::StageLeft { user: id(n), reason })
}

fn your_mute(n: u8, by_moderator: bool) -> Effect {
    tell(n, DirectEvent::YourMute { muted: true, by_moderator })
}

#[test]
fn from_hand_to_speech() {
    let mut world = World::full(|_| {});
    world.ok(BEN, RAISE);
    let effects = world.ok(MOD, Command::Invite { user: id(BEN) });
    let expires = world.now + 60_000;
    assert_eq!(effects, [invitation(BEN, MOD, expires), invited(BEN, InvitationState::Sent)]);
    let stands =
        DirectEvent::InvitationUpdated { person: person(BEN), state: InvitationState::Sent };
    assert_eq!(world.ok(OWNER, Command::Invite { user: id(BEN) }), [tell(OWNER, stands)]);
    world.pass(5_000);
    let effects = world.ok(BEN, Command::AcceptInvite);
    let member = world.member(BEN).unwrap();
    assert_eq!((member.number, member.since_ms), (SpeakerNumber(4), world.now));
    assert!(member.muted && !member.muted_by_moderator && member.present);
    assert_eq!(
        effects,
        [
            no_invitation(BEN),
            moderators(DirectEvent::HandLowered { user: id(BEN) }),
            hand_down(BEN),
            world.stage_updated(BEN),
            your_role(BEN, Role::Speaker),
            invited(BEN, InvitationState::Accepted),
        ]
    );
    assert_eq!(world.ok(BEN, Command::Unmute), [world.stage_updated(BEN), allow(BEN, 4)]);
    assert_eq!(world.room.sending(id(BEN)), Some(SpeakerNumber(4)));
    assert_eq!(world.ok(BEN, Command::Unmute), []);
    assert_eq!(world.ok(BEN, Command::Mute), [world.stage_updated(BEN), stop(BEN)]);
    assert_eq!(world.ok(BEN, Command::Mute), []);
    assert_eq!(world.refused(MOD, Command::Invite { user: id(BEN) }), ErrorCode::AlreadyOnStage);
}

#[test]
fn an_invitation_is_declined_with_the_hand() {
    let mut world = World::full(|_| {});
    world.ok(BEN, RAISE);
    world.ok(MOD, Command::Invite { user: id(BEN) });
    assert_eq!(
        world.ok(BEN, Command::DeclineInvite),
        [
            no_invitation(BEN),
            moderators(DirectEvent::HandLowered { user: id(BEN) }),
            hand_down(BEN),
            invited(BEN, InvitationState::Declined),
        ]
    );
    assert_eq!(world.refused(BEN, Command::AcceptInvite), ErrorCode::NoInvitation);
    assert_eq!(world.refused(BEN, Command::DeclineInvite), ErrorCode::NoInvitation);
}

#[test]
fn who_leaves_invited_is_told_of() {
    let mut world = World::full(|_| {});
    world.ok(MOD, Command::Invite { user: id(BEN) });
    assert_eq!(world.ok(BEN, Command::Leave), [invited(BEN, InvitationState::Expired)]);
    assert_eq!(world.refused(MOD, Command::Invite { user: id(BEN) }), ErrorCode::NotPresent);
}

#[test]
fn a_full_stage_takes_nobody_and_the_invitation_stands() {
    let mut world = World::full(|settings| settings.max_speakers = 4);
    world.ok(MOD, Command::Invite { user: id(BEN) });
    world.promote(CAT);
    assert_eq!(world.refused(BEN, Command::AcceptInvite), ErrorCode::StageFull);
    assert_eq!(world.refused(MOD, Command::Invite { user: id(DAN) }), ErrorCode::StageFull);
    world.ok(MOD, Command::StepDown);
    world.ok(BEN, Command::AcceptInvite);
    assert_eq!(world.refused(MOD, Command::TakeStage), ErrorCode::StageFull);
    assert_eq!(world.on_stage(), [OWNER, ANN, CAT, BEN].map(id));
}

#[test]
fn a_stage_has_between_one_and_fifty_seats() {
    for (asked, given) in [(0, 1), (13, 13), (1_000, 50)] {
        let world = World::empty(|settings| settings.max_speakers = asked);
        assert_eq!(world.info().max_speakers, given);
    }
}

#[test]
fn a_moderator_steps_down_and_takes_the_stage_again() {
    let mut world = World::full(|_| {});
    world.ok(MOD, Command::Unmute);
    assert_eq!(
        world.ok(MOD, Command::StepDown),
        [stop(MOD), left(MOD, StageExit::SteppedDown)],
        "they stay a moderator"
    );
    assert_eq!(world.role(MOD), Some(Role::Moderator));
    assert_eq!(world.refused(MOD, Command::StepDown), ErrorCode::NotOnStage);
    world.ok(OWNER, Command::Invite { user: id(MOD) });
    let effects = world.ok(MOD, Command::TakeStage);
    assert_eq!(effects, [no_invitation(MOD), world.stage_updated(MOD)]);
    let member = world.member(MOD).unwrap();
    assert_eq!((member.role, member.number), (Role::Moderator, SpeakerNumber(2)));
    assert!(member.muted, "arrived muted");
    assert_eq!(world.ok(MOD, Command::TakeStage), []);
}

#[test]
fn a_speaker_steps_down_to_a_listener() {
    let mut world = World::full(|_| {});
    let effects = world.ok(ANN, Command::StepDown);
    assert_eq!(effects, [left(ANN, StageExit::SteppedDown), your_role(ANN, Role::Listener)]);
    assert_eq!(world.room.counts().listeners, 4);
}

#[test]
fn a_speaker_is_moved_to_the_audience() {
    let mut world = World::full(|_| {});
    world.ok(ANN, Command::Unmute);
    let moved = || Command::MoveToAudience { user: id(ANN) };
    assert_eq!(
        world.ok(MOD, moved()),
        [
            stop(ANN),
            left(ANN, StageExit::Moved),
            your_role(ANN, Role::Listener),
            world.record(MOD, ModerationAct::MovedToAudience, Some(ANN)),
        ]
    );
    assert_eq!(world.refused(MOD, moved()), ErrorCode::NotOnStage);
    let absent = Command::MoveToAudience { user: id(99) };
    assert_eq!(world.refused(MOD, absent), ErrorCode::NotPresent);
}

#[test]
fn the_muted_cannot_undo_it_and_then_only_they_can() {
    let mut world = World::full(|_| {});
    world.ok(ANN, Command::Unmute);
    let effects = world.ok(MOD, Command::MuteSpeaker { user: id(ANN) });
    let muted = world.record(MOD, ModerationAct::Muted, Some(ANN));
    assert_eq!(effects, [world.stage_updated(ANN), stop(ANN), your_mute(ANN, true), muted]);
    assert_eq!(world.ok(MOD, Command::MuteSpeaker { user: id(ANN) }), []);
    assert_eq!(world.refused(ANN, Command::Unmute), ErrorCode::MutedByModerator);
    let effects = world.ok(OWNER, Command::AllowUnmute { user: id(ANN) });
    let allowed = world.record(OWNER, ModerationAct::AllowedUnmute, Some(ANN));
    assert_eq!(effects, [world.stage_updated(ANN), your_mute(ANN, false), allowed]);
    assert!(world.member(ANN).unwrap().muted, "nobody opens another's microphone");
    assert_eq!(world.ok(OWNER, Command::AllowUnmute { user: id(ANN) }), []);
    assert_eq!(world.ok(ANN, Command::Unmute), [world.stage_updated(ANN), allow(ANN, 3)]);
}

#[test]
fn a_mute_by_a_moderator_outlives_leaving_but_not_a_new_invitation() {
    let mut world = World::full(|_| {});
    world.ok(OWNER, Command::MuteSpeaker { user: id(MOD) });
    world.ok(MOD, Command::StepDown);
    world.ok(MOD, Command::Leave);
    world.ok(MOD, join(MOD));
    world.ok(MOD, Command::TakeStage);
    assert!(world.member(MOD).unwrap().muted_by_moderator);
    assert_eq!(world.refused(MOD, Command::Unmute), ErrorCode::MutedByModerator);
    world.ok(MOD, Command::StepDown);
    world.promote(MOD);
    assert!(!world.member(MOD).unwrap().muted_by_moderator);
}

#[test]
fn a_number_is_one_persons_for_good() {
    let mut world = World::full(|_| {});
    world.ok(ANN, Command::Leave);
    world.promote(BEN);
    assert_eq!(world.member(BEN).unwrap().number, SpeakerNumber(4));
    world.ok(ANN, join(ANN));
    world.promote(ANN);
    assert_eq!(world.member(ANN).unwrap().number, SpeakerNumber(3));
    assert_eq!(world.on_stage(), [OWNER, MOD, BEN, ANN].map(id), "in the order of coming");
}
