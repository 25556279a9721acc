//! Planned rooms over real sockets: from the plan to the room, and what people are told on the way.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ical::parser::Component;
use palco_client::{Client, ServerEvent};
use palco_protocol::{
    DirectEvent, ErrorCode, Role, RoomEndReason, RoomEvent, RoomKind,
    http::{
        Hallway, NoticeKind, Notification, Notifications, People, RoomCreated, Scheduled,
        ScheduledRooms, ScheduledState,
    },
};
use serde_json::{Value, json};

use super::Member;
use crate::{
    house::{House, SOON},
    rules::venue::{Told, Venue},
};

const MINUTE: i64 = 60_000;

fn utc_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since_epoch.as_millis()).expect("before the year 300 million")
}

async fn plans(house: &House, host: &Member, plan: Value) -> Scheduled {
    house.call("POST", "scheduled", Some(&host.token), &plan).await.expect("planned")
}

async fn asks<T: serde::de::DeserializeOwned>(
    house: &House,
    method: &str,
    plan: &Scheduled,
    what: &str,
    member: &Member,
) -> Result<T, ErrorCode> {
    let path = format!("scheduled/{}{what}", plan.id);
    house.call(method, &path, Some(&member.token), &json!({})).await
}

async fn says_yes(house: &House, plan: &Scheduled, member: &Member) -> Scheduled {
    asks(house, "PUT", plan, "/rsvp", member).await.expect("a yes")
}

