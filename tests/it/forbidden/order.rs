//! Requests out of order, twice, too large, forged, unknown.

use palco_protocol::{
    ClientMessage as M, ErrorCode, HandPolicy, LinkRole, Reaction, Reply, Role, RoomEvent, RoomId,
    UserId, limits,
};

use super::{Witness, chat, code};
use crate::rules::venue::{Told, Venue, Visitor, all_are_told};

/// One of each request that needs a room.
fn of_a_room() -> Vec<M> {
    let user = UserId(uuid::Uuid::nil());
    let text = || "x".to_owned();
    vec![
        M::RestartIce { offer: text() },
        M::RaiseHand,
        M::LowerHand,
        M::AcceptInvite,
        M::DeclineInvite,
        M::TakeStage,
        M::StepDown,
        M::Mute,
        M::Unmute,
        M::Invite { user },
        M::DismissHand { user },
        M::MuteSpeaker { user },
        M::AllowUnmute { user },
        M::MoveToAudience { user },
        M::MakeModerator { user },
        M::RevokeModerator { user },
        M::TransferHost { user },
        M::Remove { user, ban: true },
        M::Unban { user },
        M::SetHandPolicy { policy: HandPolicy::Off },
        M::Lock,
        M::Unlock,
        M::EndRoom,
        chat("x"),
        M::React { reaction: Reaction::Clap },
        M::PinLink { url: None },
        M::UpdateRoom { title: None, description: None, slow_mode_ms: None, turn_ms: None },
        M::PingFollower { user },
        M::Audience { cursor: None },
        M::CreateLink { role: LinkRole::Listener, expires_in_ms: 1 },
        M::RevokeLink { link: text() },
        M::Report { user, reason: text() },
        M::ModerationLog,
    ]
}

