//! The stage: nobody is put there, nobody arrives heard, and a moderator's mute stands.

use palco::config::Rooms;
use palco_protocol::{
    ClientMessage, DirectEvent, ErrorCode, InvitationState, Role, RoomEvent, StageExit,
    StageMember, UserId, YourInvitation,
};

use super::venue::{Told, Venue, Visitor, all_are_told, pass};

fn invited(invitation: Option<YourInvitation>) -> Told {
    Told::Me(DirectEvent::YourInvitation { invitation })
}

fn invitation_of(person: &Visitor, state: InvitationState) -> Told {
    Told::Me(DirectEvent::InvitationUpdated { person: person.person.clone(), state })
}

fn role(role: Role) -> Told {
    Told::Me(DirectEvent::YourRole { role })
}

fn left(user: UserId, reason: StageExit) -> Told {
    Told::All(RoomEvent::StageLeft { user, reason })
}

fn on_stage(told: Told) -> StageMember {
    match told {
        Told::All(RoomEvent::StageUpdated { member }) => member,
        other => panic!("nobody on stage: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_is_the_guests_to_accept_and_brings_them_on_muted() {
    let venue = Venue::open().await;
    let mut host = venue.host().await;
    let mut moderator = venue.moderator("Mo", &host).await;
    let mut guest = venue.listener("Gus", host.room()).await;
    let mut witness = venue.listener("Wim", host.room()).await;
    host.news().await;
    moderator.news().await;

    let before = witness.resumes(&venue).await.expect("in the room");
    moderator.does(ClientMessage::Invite { user: guest.id() }).await;
    let after = witness.resumes(&venue).await.expect("in the room");
    assert_eq!(after.stage, before.stage, "nobody is put on stage");
    let Told::Me(DirectEvent::YourInvitation { invitation: Some(invitation) }) =
        guest.one_news().await
    else {
        panic!("no invitation");
    };
    assert_eq!(invitation.by, moderator.id());
    let sixty_seconds_on = before.now_ms + 60_000..=after.now_ms + 60_000;
    assert!(sixty_seconds_on.contains(&invitation.expires_at_ms), "{invitation:?}");
    let sent = invitation_of(&guest, InvitationState::Sent);
    all_are_told([&mut host, &mut moderator], std::slice::from_ref(&sent)).await;
    // Again it is no second one: who asks is told that it stands.
    host.does(ClientMessage::Invite { user: guest.id() }).await;
    all_are_told([&mut host], &[sent]).await;
    all_are_told([&mut moderator, &mut guest, &mut witness], &[]).await;

    guest.does(ClientMessage::DeclineInvite).await;
    all_are_told([&mut guest], &[invited(None)]).await;
    let declined = invitation_of(&guest, InvitationState::Declined);
    all_are_told([&mut host, &mut moderator], &[declined]).await;
    all_are_told([&mut witness], &[]).await;
    assert_eq!(guest.ask(ClientMessage::AcceptInvite).await, Err(ErrorCode::NoInvitation));

    host.does(ClientMessage::Invite { user: guest.id() }).await;
    guest.does(ClientMessage::AcceptInvite).await;
    let member = on_stage(witness.one_news().await);
    assert_eq!(member.person, guest.person);
    assert_eq!((member.role, member.present), (Role::Speaker, true));
    assert_eq!((member.muted, member.muted_by_moderator), (true, false));
    assert!(member.since_ms >= after.now_ms);
    let news = guest.news().await;
    assert_eq!(
        news[1..],
        [
            invited(None),
            Told::All(RoomEvent::StageUpdated { member: member.clone() }),
            role(Role::Speaker)
        ]
    );
    let again = host.ask(ClientMessage::Invite { user: guest.id() }).await;
    assert_eq!(again, Err(ErrorCode::AlreadyOnStage));

    guest.does(ClientMessage::Unmute).await;
    let heard = StageMember { muted: false, ..member.clone() };
    assert_eq!(on_stage(witness.one_news().await), heard);
    guest.does(ClientMessage::Mute).await;
    assert_eq!(on_stage(witness.one_news().await), member);
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_without_an_answer_expires_and_leaves_the_hand_up() {
    let venue = Venue::open_with(Rooms { invite_expiry_s: 1, ..Rooms::default() }).await;
    let mut host = venue.host().await;
    let mut guest = venue.listener("Gus", host.room()).await;
    let mut witness = venue.listener("Wim", host.room()).await;
    guest.does(ClientMessage::RaiseHand).await;
    host.does(ClientMessage::Invite { user: guest.id() }).await;
    host.news().await;
    guest.news().await;

    assert_eq!(guest.next_news().await, invited(None));
    assert_eq!(host.next_news().await, invitation_of(&guest, InvitationState::Expired));
    assert_eq!(guest.ask(ClientMessage::AcceptInvite).await, Err(ErrorCode::NoInvitation));
    assert_eq!(guest.ask(ClientMessage::DeclineInvite).await, Err(ErrorCode::NoInvitation));
    all_are_told([&mut host, &mut guest, &mut witness], &[]).await;
    let you = guest.resumes(&venue).await.expect("in the room").you;
    assert_eq!((you.hand.map(|hand| hand.position), you.invitation), (Some(1), None));
    // It may be given again.
    host.does(ClientMessage::Invite { user: guest.id() }).await;
    guest.does(ClientMessage::AcceptInvite).await;
    assert_eq!(on_stage(witness.one_news().await).person, guest.person);
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_stage_is_counted_whole_where_only_its_first_are_shown() {
    let venue = Venue::open().await;
    let host = venue.host().await;
    let mut speakers = Vec::new();
    for name in ["Sal", "Sam", "Sue", "Sid", "Sol"] {
        speakers.push(venue.speaker(name, &host).await);
    }
    let shown = async {
        loop {
            let live = venue.house.address.room(host.room()).await.expect("live");
            if live.on_stage == 6 {
                return live.stage.len();
            }
            pass(50).await;
        }
    };
    assert_eq!(tokio::time::timeout(crate::house::SOON, shown).await, Ok(5));
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_step_down_are_moved_and_a_moderator_comes_back_unasked() {
    let venue = Venue::open().await;
    let host = venue.host().await;
    let mut moderator = venue.moderator("Mo", &host).await;
    let mut speaker = venue.speaker("Sue", &host).await;
    let mut witness = venue.listener("Wim", host.room()).await;
    let stage = witness.resumes(&venue).await.expect("in the room").stage;
    let number = |person: &Visitor| {
        stage.iter().find(|member| member.person.id == person.id()).expect("on stage").number
    };
    moderator.news().await;
    speaker.news().await;

    // A moderator in the audience is one still.
    moderator.does(ClientMessage::StepDown).await;
    let stepped_down = left(moderator.id(), StageExit::SteppedDown);
    all_are_told([&mut witness, &mut moderator, &mut speaker], &[stepped_down]).await;
    let snapshot = moderator.resumes(&venue).await.expect("in the room");
    assert_eq!(snapshot.you.role, Role::Moderator);
    assert_eq!((snapshot.stage.len(), snapshot.counts.listeners), (2, 2));
    assert_eq!(moderator.ask(ClientMessage::StepDown).await, Err(ErrorCode::NotOnStage));
    moderator.does(ClientMessage::TakeStage).await;
    let member = on_stage(witness.one_news().await);
    assert_eq!((member.person.id, member.role), (moderator.id(), Role::Moderator));
    assert_eq!((member.number, member.muted), (number(&moderator), true));
    speaker.news().await;

    // A speaker who steps down is a listener, and comes back by no way of their own.
    speaker.does(ClientMessage::StepDown).await;
    let stepped_down = left(speaker.id(), StageExit::SteppedDown);
    all_are_told([&mut witness], std::slice::from_ref(&stepped_down)).await;
    all_are_told([&mut speaker], &[stepped_down, role(Role::Listener)]).await;
    assert_eq!(speaker.ask(ClientMessage::TakeStage).await, Err(ErrorCode::Forbidden));
    assert_eq!(speaker.ask(ClientMessage::AcceptInvite).await, Err(ErrorCode::NoInvitation));

    // Invited again they have the same number, and a moderator may send them back.
    moderator.does(ClientMessage::Invite { user: speaker.id() }).await;
    speaker.does(ClientMessage::AcceptInvite).await;
    assert_eq!(on_stage(witness.one_news().await).number, number(&speaker));
    speaker.news().await;
    moderator.does(ClientMessage::MoveToAudience { user: speaker.id() }).await;
    let moved = left(speaker.id(), StageExit::Moved);
    all_are_told([&mut witness], std::slice::from_ref(&moved)).await;
    all_are_told([&mut speaker], &[moved, role(Role::Listener)]).await;
    let again = moderator.ask(ClientMessage::MoveToAudience { user: speaker.id() }).await;
    assert_eq!(again, Err(ErrorCode::NotOnStage));
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moderators_mute_cannot_be_undone_by_the_muted() {
    let venue = Venue::open().await;
    let host = venue.host().await;
    let mut speaker = venue.speaker("Sue", &host).await;
    let mut witness = venue.listener("Wim", host.room()).await;
    speaker.does(ClientMessage::Unmute).await;
    speaker.news().await;
    let heard = on_stage(witness.one_news().await);

    host.does(ClientMessage::MuteSpeaker { user: speaker.id() }).await;
    let silenced = StageMember { muted: true, muted_by_moderator: true, ..heard };
    let news = Told::All(RoomEvent::StageUpdated { member: silenced.clone() });
    all_are_told([&mut witness], std::slice::from_ref(&news)).await;
    let muted = Told::Me(DirectEvent::YourMute { muted: true, by_moderator: true });
    all_are_told([&mut speaker], &[news, muted]).await;
    assert_eq!(speaker.ask(ClientMessage::Unmute).await, Err(ErrorCode::MutedByModerator));
    all_are_told([&mut witness, &mut speaker], &[]).await;

    // Not by coming again over another connection, and not by a new socket.
    let snapshot = speaker.enter(host.room(), None).await.expect("already there");
    assert!(snapshot.stage.contains(&silenced), "{:?}", snapshot.stage);
    assert_eq!(speaker.ask(ClientMessage::Unmute).await, Err(ErrorCode::MutedByModerator));
    speaker.resumes(&venue).await.expect("in the room");
    assert_eq!(speaker.ask(ClientMessage::Unmute).await, Err(ErrorCode::MutedByModerator));
    all_are_told([&mut witness, &mut speaker], &[]).await;

    // Allowed, they are still silent until they want to speak themselves.
    host.does(ClientMessage::AllowUnmute { user: speaker.id() }).await;
    let allowed = StageMember { muted_by_moderator: false, ..silenced.clone() };
    let news = Told::All(RoomEvent::StageUpdated { member: allowed.clone() });
    all_are_told([&mut witness], std::slice::from_ref(&news)).await;
    let may = Told::Me(DirectEvent::YourMute { muted: true, by_moderator: false });
    all_are_told([&mut speaker], &[news, may]).await;
    speaker.does(ClientMessage::Unmute).await;
    assert_eq!(on_stage(witness.one_news().await), StageMember { muted: false, ..allowed });

    // Nor by leaving: who comes back by a link of the stage is still silenced.
    host.does(ClientMessage::MuteSpeaker { user: speaker.id() }).await;
    let link = super::safety::link(&host, palco_protocol::LinkRole::Speaker, 60_000).await;
    speaker.does(ClientMessage::Leave).await;
    speaker.enter(host.room(), Some(&link)).await.expect("a link");
    speaker.does(ClientMessage::AcceptInvite).await;
    assert_eq!(speaker.ask(ClientMessage::Unmute).await, Err(ErrorCode::MutedByModerator));
    let news = witness.news().await;
    let back = on_stage(news.last().expect("news").clone());
    assert_eq!((back.number, back.muted_by_moderator), (silenced.number, true));

    // But a moderator who invites them wants to hear them.
    speaker.does(ClientMessage::StepDown).await;
    host.does(ClientMessage::Invite { user: speaker.id() }).await;
    speaker.does(ClientMessage::AcceptInvite).await;
    speaker.does(ClientMessage::Unmute).await;
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stage_takes_no_more_than_its_limit() {
    let venue = Venue::open_with(Rooms { max_speakers: 2, ..Rooms::default() }).await;
    let host = venue.host().await;
    let mut ann = venue.listener("Ann", host.room()).await;
    let ben = venue.listener("Ben", host.room()).await;
    let mut witness = venue.listener("Wim", host.room()).await;
    assert_eq!(witness.resumes(&venue).await.expect("in the room").room.max_speakers, 2);
    for person in [&ann, &ben] {
        host.does(ClientMessage::Invite { user: person.id() }).await;
    }
    ann.does(ClientMessage::AcceptInvite).await;
    assert_eq!(on_stage(witness.one_news().await).person, ann.person);

    // Whoever was invited before is too late, and whoever is not cannot be.
    assert_eq!(ben.ask(ClientMessage::AcceptInvite).await, Err(ErrorCode::StageFull));
    let invited = host.ask(ClientMessage::Invite { user: witness.id() }).await;
    assert_eq!(invited, Err(ErrorCode::StageFull));
    all_are_told([&mut witness], &[]).await;
    // The host steps down for them, and is too late as well to come back.
    host.does(ClientMessage::StepDown).await;
    ben.does(ClientMessage::AcceptInvite).await;
    assert_eq!(host.ask(ClientMessage::TakeStage).await, Err(ErrorCode::StageFull));
    let stage = witness.resumes(&venue).await.expect("in the room").stage;
    let stage: Vec<UserId> = stage.iter().map(|member| member.person.id).collect();
    assert_eq!(stage, [ann.id(), ben.id()]);
    // A place gets free: an owner without a seat is host all the same, and takes it.
    ann.news().await;
    ann.does(ClientMessage::Leave).await;
    host.does(ClientMessage::TakeStage).await;
    let news = witness.news().await;
    assert_eq!(news[0], left(ann.id(), StageExit::Left));
    assert_eq!(on_stage(news[1].clone()).role, Role::Host);
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_sees_how_long_a_turn_should_last() {
    let venue = Venue::open().await;
    let mut host = venue.host().await;
    let mut speaker = venue.speaker("Sue", &host).await;
    let mut listener = venue.listener("Lea", host.room()).await;
    host.news().await;
    speaker.news().await;
    let change = ClientMessage::UpdateRoom {
        title: None,
        description: None,
        slow_mode_ms: None,
        turn_ms: Some(120_000),
    };
    host.does(change).await;
    let news = listener.one_news().await;
    let Told::All(RoomEvent::RoomUpdated { room }) = &news else { panic!("{news:?}") };
    assert_eq!((room.turn_ms, room.slow_mode_ms, room.title.as_str()), (120_000, 0, "A room"));
    all_are_told([&mut host, &mut speaker], std::slice::from_ref(&news)).await;
    // Newcomers see since when each speaks, on the clock of the room.
    let snapshot = venue.visitor("New").await.enter(host.room(), None).await.expect("an open door");
    assert_eq!(snapshot.room, *room);
    let since: Vec<u64> = snapshot.stage.iter().map(|member| member.since_ms).collect();
    assert!(since.is_sorted() && since.iter().all(|&since| since <= snapshot.now_ms));
    venue.close().await;
}
