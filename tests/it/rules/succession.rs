//! Who leads when the host is gone, who comes back to what, and when a room is over.

use palco::config::Rooms;
use palco_protocol::{
    ClientMessage, DirectEvent, ErrorCode, Role, RoomEndReason, RoomEvent, RoomInfo, StageMember,
    UserId,
};

use super::venue::{Told, Venue, Visitor, all_are_told};

fn short_grace() -> Rooms {
    Rooms { host_grace_s: 1, empty_room_s: 1, ..Rooms::default() }
}

fn role(role: Role) -> Told {
    Told::Me(DirectEvent::YourRole { role })
}

fn room(told: &Told) -> &RoomInfo {
    match told {
        Told::All(RoomEvent::RoomUpdated { room }) => room,
        other => panic!("no room: {other:?}"),
    }
}

/// What is told of a change on stage, in the order of its telling.
fn members(news: &[Told]) -> Vec<(UserId, Role, bool)> {
    let member = |told: &Told| match told {
        Told::All(RoomEvent::StageUpdated { member }) => {
            let StageMember { person, role, present, .. } = member;
            Some((person.id, *role, *present))
        }
        _ => None,
    };
    news.iter().filter_map(member).collect()
}

fn is_room(told: &Told) -> bool {
    matches!(told, Told::All(RoomEvent::RoomUpdated { .. }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moderator_leads_while_the_owner_is_away_and_the_owner_reclaims() {
    let venue = Venue::open_with(short_grace()).await;
    let mut owner = venue.host().await;
    // On stage before the moderators: not who has been there longest, but who was appointed first.
    let mut speaker = venue.speaker("Sue", &owner).await;
    let mut first = venue.moderator("Mo", &owner).await;
    let mut second = venue.moderator("Max", &owner).await;
    let mut listener = venue.listener("Lea", owner.room()).await;
    for person in [&mut speaker, &mut first, &mut second] {
        person.news().await;
    }

    owner.loses_socket();
    let news = listener.news_until(is_room).await;
    let gone = (owner.id(), Role::Host, false);
    let deposed = (owner.id(), Role::Moderator, false);
    let acting = (first.id(), Role::Host, true);
    assert_eq!(members(&news)[0], gone, "gone, and still the host");
    assert_eq!(members(&news)[1..], [deposed, acting]);
    let info = room(news.last().expect("the room"));
    assert_eq!((info.owner, info.host), (owner.id(), Some(first.id())));
    all_are_told([&mut listener], &[]).await;
    // The others heard the same; only the new host that it is they.
    all_are_told([&mut speaker, &mut second], &news).await;
    let mut with_role = news.clone();
    with_role.insert(with_role.len() - 1, role(Role::Host));
    all_are_told([&mut first], &with_role).await;

    // Acting: leads, but neither ends the room nor gives it away.
    first.does(ClientMessage::MakeModerator { user: speaker.id() }).await;
    assert_eq!(first.ask(ClientMessage::EndRoom).await, Err(ErrorCode::Forbidden));
    let transfer = ClientMessage::TransferHost { user: first.id() };
    assert_eq!(first.ask(transfer).await, Err(ErrorCode::Forbidden));
    for person in [&mut speaker, &mut first, &mut second, &mut listener] {
        person.news().await;
    }

    let snapshot = owner.resumes(&venue).await.expect("within the reconnect grace");
    assert_eq!((snapshot.you.role, snapshot.room.host), (Role::Host, Some(owner.id())));
    let news = listener.news().await;
    let back = (owner.id(), Role::Moderator, true);
    let reclaimed = (owner.id(), Role::Host, true);
    let moderator = (first.id(), Role::Moderator, true);
    assert_eq!(members(&news), [back, moderator, reclaimed]);
    assert_eq!(room(news.last().expect("the room")).host, Some(owner.id()));
    all_are_told([&mut second, &mut speaker], &news).await;
    assert!(first.news().await.contains(&role(Role::Moderator)));
    let again = first.ask(ClientMessage::MakeModerator { user: listener.id() }).await;
    assert_eq!(again, Err(ErrorCode::Forbidden));
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_moderator_the_longest_speaker_leads() {
    let venue = Venue::open_with(short_grace()).await;
    let mut owner = venue.host().await;
    let first = venue.speaker("Sue", &owner).await;
    let second = venue.speaker("Sam", &owner).await;
    let mut listener = venue.listener("Lea", owner.room()).await;
    // Leaving is not another thing than being lost.
    owner.does(ClientMessage::Leave).await;
    let news = listener.news_until(|told| is_room(told) && room(told).host.is_some()).await;
    assert_eq!(room(news.last().expect("the room")).host, Some(first.id()));
    let acting = listener.resumes(&venue).await.expect("in the room");
    assert_eq!(acting.stage.len(), 2);

    // And should they be gone as well, the next.
    first.does(ClientMessage::Leave).await;
    let news = listener.news_until(|told| is_room(told) && room(told).host.is_some()).await;
    assert_eq!(room(news.last().expect("the room")).host, Some(second.id()));
    // The owner comes back by the door and has their room.
    let snapshot = owner.enter(acting.room.id, None).await.expect("one's own room");
    assert_eq!((snapshot.you.role, snapshot.room.host), (Role::Host, Some(owner.id())));
    assert_eq!(second.resumes_as(&venue).await, Role::Speaker);
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_nobody_can_lead_counts_down_and_ends() {
    let venue = Venue::open_with(short_grace()).await;
    let owner = venue.host().await;
    let mut listener = venue.listener("Lea", owner.room()).await;
    let other = venue.host().await;
    owner.does(ClientMessage::Leave).await;
    let ends = |told: &Told| is_room(told) && room(told).ends_at_ms.is_some();
    let news = listener.news_until(ends).await;
    let info = room(news.last().expect("the room")).clone();
    assert_eq!(info.host, None);

    let ended = Told::All(RoomEvent::RoomEnded { reason: RoomEndReason::Empty });
    assert_eq!(listener.next_news().await, ended);
    // The session lives on, in no room, and may enter another.
    assert_eq!(listener.ask(ClientMessage::RaiseHand).await, Err(ErrorCode::NotJoined));
    assert_eq!(listener.enter(info.id, None).await, Err(ErrorCode::RoomNotFound));
    listener.enter(other.room(), None).await.expect("another room");
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_everybody_left_ends_and_one_in_its_countdown_is_saved_by_whoever_leads() {
    let venue = Venue::open_with(short_grace()).await;
    let owner = venue.host().await;
    let mut moderator = venue.moderator("Mo", &owner).await;
    let mut listener = venue.listener("Lea", owner.room()).await;
    let id = owner.room();
    moderator.does(ClientMessage::Leave).await;
    owner.does(ClientMessage::Leave).await;
    let ends = |told: &Told| is_room(told) && room(told).ends_at_ms.is_some();
    listener.news_until(ends).await;
    // A moderator is one whether in the room or not.
    let snapshot = moderator.enter(id, None).await.expect("an open door");
    assert_eq!(snapshot.you.role, Role::Host);
    let news = listener.news_until(is_room).await;
    let saved = room(news.last().expect("the room"));
    assert_eq!((saved.host, saved.ends_at_ms), (Some(moderator.id()), None));

    listener.does(ClientMessage::Leave).await;
    moderator.does(ClientMessage::Leave).await;
    assert_eq!(venue.house.load().0, 1, "the room waits for a moment");
    let over = async {
        while venue.house.load().0 > 0 {
            super::venue::pass(20).await;
        }
    };
    tokio::time::timeout(crate::house::SOON, over).await.expect("the room ends");
    assert_eq!(moderator.enter(id, None).await, Err(ErrorCode::RoomNotFound));
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_has_its_age_to_end_at() {
    let venue = Venue::open_with(Rooms { max_duration_s: Some(1), ..Rooms::default() }).await;
    let mut host = venue.host().await;
    let snapshot = host.resumes(&venue).await.expect("in the room");
    assert_eq!(snapshot.room.ends_at_ms, Some(1_000), "everybody can see it coming");
    let ended = Told::All(RoomEvent::RoomEnded { reason: RoomEndReason::TimeUp });
    assert_eq!(host.next_news().await, ended);
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_account_on_two_devices_is_one_person() {
    let venue = Venue::open().await;
    let mut host = venue.host().await;
    let mut speaker = venue.speaker("Sue", &host).await;
    let mut listener = venue.listener("Lea", host.room()).await;
    let mut witness = venue.listener("Wim", host.room()).await;
    speaker.does(ClientMessage::Unmute).await;
    listener.does(ClientMessage::RaiseHand).await;
    witness.sees_counts(2, 1).await;
    witness.news().await;
    host.news().await;

    // A hand is still up on the other device; nobody is told anything.
    let mut phone = venue.second_device(&listener).await;
    let you = phone.enter(host.room(), None).await.expect("an open door").you;
    assert_eq!((you.role, you.hand.map(|hand| hand.position)), (Role::Listener, Some(1)));
    assert_eq!(listener.is_closed().await, ErrorCode::TakenOver.close_code());
    all_are_told([&mut witness, &mut host], &[]).await;

    // A speaker is on stage still, but muted: that device's microphone was not asked for.
    let mut phone = venue.second_device(&speaker).await;
    let snapshot = phone.enter(host.room(), None).await.expect("an open door");
    assert_eq!((snapshot.you.role, snapshot.counts.listeners), (Role::Speaker, 2));
    assert_eq!(speaker.is_closed().await, ErrorCode::TakenOver.close_code());
    let news = witness.one_news().await;
    let Told::All(RoomEvent::StageUpdated { member }) = news else { panic!("{news:?}") };
    assert_eq!((member.person.id, member.muted, member.present), (speaker.id(), true, true));
    // The old device's end is not the person's.
    all_are_told([&mut witness, &mut phone], &[]).await;
    phone.does(ClientMessage::Unmute).await;

    // The session of the old device is in no room; entering with it takes over again.
    assert_eq!(speaker.resumes(&venue).await, None);
    speaker.enter(host.room(), None).await.expect("an open door");
    assert_eq!(phone.is_closed().await, ErrorCode::TakenOver.close_code());
    venue.close().await;
}

impl Visitor {
    /// What they are, by a fresh snapshot.
    async fn resumes_as(mut self, venue: &Venue) -> Role {
        self.resumes(venue).await.expect("in the room").you.role
    }
}