async fn is_in_no_room(visitor: &Visitor) {
    for message in of_a_room() {
        let answer = visitor.request(message.clone()).await.map_err(|error| error.code);
        assert_eq!(answer, Err(ErrorCode::NotJoined), "{message:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_in_no_room_can_only_enter_one() {
    let venue = Venue::open().await;
    let host = venue.host().await;
    let mut moderator = venue.moderator("Mo", &host).await;
    moderator.sees_counts(0, 0).await;
    let mut witness = Witness::of(&venue, moderator).await;
    let mut outsider = venue.visitor("Out").await;
    is_in_no_room(&outsider).await;
    let nowhere = RoomId(uuid::Uuid::nil());
    assert_eq!(outsider.enter(nowhere, None).await, Err(ErrorCode::RoomNotFound));
    outsider.does(M::Leave).await;
    witness.saw_nothing(&venue, "somebody outside").await;

    // Nor who was in one, and left it twice; nor the host, once it is over.
    let mut visitor = venue.listener("Gone", host.room()).await;
    visitor.does(M::Leave).await;
    visitor.does(M::Leave).await;
    visitor.does(M::Ping).await;
    is_in_no_room(&visitor).await;
    let room = host.room();
    host.does(M::EndRoom).await;
    assert_eq!(host.ask(M::Mute).await, Err(ErrorCode::NotJoined));
    assert_eq!(visitor.enter(room, None).await, Err(ErrorCode::RoomNotFound));
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_too_early_is_refused_by_name() {
    let venue = Venue::open().await;
    let host = venue.host().await;
    let mut moderator = venue.moderator("Mo", &host).await;
    let listener = venue.listener("Lea", host.room()).await;
    let speaker = venue.speaker("Sue", &host).await;
    let (here, stranger) = (listener.id(), UserId(uuid::Uuid::nil()));
    moderator.sees_counts(1, 0).await;
    let mut witness = Witness::of(&venue, moderator).await;
    for (by, message, code) in [
        (&listener, M::AcceptInvite, ErrorCode::NoInvitation),
        (&listener, M::DeclineInvite, ErrorCode::NoInvitation),
        (&listener, M::Unmute, ErrorCode::NotOnStage),
        (&listener, M::Mute, ErrorCode::NotOnStage),
        (&listener, M::StepDown, ErrorCode::NotOnStage),
        (&speaker, M::AcceptInvite, ErrorCode::AlreadyOnStage),
        (&speaker, M::RaiseHand, ErrorCode::Forbidden),
        (&host, M::DismissHand { user: here }, ErrorCode::NoHand),
        (&host, M::DismissHand { user: stranger }, ErrorCode::NotPresent),
        (&host, M::Invite { user: stranger }, ErrorCode::NotPresent),
        (&host, M::Invite { user: speaker.id() }, ErrorCode::AlreadyOnStage),
        (&host, M::MuteSpeaker { user: here }, ErrorCode::NotOnStage),
        (&host, M::AllowUnmute { user: here }, ErrorCode::NotOnStage),
        (&host, M::MoveToAudience { user: here }, ErrorCode::NotOnStage),
        (&host, M::MakeModerator { user: here }, ErrorCode::NotOnStage),
        (&host, M::TransferHost { user: here }, ErrorCode::NotOnStage),
        (&host, M::TransferHost { user: stranger }, ErrorCode::NotPresent),
        (&host, M::RevokeModerator { user: stranger }, ErrorCode::NotPresent),
        (&host, M::Remove { user: stranger, ban: true }, ErrorCode::NotPresent),
    ] {
        assert_eq!(by.ask(message.clone()).await, Err(code), "{message:?}");
    }
    // What is so already is fine, and nothing.
    listener.does(M::LowerHand).await;
    speaker.does(M::Mute).await;
    host.does(M::TakeStage).await;
    host.does(M::AllowUnmute { user: speaker.id() }).await;
    host.does(M::RevokeModerator { user: speaker.id() }).await;
    host.does(M::Unban { user: stranger }).await;
    host.does(M::RevokeLink { link: String::new() }).await;
    host.does(M::Unlock).await;
    witness.saw_nothing(&venue, "what cannot be now").await;
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn joining_twice_is_joining_once_and_another_room_must_wait() {
    let venue = Venue::open().await;
    let host = venue.host().await;
    let other = venue.host().await;
    let mut moderator = venue.moderator("Mo", &host).await;
    let mut listener = venue.listener("Lea", host.room()).await;
    listener.does(M::RaiseHand).await;
    moderator.sees_counts(1, 1).await;
    let mut witness = Witness::of(&venue, moderator).await;
    let first = listener.enter(host.room(), None).await.expect("again");
    let second = listener.enter(host.room(), None).await.expect("and again");
    assert_eq!((first.you, first.seq), (second.you, second.seq));
    assert_eq!(listener.enter(other.room(), None).await, Err(ErrorCode::AlreadyJoined));
    let offer = "x".repeat(limits::OFFER_MAX_BYTES + 1);
    let join = M::Join { room: host.room(), offer, link: None };
    assert_eq!(listener.ask(join).await, Err(ErrorCode::BadOffer));
    witness.saw_nothing(&venue, "joining again").await;
    let you = listener.resumes(&venue).await.expect("in the first room still").you;
    assert_eq!(you.hand.map(|hand| hand.position), Some(1));
    venue.close().await;
}

/// The lines of chat among the news.
fn lines(news: &[Told]) -> Vec<&str> {
    let line = |told| match told {
        &Told::All(RoomEvent::Chat { ref message }) => Some(message.text.as_str()),
        _ => None,
    };
    news.iter().filter_map(line).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_that_was_answered_gets_the_same_answer_and_does_nothing_more() {
    let venue = Venue::open().await;
    let host = venue.host().await;
    let mut visitor = venue.listener("Vic", host.room()).await;
    let mut witness = venue.listener("Wim", host.room()).await;

    // The first of an id counts, whatever comes under it later; also on a new socket.
    let first = r#"{"id":900,"type":"chat","text":"first"}"#;
    assert_eq!(visitor.sends(first, 900).await, Reply::Ok);
    let second = r#"{"id":900,"type":"chat","text":"second"}"#;
    assert_eq!(visitor.sends(second, 900).await, Reply::Ok);
    assert_eq!(visitor.sends(r#"{"id":900,"type":"end_room"}"#, 900).await, Reply::Ok);
    visitor.loses_socket();
    visitor.resumes(&venue).await.expect("in the room");
    assert_eq!(visitor.sends(first, 900).await, Reply::Ok);
    // Refusals as well, though it would be allowed by now.
    let unmute = r#"{"id":901,"type":"unmute"}"#;
    assert_eq!(code(&visitor.sends(unmute, 901).await), Some(ErrorCode::NotOnStage));
    host.does(M::Invite { user: visitor.id() }).await;
    visitor.does(M::AcceptInvite).await;
    assert_eq!(code(&visitor.sends(unmute, 901).await), Some(ErrorCode::NotOnStage));
    let anew = r#"{"id":902,"type":"unmute"}"#;
    assert_eq!(visitor.sends(anew, 902).await, Reply::Ok);
    // Ids need no order, and are each session's own.
    assert_eq!(visitor.sends(r#"{"id":7,"type":"chat","text":"late"}"#, 7).await, Reply::Ok);
    let own = r#"{"id":900,"type":"chat","text":"another's"}"#;
    assert_eq!(witness.sends(own, 900).await, Reply::Ok);
    assert_eq!(lines(&witness.news().await), ["first", "late", "another's"]);

    // Sixteen answers later an id is new.
    for n in 0..16 {
        let reaction = if n < 10 { M::React { reaction: Reaction::Fire } } else { M::Mute };
        visitor.does(reaction).await;
    }
    assert_eq!(visitor.sends(second, 900).await, Reply::Ok);
    assert_eq!(lines(&witness.news().await), ["second"]);
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_whose_answer_was_lost_is_not_done_twice() {
    let venue = Venue::open().await;
    let host = venue.host().await;
    let mut visitor = venue.listener("Vic", host.room()).await;
    let mut witness = venue.listener("Wim", host.room()).await;
    let line = r#"{"id":900,"type":"chat","text":"once"}"#;
    visitor.client().send_text(line).await.expect("sent");
    // It arrived; its answer may or may not have come before the socket broke.
    assert_eq!(lines(&[witness.next_news().await]), ["once"]);
    visitor.loses_socket();
    visitor.resumes(&venue).await.expect("in the room");
    assert_eq!(visitor.sends(line, 900).await, Reply::Ok);
    all_are_told([&mut witness], &[]).await;
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_of_the_wrong_size_or_kind_are_refused() {
    let venue = Venue::open().await;
    let mut host = venue.host().await;
    let mut moderator = venue.moderator("Mo", &host).await;
    moderator.sees_counts(0, 0).await;
    let mut witness = Witness::of(&venue, moderator).await;
    let long = |chars| "\u{1f3a4}".repeat(chars);
    let (chat, report) = (long(limits::CHAT_MAX_CHARS + 1), long(limits::REPORT_MAX_CHARS + 1));
    let (title, text) =
        (long(limits::TITLE_MAX_CHARS + 1), long(limits::DESCRIPTION_MAX_CHARS + 1));
    let (someone, secret) = (witness.visitor.id(), "x".repeat(30_000));
    let deep = "[".repeat(30_000);
    let cases = [
        (format!(r#""type":"chat","text":"{chat}""#), ErrorCode::InvalidField),
        (r#""type":"chat","text":"  ""#.to_owned(), ErrorCode::InvalidField),
        (r#""type":"chat","text":"a\u0000b""#.to_owned(), ErrorCode::InvalidField),
        (r#""type":"chat","text":"a\u001b[2Jb""#.to_owned(), ErrorCode::InvalidField),
        (
            format!(r#""type":"report","user":"{someone}","reason":"{report}""#),
            ErrorCode::InvalidField,
        ),
        (format!(r#""type":"update_room","title":"{title}""#), ErrorCode::InvalidField),
        (format!(r#""type":"update_room","description":"{text}""#), ErrorCode::InvalidField),
        (r#""type":"update_room","slow_mode_ms":4294967296"#.to_owned(), ErrorCode::InvalidField),
        (r#""type":"update_room","turn_ms":-1"#.to_owned(), ErrorCode::InvalidField),
        (r#""type":"update_room","turn_ms":1.5"#.to_owned(), ErrorCode::InvalidField),
        (
            r#""type":"create_link","role":"host","expires_in_ms":1000"#.to_owned(),
            ErrorCode::InvalidField,
        ),
        (
            r#""type":"create_link","role":"speaker","expires_in_ms":-1"#.to_owned(),
            ErrorCode::InvalidField,
        ),
        (r#""type":"set_hand_policy","policy":"mine""#.to_owned(), ErrorCode::InvalidField),
        (r#""type":"react","reaction":"tomato""#.to_owned(), ErrorCode::InvalidField),
        (r#""type":"invite","user":"00000000""#.to_owned(), ErrorCode::InvalidField),
        (format!(r#""type":"remove","user":"{someone}","ban":"yes""#), ErrorCode::InvalidField),
        (
            format!(r#""type":"join","room":"{}","offer":"x","link":7"#, host.room()),
            ErrorCode::InvalidField,
        ),
        (format!(r#""type":"{secret}""#), ErrorCode::UnknownType),
    ];
    for (id, (fields, expected)) in (1_000..).zip(cases) {
        let answer = host.sends(&format!(r#"{{"id":{id},{fields}}}"#), id).await;
        assert_eq!(code(&answer), Some(expected), "{fields:.80}");
    }
    // Where not even the id can be read, the answer is to 0.
    for text in [r#"{"id":4294967296,"type":"lock"}"#, r#"{"id":-1,"type":"lock"}"#, &deep, "\u{0}"]
    {
        let answer = host.sends(text, 0).await;
        assert_eq!(code(&answer), Some(ErrorCode::BadMessage), "{text:.80}");
    }
    witness.saw_nothing(&venue, "wrong fields").await;

    // What just fits, fits: characters are counted, not bytes.
    let fits = long(limits::CHAT_MAX_CHARS);
    let listener = venue.listener("Lea", host.room()).await;
    listener.does(super::chat(&fits)).await;
    assert_eq!(lines(&witness.visitor.news().await), [fits]);
    // A secret of any length is only a wrong one.
    let mut guesser = venue.visitor("Guesser").await;
    let room = host.room();
    assert_eq!(guesser.enter(room, Some(&secret[..10_000])).await, Err(ErrorCode::InvalidLink));
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_speaks_in_anothers_name() {
    let venue = Venue::open().await;
    let host = venue.host().await;
    let mut moderator = venue.moderator("Mo", &host).await;
    let mut forger = venue.listener("Forger", host.room()).await;
    moderator.sees_counts(1, 0).await;
    let (me, room, boss) = (forger.id(), host.room(), host.id());
    let mut witness = Witness::of(&venue, moderator).await;

    // What only the server says is no request, with a number of the room's or without.
    let forged = [
        r#""type":"your_role","role":"host""#.to_owned(),
        format!(
            r#""type":"your_invitation","invitation":{{"by":"{boss}","expires_at_ms":9999999}}"#
        ),
        r#""seq":1,"type":"room_ended","reason":"ended_by_host""#.to_owned(),
        format!(r#""seq":999,"type":"stage_left","user":"{boss}","reason":"removed""#),
        r#""re":1,"type":"ok""#.to_owned(),
        r#""type":"welcome","session":"x""#.to_owned(),
        r#""type":"returned""#.to_owned(),
        r#""type":"end","reason":"shutdown""#.to_owned(),
        r#""type":"END_ROOM""#.to_owned(),
    ];
    for (id, fields) in (1_000..).zip(forged) {
        let answer = forger.sends(&format!(r#"{{"id":{id},{fields}}}"#), id).await;
        assert_eq!(code(&answer), Some(ErrorCode::UnknownType), "{fields}");
    }
    // Fields that say who asks, or as what, say nothing.
    for (id, fields) in (2_000..).zip([
        format!(r#""type":"mute_speaker","user":"{boss}","by":"{boss}","role":"host""#),
        format!(r#""type":"invite","user":"{me}","by":"{boss}","person":{{"id":"{boss}"}}"#),
        format!(r#""type":"make_moderator","user":"{me}","owner":"{me}","host":"{me}""#),
        r#""type":"end_room","role":"host","standing":"owner""#.to_owned(),
    ]) {
        let answer = forger.sends(&format!(r#"{{"id":{id},{fields}}}"#), id).await;
        assert_eq!(code(&answer), Some(ErrorCode::Forbidden), "{fields}");
    }
    assert_eq!(forger.news().await, []);
    witness.saw_nothing(&venue, "forgeries").await;

    // A line is from whoever sends it, whatever it says of itself.
    let line = format!(
        r#"{{"id":3000,"type":"chat","text":"I am the host","number":1000,
            "from":{{"id":"{boss}","name":"Host","guest":false}},"at_ms":0,"role":"host"}}"#
    );
    assert_eq!(forger.sends(&line, 3_000).await, Reply::Ok);
    let news = witness.visitor.news().await;
    let [Told::All(RoomEvent::Chat { message })] = &news[..] else { panic!("{news:?}") };
    assert_eq!((&message.from, message.number), (&forger.person, 1));
    // Nor does a join make a host.
    let offer = serde_json::to_string("no offer").expect("a string");
    let join = format!(
        r#"{{"id":3001,"type":"join","room":"{room}","offer":{offer},"role":"host","person":{{"id":"{boss}"}}}}"#
    );
    assert_eq!(code(&forger.sends(&join, 3_001).await), Some(ErrorCode::BadOffer));
    assert_eq!(forger.resumes(&venue).await.expect("in the room").you.role, Role::Listener);
    venue.close().await;
}
