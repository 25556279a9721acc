//! Removals, bans, locks, links, slow mode, reports, and the log of it all.

use palco_protocol::{
    ClientMessage, DirectEvent, ErrorBody, ErrorCode, HandPolicy, LinkRole, ModerationAct,
    ModerationEntry, Reply, Role, RoomEvent, RoomKind, StageExit,
};

use super::venue::{Told, Venue, Visitor, all_are_told, pass};

/// The secret of a new link.
pub(super) async fn link(by: &Visitor, role: LinkRole, expires_in_ms: u64) -> String {
    match by.request(ClientMessage::CreateLink { role, expires_in_ms }).await {
        Ok(Reply::Link { link }) => link,
        other => panic!("no link: {other:?}"),
    }
}

async fn log(by: &Visitor) -> Vec<ModerationEntry> {
    match by.request(ClientMessage::ModerationLog).await {
        Ok(Reply::ModerationLog { entries }) => entries,
        other => panic!("no log: {other:?}"),
    }
}

fn chat(text: &str) -> ClientMessage {
    ClientMessage::Chat { text: text.to_owned() }
}

/// They are told so, and their socket is closed.
async fn is_removed(person: &mut Visitor, banned: bool) {
    let closing = |told: &Told| matches!(told, Told::Me(DirectEvent::Closing { .. }));
    let news = person.news_until(closing).await;
    let removed = Told::Me(DirectEvent::Removed { banned });
    let why = Told::Me(DirectEvent::Closing { error: ErrorBody::from(ErrorCode::Removed) });
    assert_eq!(news[news.len() - 2..], [removed, why]);
    assert_eq!(person.is_closed().await, ErrorCode::Removed.close_code());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_removed_is_out_and_may_come_back_as_a_listener() {
    let venue = Venue::open().await;
    let host = venue.host().await;
    let mut moderator = venue.moderator("Mo", &host).await;
    let mut witness = venue.listener("Wim", host.room()).await;
    moderator.does(chat("something rude")).await;
    witness.does(chat("oh")).await;
    witness.news().await;
    let room = host.room();

    host.does(ClientMessage::Remove { user: moderator.id(), ban: false }).await;
    is_removed(&mut moderator, false).await;
    let user = moderator.id();
    let left = Told::All(RoomEvent::StageLeft { user, reason: StageExit::Removed });
    let cleared = Told::All(RoomEvent::ChatCleared { user });
    all_are_told([&mut witness], &[left, cleared]).await;
    let snapshot = witness.resumes(&venue).await.expect("in the room");
    assert_eq!(snapshot.chat.iter().map(|line| &*line.text).collect::<Vec<_>>(), ["oh"]);

    // The session is in no room any more; by the door they come as anybody.
    assert_eq!(moderator.resumes(&venue).await, None);
    let you = moderator.enter(room, None).await.expect("not banned").you;
    assert_eq!(you.role, Role::Listener);
    all_are_told([&mut witness], &[]).await;
    let gone = ClientMessage::Remove { user: witness.id(), ban: false };
    witness.does(ClientMessage::Leave).await;
    assert_eq!(host.ask(gone).await, Err(ErrorCode::NotPresent));
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ban_holds_on_every_device_and_by_every_link() {
    let venue = Venue::open().await;
    let host = venue.host().await;
    let (room, mut guest) = (host.room(), venue.visitor("Gus").await);
    let came_by = link(&host, LinkRole::Speaker, 60_000).await;
    let other = link(&host, LinkRole::Listener, 60_000).await;
    guest.enter(room, Some(&came_by)).await.expect("a link");
    host.does(ClientMessage::Remove { user: guest.id(), ban: true }).await;
    is_removed(&mut guest, true).await;

    let mut phone = venue.second_device(&guest).await;
    for secret in [None, Some(&*came_by), Some(&*other)] {
        assert_eq!(phone.enter(room, secret).await, Err(ErrorCode::Banned));
    }
    assert_eq!(guest.resumes(&venue).await, None);
    assert_eq!(guest.enter(room, None).await, Err(ErrorCode::Banned));
    // As another guest by the same link neither: it admits none any more. The other one does.
    let mut alias = venue.visitor("Not Gus").await;
    assert_eq!(alias.enter(room, Some(&came_by)).await, Err(ErrorCode::InvalidLink));
    alias.enter(room, Some(&other)).await.expect("a link that nobody misused");

    // Who vanished before the moderator's click is banned as well.
    alias.does(ClientMessage::Leave).await;
    host.does(ClientMessage::Remove { user: alias.id(), ban: true }).await;
    assert_eq!(alias.enter(room, None).await, Err(ErrorCode::Banned));

    // A ban can be lifted.
    host.does(ClientMessage::Unban { user: guest.id() }).await;
    phone.enter(room, None).await.expect("forgiven");
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_room_takes_nobody_new_but_by_a_link() {
    let venue = Venue::open().await;
    let mut host = venue.host().await;
    let mut moderator = venue.moderator("Mo", &host).await;
    let mut listener = venue.listener("Lea", host.room()).await;
    let mut outside = venue.visitor("Out").await;
    let room = host.room();
    for person in [&mut host, &mut moderator] {
        person.news().await;
    }
    moderator.does(ClientMessage::Lock).await;
    let news = listener.one_news().await;
    assert!(matches!(&news, Told::All(RoomEvent::RoomUpdated { room }) if room.locked));
    all_are_told([&mut host, &mut moderator], &[news]).await;

    assert_eq!(outside.enter(room, None).await, Err(ErrorCode::RoomLocked));
    // Those inside may change their connection, and moderators come and go.
    listener.enter(room, None).await.expect("inside already");
    listener.loses_socket();
    listener.resumes(&venue).await.expect("inside still");
    moderator.does(ClientMessage::Leave).await;
    moderator.enter(room, None).await.expect("a moderator");
    let secret = link(&host, LinkRole::Listener, 60_000).await;
    outside.enter(room, Some(&secret)).await.expect("a link");
    // Out means out.
    listener.does(ClientMessage::Leave).await;
    assert_eq!(listener.enter(room, None).await, Err(ErrorCode::RoomLocked));

    host.does(ClientMessage::Unlock).await;
    let snapshot = listener.enter(room, None).await.expect("an open door");
    assert!(!snapshot.room.locked);
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_room_is_entered_by_a_link_alone_and_not_shown() {
    let venue = Venue::open().await;
    for kind in [RoomKind::Closed, RoomKind::Social] {
        let host = venue.host_of(|settings| settings.kind = kind).await;
        let mut guest = venue.visitor("Gus").await;
        assert_eq!(guest.enter(host.room(), None).await, Err(ErrorCode::NotInvited));
        assert_eq!(guest.enter(host.room(), Some("guess")).await, Err(ErrorCode::InvalidLink));
        let secret = link(&host, LinkRole::Listener, 60_000).await;
        let snapshot = guest.enter(host.room(), Some(&secret)).await.expect("a link");
        assert_eq!((snapshot.you.role, snapshot.you.invitation), (Role::Listener, None));
        assert_eq!(snapshot.room.kind, kind);
    }
    let list = venue.house.address.http("GET", "/api/v1/rooms", None, None).await;
    assert_eq!(list.expect("an answer").body, r#"{"rooms":[]}"#);
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_have_a_role_an_end_and_can_be_revoked() {
    let venue = Venue::open().await;
    let host = venue.host_of(|settings| settings.kind = RoomKind::Closed).await;
    let room = host.room();
    // The stage's: invited as long as the link stands, still to be accepted, still muted.
    let stage = link(&host, LinkRole::Speaker, 60_000).await;
    let mut ann = venue.visitor("Ann").await;
    let snapshot = ann.enter(room, Some(&stage)).await.expect("a link");
    let invitation = snapshot.you.invitation.expect("an invitation");
    assert_eq!((invitation.by, snapshot.you.role), (host.id(), Role::Listener));
    assert!((60_000..=60_000 + snapshot.now_ms).contains(&invitation.expires_at_ms));
    ann.does(ClientMessage::AcceptInvite).await;
    let stage_now = ann.resumes(&venue).await.expect("in the room").stage;
    assert_eq!(
        stage_now.last().map(|member| (member.person.id, member.muted)),
        Some((ann.id(), true))
    );

    // Revoked: who came by it stays, but is invited no more, and nobody else comes.
    let mut ben = venue.visitor("Ben").await;
    ben.enter(room, Some(&stage)).await.expect("a link");
    host.does(ClientMessage::RevokeLink { link: stage.clone() }).await;
    let withdrawn = Told::Me(DirectEvent::YourInvitation { invitation: None });
    assert_eq!(ben.news().await.last(), Some(&withdrawn));
    assert_eq!(ben.ask(ClientMessage::AcceptInvite).await, Err(ErrorCode::NoInvitation));
    ben.resumes(&venue).await.expect("in the room still");
    let mut cat = venue.visitor("Cat").await;
    assert_eq!(cat.enter(room, Some(&stage)).await, Err(ErrorCode::InvalidLink));

    let brief = link(&host, LinkRole::Listener, 1).await;
    pass(1).await;
    assert_eq!(cat.enter(room, Some(&brief)).await, Err(ErrorCode::InvalidLink));
    // A bad link is no key even to an open door.
    let open = venue.host().await;
    assert_eq!(cat.enter(open.room(), Some(&brief)).await, Err(ErrorCode::InvalidLink));
    for expires_in_ms in [0, 30 * 24 * 3_600_000 + 1, u64::MAX] {
        let create = ClientMessage::CreateLink { role: LinkRole::Listener, expires_in_ms };
        assert_eq!(host.request(create).await.map_err(|e| e.code), Err(ErrorCode::InvalidField));
    }
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_mode_says_how_long_to_wait_and_is_not_for_moderators() {
    let venue = Venue::open().await;
    let host = venue.host().await;
    let mut listener = venue.listener("Lea", host.room()).await;
    let mut witness = venue.listener("Wim", host.room()).await;
    let slow_mode_ms = Some(60_000);
    let change =
        ClientMessage::UpdateRoom { title: None, description: None, slow_mode_ms, turn_ms: None };
    host.does(change).await;
    for person in [&mut listener, &mut witness] {
        person.news().await;
    }
    listener.does(chat("first")).await;
    let refused = listener.request(chat("second")).await.expect_err("slow mode");
    assert_eq!(refused.code, ErrorCode::SlowMode);
    let wait_ms = refused.retry_after_ms.expect("says when");
    assert!((1..=60_000).contains(&wait_ms), "{wait_ms} ms");
    // Nor after going out and in again.
    listener.does(ClientMessage::Leave).await;
    listener.enter(host.room(), None).await.expect("an open door");
    assert_eq!(listener.ask(chat("third")).await, Err(ErrorCode::SlowMode));
    host.does(chat("one")).await;
    host.does(chat("two")).await;
    let news = witness.news().await;
    let line = |told| match told {
        &Told::All(RoomEvent::Chat { ref message }) => (message.number, message.text.as_str()),
        other => panic!("no line: {other:?}"),
    };
    let lines: Vec<_> = news.iter().map(line).collect();
    assert_eq!(lines, [(1, "first"), (2, "one"), (3, "two")]);
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_reaches_those_above_and_nobody_else() {
    let venue = Venue::open().await;
    let mut host = venue.host().await;
    let mut moderator = venue.moderator("Mo", &host).await;
    let mut speaker = venue.speaker("Sue", &host).await;
    let mut reporter = venue.listener("Rob", host.room()).await;
    for person in [&mut host, &mut moderator, &mut speaker] {
        person.news().await;
    }
    let log_before = log(&host).await;
    let report = |user, reason: &str| ClientMessage::Report { user, reason: reason.to_owned() };

    reporter.does(report(speaker.id(), " insults ")).await;
    let told = host.one_news().await;
    let Told::Me(DirectEvent::Reported { entry: of_speaker }) = &told else { panic!("{told:?}") };
    assert_eq!(of_speaker.act, ModerationAct::Reported);
    assert_eq!((&of_speaker.by, &of_speaker.to), (&reporter.person, &Some(speaker.person.clone())));
    assert_eq!(of_speaker.reason.as_deref(), Some("insults"));
    all_are_told([&mut moderator], std::slice::from_ref(&told)).await;

    // Of a moderator only the host learns.
    reporter.does(report(moderator.id(), "sleeps")).await;
    let told = host.one_news().await;
    let Told::Me(DirectEvent::Reported { entry: of_moderator }) = &told else { panic!("{told:?}") };
    assert_eq!(of_moderator.to, Some(moderator.person.clone()));

    // Of the host nobody in the room: the operators' log has it, the host's has not.
    reporter.does(report(host.id(), "rude")).await;
    let nobody = venue.visitor("Not here").await;
    assert_eq!(reporter.ask(report(nobody.id(), "x")).await, Err(ErrorCode::NotPresent));
    assert_eq!(reporter.ask(report(reporter.id(), "x")).await, Err(ErrorCode::InvalidField));
    all_are_told([&mut host, &mut moderator, &mut speaker, &mut reporter], &[]).await;
    let entries = log(&host).await;
    assert_eq!(entries[..log_before.len()], log_before);
    assert_eq!(entries[log_before.len()..], [of_speaker.clone(), of_moderator.clone()]);
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_says_who_did_what_to_whom_and_is_the_hosts_alone() {
    let venue = Venue::open().await;
    let host = venue.host().await;
    let moderator = venue.moderator("Mo", &host).await;
    let speaker = venue.speaker("Sue", &host).await;
    let guest = venue.listener("Gus", host.room()).await;
    let user = speaker.id();
    for message in [
        ClientMessage::MuteSpeaker { user },
        ClientMessage::AllowUnmute { user },
        ClientMessage::MoveToAudience { user },
        ClientMessage::SetHandPolicy { policy: HandPolicy::Off },
        ClientMessage::Lock,
        ClientMessage::Unlock,
        ClientMessage::Remove { user, ban: false },
        ClientMessage::Remove { user: guest.id(), ban: true },
        ClientMessage::Unban { user: guest.id() },
        // What changes nothing is no act.
        ClientMessage::Unlock,
        ClientMessage::Unban { user: guest.id() },
    ] {
        moderator.does(message).await;
    }
    host.does(ClientMessage::RevokeModerator { user: moderator.id() }).await;
    let (to_speaker, to_guest) = (Some(&speaker.person), Some(&guest.person));
    let (by_host, by_moderator) = (&host.person, &moderator.person);
    let entries = log(&host).await;
    let acts: Vec<_> =
        entries.iter().map(|entry| (&entry.by, entry.act, entry.to.as_ref())).collect();
    assert_eq!(
        acts,
        [
            (by_host, ModerationAct::MadeModerator, Some(by_moderator)),
            (by_moderator, ModerationAct::Muted, to_speaker),
            (by_moderator, ModerationAct::AllowedUnmute, to_speaker),
            (by_moderator, ModerationAct::MovedToAudience, to_speaker),
            (by_moderator, ModerationAct::ChangedHandPolicy, None),
            (by_moderator, ModerationAct::Locked, None),
            (by_moderator, ModerationAct::Unlocked, None),
            (by_moderator, ModerationAct::Removed, to_speaker),
            (by_moderator, ModerationAct::Banned, to_guest),
            (by_moderator, ModerationAct::Unbanned, to_guest),
            (by_host, ModerationAct::RevokedModerator, Some(by_moderator)),
        ]
    );
    assert!(entries.is_sorted_by_key(|entry| entry.at_ms));
    // (Who else may not read it: `forbidden.rs`.)
    let read = moderator.request(ClientMessage::ModerationLog).await;
    assert_eq!(read.map_err(|error| error.code), Err(ErrorCode::Forbidden));
    venue.close().await;
}