async fn is_told(device: &mut Client) -> (NoticeKind, Option<i64>) {
    let notice = device.wait_for("a notice", SOON, |event| match event {
        ServerEvent::Direct(DirectEvent::Notice { notification, .. }) => Some(notification),
        _ => None,
    });
    let Notification { kind, room, .. } = notice.await.expect("in time");
    (kind, room.and_then(|room| room.starts_at_ms))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seminar_from_its_plan_to_its_end() {
    let venue = Venue::open().await;
    let house = &venue.house;
    let (ada, ben) = (house.member("ada").await, house.member("ben").await);
    let (cleo, dora) = (house.member("cleo").await, house.member("dora").await);
    house.tell("PUT", "people/ada/follow", &cleo).await.expect("follows");
    let starts_at_ms = utc_ms() + 10 * MINUTE;
    let seminar = json!({
        "title": "Counting", "topics": ["#Maths"], "language": "en", "starts_at_ms": starts_at_ms,
        "co_hosts": [ben.account.person.id], "capacity": 1, "max_duration_ms": 4_000,
        "registration_required": true,
    });
    let mut follower = house.address.connect(&cleo.token).await.expect("hello");
    let plan = plans(house, &ada, seminar).await;
    assert_eq!(is_told(&mut follower).await, (NoticeKind::Scheduled, Some(starts_at_ms)));

    let yes = says_yes(house, &plan, &cleo).await;
    assert_eq!((yes.going, yes.you_go, yes.state), (1, true, ScheduledState::Planned));
    let full = asks::<Scheduled>(house, "PUT", &plan, "/rsvp", &dora).await;
    assert_eq!(full.err(), Some(ErrorCode::RoomFull));
    // Its time is near: the reminder comes at once, to the co-host as well.
    let mut helper = house.address.connect(&ben.token).await.expect("hello");
    let list: Notifications = house.get("notifications", Some(&ben.token)).await.expect("a list");
    if !list.notifications.iter().any(|notice| notice.kind == NoticeKind::Reminder) {
        assert_eq!(is_told(&mut helper).await, (NoticeKind::Reminder, Some(starts_at_ms)));
    }

    let stranger = asks::<RoomCreated>(house, "POST", &plan, "/start", &cleo).await;
    assert_eq!(stranger.err(), Some(ErrorCode::Forbidden));
    let room: RoomCreated = asks(house, "POST", &plan, "/start", &ben).await.expect("live");
    let again: RoomCreated = asks(house, "POST", &plan, "/start", &ada).await.expect("the same");
    assert_eq!((room.id, again.id), (plan.id, plan.id));
    let mut kinds = Vec::new();
    while !kinds.contains(&NoticeKind::Reminder) {
        kinds.push(is_told(&mut follower).await.0);
    }

    let mut host = venue.comes(&ada).await;
    let snapshot = host.enter(room.id, None).await.expect("one's own room");
    assert_eq!(
        (snapshot.room.kind, snapshot.room.topics, snapshot.room.language.as_deref()),
        (RoomKind::Closed, vec!["maths".to_owned()], Some("en"))
    );
    let mut moderator = venue.comes(&ben).await;
    let snapshot = moderator.enter(room.id, None).await.expect("a co-host");
    assert_eq!(snapshot.you.role, Role::Moderator);
    let mut other = venue.comes(&dora).await;
    let refused = other.enter(room.id, None).await.err();
    assert!(
        matches!(refused, Some(ErrorCode::NotInvited | ErrorCode::RoomFull)),
        "not registered: {refused:?}"
    );
    let now = asks::<Scheduled>(house, "GET", &plan, "", &dora).await.expect("seen");
    assert_eq!(now.state, ScheduledState::Live);
    // Its time is up by the room's own timer.
    let time_up = RoomEvent::RoomEnded { reason: RoomEndReason::TimeUp };
    let ended = |told: &Told| *told == Told::All(time_up.clone());
    host.news_until(ended).await;
    // The record comes a moment after the room's last word.
    let over = async {
        while asks::<Scheduled>(house, "GET", &plan, "", &ada).await.expect("seen").state
            != ScheduledState::Ended
        {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, over).await.expect("over in time");
    let again = asks::<RoomCreated>(house, "POST", &plan, "/start", &ada).await;
    assert_eq!(again.err(), Some(ErrorCode::RoomEnded));
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_registered_enter_and_others_do_not() {
    let venue = Venue::open().await;
    let house = &venue.house;
    let ada = house.member("ada").await;
    let (cleo, dora) = (house.member("cleo").await, house.member("dora").await);
    let body = json!({
        "title": "Few", "starts_at_ms": utc_ms() + 60 * MINUTE, "registration_required": true,
    });
    let plan = plans(house, &ada, body).await;
    says_yes(house, &plan, &cleo).await;
    let attendees: People =
        asks(house, "GET", &plan, "/attendees", &ada).await.expect("the host's list");
    assert_eq!(attendees.people[0].person, cleo.account.person);
    let refused = asks::<People>(house, "GET", &plan, "/attendees", &cleo).await;
    assert_eq!(refused.err(), Some(ErrorCode::Forbidden));
    let room: RoomCreated = asks(house, "POST", &plan, "/start", &ada).await.expect("live");
    let mut host = venue.comes(&ada).await;
    host.enter(room.id, None).await.expect("one's own room");
    let (mut registered, mut other) = (venue.comes(&cleo).await, venue.comes(&dora).await);
    registered.enter(room.id, None).await.expect("said yes");
    assert_eq!(other.enter(room.id, None).await.err(), Some(ErrorCode::NotInvited));
    // A yes counts while it is live.
    says_yes(house, &plan, &dora).await;
    other.enter(room.id, None).await.expect("says yes now");
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_said_yes_hear_of_another_time_and_of_the_end_of_it() {
    let house = House::open().await;
    let (ada, cleo) = (house.member("ada").await, house.member("cleo").await);
    let hour = utc_ms() + 60 * MINUTE;
    let plan = plans(&house, &ada, json!({ "title": "Tea", "starts_at_ms": hour })).await;
    says_yes(&house, &plan, &cleo).await;
    let mut device = house.address.connect(&cleo.token).await.expect("hello");
    let path = format!("scheduled/{}", plan.id);
    let later = json!({ "starts_at_ms": hour + 60 * MINUTE, "title": "Late tea" });
    let foreign = house.call::<Scheduled>("PATCH", &path, Some(&cleo.token), &later).await;
    assert_eq!(foreign.err(), Some(ErrorCode::Forbidden));
    let changed: Scheduled =
        house.call("PATCH", &path, Some(&ada.token), &later).await.expect("changed");
    assert_eq!((changed.title.as_str(), changed.going), ("Late tea", 1));
    assert_eq!(is_told(&mut device).await, (NoticeKind::Late, Some(hour + 60 * MINUTE)));
    house.tell("DELETE", &path, &ada).await.expect("called off");
    assert_eq!(is_told(&mut device).await, (NoticeKind::Cancelled, Some(hour + 60 * MINUTE)));
    let refused = asks::<Scheduled>(&house, "PUT", &plan, "/rsvp", &cleo).await;
    assert_eq!(refused.err(), Some(ErrorCode::Cancelled));
    let refused = asks::<RoomCreated>(&house, "POST", &plan, "/start", &ada).await;
    assert_eq!(refused.err(), Some(ErrorCode::Cancelled));
    house.close().await;
}

/// The one event of a calendar, as a reader that is not ours understands it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_said_yes_hears_that_the_host_is_gone() {
    let house = House::open().await;
    let (ada, bob) = (house.member("ada").await, house.member("bob").await);
    let starts_at_ms = utc_ms() + 60 * MINUTE;
    let body = json!({ "title": "Tea", "starts_at_ms": starts_at_ms });
    let plan = plans(&house, &ada, body).await;
    says_yes(&house, &plan, &bob).await;
    let mut device = house.address.connect(&bob.token).await.expect("hello");
    let password = json!({ "password": super::PASSWORD });
    house.call::<()>("DELETE", "me", Some(&ada.token), &password).await.expect("gone");
    assert_eq!(is_told(&mut device).await, (NoticeKind::Cancelled, Some(starts_at_ms)));
    // And it stays in the list, with the name alone.
    let list: Notifications = house.get("notifications", Some(&bob.token)).await.expect("a list");
    let [notice] = &list.notifications[..] else { panic!("{list:?}") };
    assert_eq!((notice.by.name.as_str(), &notice.by.handle), ("ada the Person", &None));
    assert_eq!(list.unread, 1);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_who_said_yes_is_told_once_that_it_begins() {
    let house = House::open().await;
    let (ada, bob, cyd) =
        (house.member("ada").await, house.member("bob").await, house.member("cyd").await);
    for follower in [&bob, &cyd] {
        house.tell("PUT", "people/ada/follow", follower).await.expect("follows");
    }
    let mut devices = Vec::new();
    for follower in [&bob, &cyd] {
        devices.push(house.address.connect(&follower.token).await.expect("hello"));
    }
    let body = json!({ "title": "Tea", "starts_at_ms": utc_ms() + 60 * MINUTE });
    let plan = plans(&house, &ada, body).await;
    for device in &mut devices {
        assert_eq!(is_told(device).await.0, NoticeKind::Scheduled);
    }
    says_yes(&house, &plan, &bob).await;
    asks::<RoomCreated>(&house, "POST", &plan, "/start", &ada).await.expect("started");
    // The next notice is behind what it begins with.
    let next = json!({ "title": "Cake" });
    house.call::<RoomCreated>("POST", "rooms", Some(&ada.token), &next).await.expect("a room");
    for (device, kind) in devices.iter_mut().zip([NoticeKind::Reminder, NoticeKind::Live]) {
        assert_eq!(is_told(device).await.0, kind);
        assert_eq!(is_told(device).await, (NoticeKind::Live, None));
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_wants_no_reminders_and_said_yes_hears_that_it_begins() {
    let house = House::open().await;
    let (ada, bob, cyd) =
        (house.member("ada").await, house.member("bob").await, house.member("cyd").await);
    let off = json!({ "off": ["reminder", "live"], "hourly_max": 6 });
    let path = "notifications/preferences";
    house.call::<Value>("PUT", path, Some(&bob.token), &off).await.expect("kept");
    let mut devices = Vec::new();
    for person in [&bob, &cyd] {
        devices.push(house.address.connect(&person.token).await.expect("hello"));
    }
    // Its time is near: the reminder comes at once, to whoever wants it.
    let starts_at_ms = utc_ms() + 10 * MINUTE;
    let plan = plans(&house, &ada, json!({ "title": "Tea", "starts_at_ms": starts_at_ms })).await;
    for person in [&bob, &cyd] {
        says_yes(&house, &plan, person).await;
    }
    let told = async |person: &Member| {
        let list: Notifications =
            house.get("notifications", Some(&person.token)).await.expect("a list");
        list.notifications.iter().map(|notice| notice.kind).collect::<Vec<_>>()
    };
    let reminded = async {
        while told(&cyd).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, reminded).await.expect("reminded");
    asks::<RoomCreated>(&house, "POST", &plan, "/start", &ada).await.expect("started");
    assert_eq!(is_told(&mut devices[0]).await, (NoticeKind::Reminder, Some(starts_at_ms)));
    assert_eq!(told(&bob).await, [NoticeKind::Reminder], "once, of the start");
    let begun = async {
        while told(&cyd).await.len() < 2 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, begun).await.expect("told as well");
    assert_eq!(told(&cyd).await, [NoticeKind::Reminder; 2]);
    house.close().await;
}

async fn calendar(house: &House, plan: &Scheduled) -> (Vec<u8>, impl Fn(&str) -> String + use<>) {
    let path = format!("/api/v1/scheduled/{}.ics", plan.id);
    let answer = house.address.http("GET", &path, None, None).await.expect("an answer");
    assert_eq!((answer.status, &*answer.content_type), (200, "text/calendar; charset=utf-8"));
    let calendars: Vec<_> = ical::IcalParser::new(&answer.body[..]).collect();
    let [Ok(calendar)] = &calendars[..] else { panic!("no calendar: {calendars:?}") };
    let version = calendar.get_property("VERSION").and_then(|property| property.value.clone());
    assert_eq!(version.as_deref(), Some("2.0"));
    let [event] = &calendar.events[..] else { panic!("not one event") };
    let event = event.clone();
    let value = move |name: &str| {
        let property = event.get_property(name).unwrap_or_else(|| panic!("no {name}"));
        property.value.clone().unwrap_or_default()
    };
    (answer.body.to_vec(), value)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_calendar_reads_the_plan() {
    let house = House::open().await;
    let ada = house.member("ada").await;
    // Calendars know whole seconds.
    let at_ms = (utc_ms() / 1_000 + 3_600) * 1_000;
    let body = json!({
        "title": "Tea; cakes, and more", "description": "First line\nSecond line\\END:VEVENT",
        "starts_at_ms": at_ms, "max_duration_ms": 30 * MINUTE,
    });
    let plan = plans(&house, &ada, body).await;
    let (bytes, value) = calendar(&house, &plan).await;
    assert_eq!(value("UID"), format!("{}@palco", plan.id));
    assert_eq!(value("SUMMARY"), r"Tea\; cakes\, and more");
    assert!(value("DESCRIPTION").starts_with(r"First line\nSecond line\\END:VEVENT\n\nhttp://"));
    assert_eq!((value("SEQUENCE"), value("STATUS")), ("0".to_owned(), "CONFIRMED".to_owned()));
    let utc = |ms: i64| {
        let time = chrono::DateTime::from_timestamp_millis(ms).expect("a time");
        time.format("%Y%m%dT%H%M%SZ").to_string()
    };
    assert_eq!(value("DTSTART"), utc(at_ms));
    assert_eq!(value("DTEND"), utc(at_ms + 30 * MINUTE));
    assert!(value("URL").ends_with(&format!("/r/{}", plan.id)));
    assert_eq!(calendar(&house, &plan).await.0, bytes, "the same plan, the same bytes");

    house.tell("DELETE", &format!("scheduled/{}", plan.id), &ada).await.expect("called off");
    let (_, value) = calendar(&house, &plan).await;
    assert_eq!((value("SEQUENCE"), value("STATUS")), ("1".to_owned(), "CANCELLED".to_owned()));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_plans_are_refused_with_stable_codes() {
    let house = House::open().await;
    let ada = house.member("ada").await;
    let guest = house.address.guest("Gus").await.expect("a guest").token;
    let at = utc_ms() + 60 * MINUTE;
    let me = ada.account.person.id;
    let cases = [
        (json!({ "title": "A" }), ErrorCode::InvalidField),
        (json!({ "title": " ", "starts_at_ms": at }), ErrorCode::InvalidField),
        (json!({ "title": "A", "starts_at_ms": at - 120 * MINUTE }), ErrorCode::InvalidField),
        (json!({ "title": "A", "starts_at_ms": i64::MAX }), ErrorCode::InvalidField),
        (json!({ "title": "A", "starts_at_ms": i64::MIN }), ErrorCode::InvalidField),
        (json!({ "title": "A", "starts_at_ms": at, "capacity": 0 }), ErrorCode::InvalidField),
        (
            json!({ "title": "A", "starts_at_ms": at, "max_duration_ms": 1 }),
            ErrorCode::InvalidField,
        ),
        (json!({ "title": "A", "starts_at_ms": at, "co_hosts": [me] }), ErrorCode::InvalidField),
        (
            json!({ "title": "A", "starts_at_ms": at, "co_hosts": [uuid::Uuid::now_v7()] }),
            ErrorCode::NotFound,
        ),
        (json!({ "title": "A", "starts_at_ms": at, "colour": "red" }), ErrorCode::InvalidField),
    ];
    for (body, code) in cases {
        let refused = house.call::<Scheduled>("POST", "scheduled", Some(&ada.token), &body).await;
        assert_eq!(refused.err(), Some(code), "{body}");
    }
    let body = json!({ "title": "A", "starts_at_ms": at });
    let refused = house.call::<Scheduled>("POST", "scheduled", Some(&guest), &body).await;
    assert_eq!(refused.err(), Some(ErrorCode::AccountRequired));
    for path in ["scheduled/nonsense", "scheduled/nonsense.ics"] {
        let refused = house.get::<Scheduled>(path, None).await;
        assert_eq!(refused.err(), Some(ErrorCode::NotFound));
    }
    let refused = house.get::<ScheduledRooms>("scheduled?list=mine", None).await;
    assert_eq!(refused.err(), Some(ErrorCode::AccountRequired));
    let refused = house.get::<ScheduledRooms>("scheduled?cursor=x", None).await;
    assert_eq!(refused.err(), Some(ErrorCode::InvalidField));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hallway_shows_each_their_own() {
    let venue = Venue::open().await;
    let house = &venue.house;
    let (ada, ben) = (house.member("ada").await, house.member("ben").await);
    let cleo = house.member("cleo").await;
    let at = utc_ms() + 60 * MINUTE;
    let opens = async |host: &Member, body: Value| -> RoomCreated {
        house.call("POST", "rooms", Some(&host.token), &body).await.expect("a room")
    };
    let tea = opens(&ada, json!({ "title": "Tea", "topics": ["tea"] })).await;
    let few = opens(&ada, json!({ "title": "Few", "kind": "social" })).await;
    let jazz = opens(&ben, json!({ "title": "Jazz", "language": "fr" })).await;
    let soon = plans(house, &ada, json!({ "title": "Soon tea", "starts_at_ms": at })).await;
    let body = json!({ "title": "Later jazz", "starts_at_ms": at + MINUTE });
    let later = plans(house, &ben, body).await;
    house.tell("PUT", "people/ben/follow", &cleo).await.expect("follows");
    let mut host = venue.comes(&ben).await;
    host.enter(jazz.id, None).await.expect("one's own room");

    let shown = async |query: &str, token: Option<&str>| {
        let hallway: Hallway =
            house.get(&format!("hallway{query}"), token).await.expect("a hallway");
        let live: Vec<_> = hallway.live.iter().map(|shown| shown.live.room.id).collect();
        let upcoming: Vec<_> = hallway.upcoming.iter().map(|plan| plan.id).collect();
        (live, upcoming, hallway)
    };
    // What is seen of a live room is at most a second old.
    let ranked = async {
        loop {
            let (live, upcoming, hallway) = shown("", Some(&cleo.token)).await;
            if hallway.live[0].followed == [ben.account.person.id] {
                return (live, upcoming);
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let (live, upcoming) = tokio::time::timeout(SOON, ranked).await.expect("ranked in time");
    assert_eq!((live, upcoming), (vec![jazz.id, tea.id], vec![later.id, soon.id]));
    let (live, upcoming, _) = shown("?q=TEA", None).await;
    assert_eq!((live, upcoming), (vec![tea.id], vec![soon.id]));
    let (live, upcoming, _) = shown("?topic=tea", None).await;
    assert_eq!((live, upcoming), (vec![tea.id], vec![]));
    assert_eq!(shown("?language=fr", None).await.0, [jazz.id]);
    // The host follows her: the social room is hers, too.
    house.tell("PUT", "people/cleo/follow", &ada).await.expect("follows");
    assert!(shown("", Some(&cleo.token)).await.0.contains(&few.id));
    house.tell("PUT", "people/cleo/block", &ada).await.expect("blocks");
    let (live, upcoming, _) = shown("", Some(&cleo.token)).await;
    assert_eq!((live, upcoming), (vec![jazz.id], vec![later.id]));
    venue.close().await;
}
