//! Rooms by whom one follows, invites and blocks; what a room's history and its reports keep.

use palco_protocol::{
    ClientMessage, DirectEvent, ErrorCode, HandPolicy, RoomId,
    http::{LiveRoom, LiveRooms, RoomCreated, RoomHistory},
};
use serde_json::json;

use super::Member;
use crate::rules::venue::{Told, Venue, Visitor};

async fn opens(venue: &Venue, host: &Member, room: serde_json::Value) -> RoomId {
    let created: RoomCreated =
        venue.house.call("POST", "rooms", Some(&host.token), &room).await.expect("a room");
    created.id
}

async fn is_out(person: &mut Visitor) {
    let closing = |told: &Told| matches!(told, Told::Me(DirectEvent::Closing { .. }));
    let news = person.news_until(closing).await;
    assert!(news.contains(&Told::Me(DirectEvent::Removed { banned: false })), "{news:?}");
    assert_eq!(person.is_closed().await, ErrorCode::Removed.close_code());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_hides_the_room_bars_the_door_and_ends_a_stay() {
    let venue = Venue::open().await;
    let (ada, bob) = (venue.house.member("ada").await, venue.house.member("bob").await);
    let room = opens(&venue, &ada, json!({ "title": "Tea" })).await;
    let (mut host, mut visitor) = (venue.comes(&ada).await, venue.comes(&bob).await);
    host.enter(room, None).await.expect("one's own room");
    visitor.enter(room, None).await.expect("an open door");

    venue.house.tell("PUT", "people/bob/block", &ada).await.expect("blocked");
    is_out(&mut visitor).await;
    let mut visitor = venue.comes(&bob).await;
    assert_eq!(visitor.enter(room, None).await.err(), Some(ErrorCode::Blocked));
    let path = format!("rooms/{room}");
    let hidden = venue.house.get::<LiveRoom>(&path, Some(&bob.token)).await;
    assert_eq!(hidden.err(), Some(ErrorCode::RoomNotFound));
    let rooms = |token| venue.house.get::<LiveRooms>("rooms", token);
    assert!(rooms(Some(bob.token.as_str())).await.expect("a list").rooms.is_empty());
    assert_eq!(rooms(Some(ada.token.as_str())).await.expect("a list").rooms.len(), 1);

    venue.house.tell("DELETE", "people/bob/block", &ada).await.expect("unblocked");
    visitor.enter(room, None).await.expect("an open door again");
    // The other way round: who blocks the host is out as well.
    venue.house.tell("PUT", "people/ada/block", &bob).await.expect("blocked");
    is_out(&mut visitor).await;
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_social_room_is_for_those_the_host_follows_and_a_closed_one_for_the_invited() {
    let venue = Venue::open().await;
    let ada = venue.house.member("ada").await;
    let (bob, eve) = (venue.house.member("bob").await, venue.house.member("eve").await);
    venue.house.tell("PUT", "people/bob/follow", &ada).await.expect("follows");
    venue.house.tell("PUT", "people/ada/follow", &eve).await.expect("follows");
    let social = opens(&venue, &ada, json!({ "title": "Friends", "kind": "social" })).await;
    let mut host = venue.comes(&ada).await;
    host.enter(social, None).await.expect("one's own room");
    let (mut friend, mut stranger) = (venue.comes(&bob).await, venue.comes(&eve).await);
    friend.enter(social, None).await.expect("followed by the host");
    assert_eq!(stranger.enter(social, None).await.err(), Some(ErrorCode::NotInvited));
    let mut guest = venue.visitor("Gus").await;
    assert_eq!(guest.enter(social, None).await.err(), Some(ErrorCode::NotInvited));

    let body = json!({ "title": "Few", "kind": "closed", "invited": [eve.account.person.id] });
    let closed = opens(&venue, &ada, body).await;
    stranger.enter(closed, None).await.expect("invited");
    friend.does(ClientMessage::Leave).await;
    assert_eq!(friend.enter(closed, None).await.err(), Some(ErrorCode::NotInvited));
    let more = json!({ "people": [bob.account.person.id] });
    let path = format!("rooms/{closed}/guests");
    let refused = venue.house.call::<()>("POST", &path, Some(&eve.token), &more).await;
    assert_eq!(refused, Err(ErrorCode::Forbidden), "only the owner's list");
    venue.house.call::<()>("POST", &path, Some(&ada.token), &more).await.expect("invited");
    friend.enter(closed, None).await.expect("invited now");
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hands_by_whom_a_moderator_follows() {
    let venue = Venue::open().await;
    let ada = venue.house.member("ada").await;
    let (bob, eve) = (venue.house.member("bob").await, venue.house.member("eve").await);
    venue.house.tell("PUT", "people/bob/follow", &ada).await.expect("follows");
    let body =
        json!({ "title": "Hands", "hand_policy": "followed", "language": "en", "topics": ["tea"] });
    let room = opens(&venue, &ada, body).await;
    let mut host = venue.comes(&ada).await;
    let snapshot = host.enter(room, None).await.expect("one's own room");
    assert_eq!(snapshot.room.hand_policy, HandPolicy::Followed);
    assert_eq!(snapshot.room.topics, ["tea"]);
    let (mut followed, mut stranger) = (venue.comes(&bob).await, venue.comes(&eve).await);
    followed.enter(room, None).await.expect("in");
    stranger.enter(room, None).await.expect("in");
    followed.does(ClientMessage::RaiseHand).await;
    assert_eq!(stranger.ask(ClientMessage::RaiseHand).await, Err(ErrorCode::HandsOff));
    // A hand raised under another policy stays if its owner is followed.
    let policy = |policy| ClientMessage::SetHandPolicy { policy };
    host.does(policy(HandPolicy::Everyone)).await;
    stranger.does(ClientMessage::RaiseHand).await;
    host.does(policy(HandPolicy::Followed)).await;
    followed.does(ClientMessage::LowerHand).await;
    let down = Told::Me(DirectEvent::YourHand { hand: None });
    assert!(stranger.news().await.contains(&down), "not followed: taken down");
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_follower_is_called_in() {
    let venue = Venue::open().await;
    let (ada, bob) = (venue.house.member("ada").await, venue.house.member("bob").await);
    let room = opens(&venue, &ada, json!({ "title": "Tea" })).await;
    let mut host = venue.comes(&ada).await;
    host.enter(room, None).await.expect("one's own room");
    let call = ClientMessage::PingFollower { user: bob.account.person.id };
    assert_eq!(host.ask(call.clone()).await, Err(ErrorCode::Forbidden));
    venue.house.tell("PUT", "people/ada/follow", &bob).await.expect("follows");
    host.does(call).await;
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_says_who_came_and_what_was_done_and_a_report_keeps_its_evidence() {
    let venue = Venue::open().await;
    let (ada, bob) = (venue.house.member("ada").await, venue.house.member("bob").await);
    let room = opens(&venue, &ada, json!({ "title": "Tea" })).await;
    let (mut host, mut visitor) = (venue.comes(&ada).await, venue.comes(&bob).await);
    host.enter(room, None).await.expect("one's own room");
    visitor.enter(room, None).await.expect("in");
    visitor.does(ClientMessage::Chat { text: "something rude".to_owned() }).await;
    let report = ClientMessage::Report { user: visitor.id(), reason: "rude".to_owned() };
    host.does(report).await;
    host.does(ClientMessage::Remove { user: visitor.id(), ban: true }).await;
    host.does(ClientMessage::EndRoom).await;

    let path = format!("rooms/{room}/history");
    let refused = venue.house.get::<RoomHistory>(&path, Some(&bob.token)).await;
    assert_eq!(refused.err(), Some(ErrorCode::Forbidden));
    // Written behind the room: a moment later.
    let history = async {
        loop {
            let page: RoomHistory =
                venue.house.get(&path, Some(&ada.token)).await.expect("a history");
            if page.events.last().is_some_and(|event| event.kind == "room_ended") {
                return page;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let history = tokio::time::timeout(crate::house::SOON, history).await.expect("written");
    let kinds: Vec<_> = history.events.iter().map(|event| event.kind.as_str()).collect();
    for kind in ["joined", "stage_updated", "chat", "reported", "moderated", "left", "room_ended"] {
        assert!(kinds.contains(&kind), "{kind} is not in {kinds:?}");
    }
    let numbers: Vec<_> = history.events.iter().map(|event| event.number).collect();
    assert_eq!(numbers, Vec::from_iter(1..=numbers.len() as i64), "without a gap");
    let report = history.events.iter().find(|event| event.kind == "reported").expect("there");
    assert_eq!(report.body["evidence"][0]["text"], "something rude");
    assert_eq!(report.body["entry"]["reason"], "rude");
    venue.close().await;
}
