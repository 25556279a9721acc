//! Notices over real sockets: who is told, on which devices, in which order, and what waits for those who are away.

use palco_client::Client;
use palco_protocol::{
    ClientMessage, DirectEvent,
    http::{
        MarkRead, NoticeKind, NoticePreferences, Notification, Notifications, RoomCreated,
        SetWanted, Unread, Wanted,
    },
};
use serde_json::json;

use super::Member;
use crate::{
    house::{House, SOON},
    rules::venue::Venue,
    spawned::Spawned,
};

async fn device(house: &House, member: &Member) -> Client {
    house.address.connect(&member.token).await.expect("hello")
}

async fn next(device: &mut Client) -> (Notification, bool) {
    let notice = device.wait_for("a notice", SOON, |event| match event {
        palco_client::ServerEvent::Direct(DirectEvent::Notice { notification, quiet }) => {
            Some((notification, quiet))
        }
        _ => None,
    });
    notice.await.expect("in time")
}

async fn goes_live(house: &House, host: &Member, room: serde_json::Value) -> RoomCreated {
    house.call("POST", "rooms", Some(&host.token), &room).await.expect("a room")
}

async fn list(house: &House, member: &Member) -> Notifications {
    house.get("notifications", Some(&member.token)).await.expect("a list")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_device_of_a_follower_is_told_in_order_and_what_was_missed_waits() {
    let house = House::open().await;
    let (ada, bob) = (house.member("ada").await, house.member("bob").await);
    house.tell("PUT", "people/ada/follow", &bob).await.expect("follows");
    let mut host = device(&house, &ada).await;
    let (followed, quiet) = next(&mut host).await;
    assert_eq!(
        (followed.kind, followed.by, quiet),
        (NoticeKind::Followed, bob.account.person.clone(), false)
    );

    let (mut phone, mut desk) = (device(&house, &bob).await, device(&house, &bob).await);
    let first = goes_live(&house, &ada, json!({ "title": "Tea" })).await;
    let second = goes_live(&house, &ada, json!({ "title": "Cake" })).await;
    for device in [&mut phone, &mut desk] {
        let mut last = None;
        for (room, title) in [(first.id, "Tea"), (second.id, "Cake")] {
            let (notice, quiet) = next(device).await;
            assert_eq!((notice.kind, quiet), (NoticeKind::Live, false));
            let shown = notice.room.expect("of a room");
            assert_eq!(
                (shown.id, shown.title.as_str(), shown.path),
                (room, title, format!("/r/{room}"))
            );
            assert!(last < Some(notice.id), "in order");
            last = Some(notice.id);
        }
    }
    drop((phone, desk));
    goes_live(&house, &ada, json!({ "title": "Biscuits" })).await;
    let waits = async {
        while list(&house, &bob).await.notifications.len() < 3 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, waits).await.expect("kept");
    let kept = list(&house, &bob).await;
    let titles: Vec<_> =
        kept.notifications.iter().map(|it| it.room.clone().expect("a room").title).collect();
    assert_eq!(titles, ["Biscuits", "Cake", "Tea"]);
    assert_eq!(kept.unread, 3);
    // The next device learns what waits from its welcome, and from another's reading.
    let mut phone = device(&house, &bob).await;
    let newest = kept.notifications[0].id;
    let welcomed = phone.welcome().expect("welcomed").notices;
    assert_eq!(welcomed, Some(Unread { unread: 3, newest: Some(newest) }));
    let up_to = MarkRead { up_to: Some(kept.notifications[1].id), ids: None };
    let left: Unread =
        house.call("POST", "notifications/read", Some(&bob.token), &up_to).await.expect("read");
    assert_eq!(left.unread, 1);
    let read = phone.wait_for("notices_read", SOON, |event| match event {
        palco_client::ServerEvent::Direct(DirectEvent::NoticesRead { notices }) => Some(notices),
        _ => None,
    });
    assert_eq!(read.await.expect("told"), left);
    let read: Vec<_> = list(&house, &bob).await.notifications.iter().map(|it| it.read).collect();
    assert_eq!(read, [false, true, true]);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notice_whose_receipt_was_not_said_waits_under_its_id() {
    let house = House::open().await;
    let (ada, bob) = (house.member("ada").await, house.member("bob").await);
    house.tell("PUT", "people/ada/follow", &bob).await.expect("follows");
    let mut phone = device(&house, &bob).await;
    goes_live(&house, &ada, json!({ "title": "Tea" })).await;
    let (heard, _) = next(&mut phone).await;
    let session = phone.session().to_owned();
    drop(phone);
    // As often as the socket breaks, until it is read.
    for _ in 0..2 {
        let phone = house.address.resume(&bob.token, &session).await.expect("hello");
        let waits = phone.welcome().expect("welcomed").notices;
        assert_eq!(waits, Some(Unread { unread: 1, newest: Some(heard.id) }));
        assert_eq!(list(&house, &bob).await.notifications, std::slice::from_ref(&heard));
    }
    let read = MarkRead { up_to: None, ids: Some(vec![heard.id]) };
    for _ in 0..2 {
        let path = "notifications/read";
        let left: Unread = house.call("POST", path, Some(&bob.token), &read).await.expect("read");
        assert_eq!(left.unread, 0, "said twice, it counts once");
    }
    let phone = house.address.resume(&bob.token, &session).await.expect("hello");
    let waits = phone.welcome().expect("welcomed").notices;
    assert_eq!(waits, Some(Unread { unread: 0, newest: Some(heard.id) }));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_told_what_they_do_not_want_or_may_not_know() {
    let house = House::open().await;
    let ada = house.member("ada").await;
    let mut people = Vec::new();
    for handle in ["all", "none", "off", "few", "blocked", "back"] {
        let member = house.member(handle).await;
        house.tell("PUT", "people/ada/follow", &member).await.expect("follows");
        people.push(member);
    }
    let [all, none, off, few, blocked, back] = &people[..] else { unreachable!("six") };
    let wanted = SetWanted { notices: Wanted::None };
    house.call::<()>("PUT", "people/ada/notices", Some(&none.token), &wanted).await.expect("set");
    let prefers = async |member: &Member, preferences: NoticePreferences| {
        let path = "notifications/preferences";
        let set: NoticePreferences =
            house.call("PUT", path, Some(&member.token), &preferences).await.expect("set");
        assert_eq!(set, preferences);
    };
    prefers(off, NoticePreferences { off: vec![NoticeKind::Live], ..Default::default() }).await;
    prefers(few, NoticePreferences { hourly_max: 0, ..Default::default() }).await;
    house.tell("PUT", "people/ada/block", blocked).await.expect("blocks");
    house.tell("PUT", "people/back/follow", &ada).await.expect("follows back");

    let (mut loud, mut silent) = (device(&house, all).await, device(&house, few).await);
    goes_live(&house, &ada, json!({ "title": "Open" })).await;
    let (open, quiet) = next(&mut loud).await;
    assert_eq!((open.room.expect("a room").title.as_str(), quiet), ("Open", false));
    let (_, quiet) = next(&mut silent).await;
    assert!(quiet, "beyond what they allow an hour");
    // Of a social room hear those whom the host follows; of a closed one those who are invited.
    goes_live(&house, &ada, json!({ "title": "Social", "kind": "social" })).await;
    let invited =
        json!({ "title": "Closed", "kind": "closed", "invited": [none.account.person.id] });
    goes_live(&house, &ada, invited).await;
    let invited = async {
        loop {
            if list(&house, none).await.unread == 1 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, invited).await.expect("told of the invitation");
    let titles = async |member: &Member| {
        let page = list(&house, member).await;
        page.notifications
            .into_iter()
            .filter(|it| it.kind != NoticeKind::Followed)
            .map(|it| (it.kind, it.room.expect("a room").title))
            .collect::<Vec<_>>()
    };
    let live = |title: &str| (NoticeKind::Live, title.to_owned());
    assert_eq!(titles(all).await, [live("Open")]);
    assert_eq!(titles(few).await, [live("Open")]);
    assert_eq!(titles(back).await, [live("Social"), live("Open")]);
    assert_eq!(titles(none).await, [(NoticeKind::Invited, "Closed".to_owned())]);
    assert_eq!(titles(off).await, []);
    assert_eq!(titles(blocked).await, []);
    let bad = NoticePreferences { hourly_max: 61, ..Default::default() };
    let path = "notifications/preferences";
    let refused = house.call::<NoticePreferences>("PUT", path, Some(&all.token), &bad).await;
    assert_eq!(refused.err(), Some(palco_protocol::ErrorCode::InvalidField));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_into_the_room_reaches_a_follower_wherever_they_are() {
    let venue = Venue::open().await;
    let house = &venue.house;
    let (ada, bob) = (house.member("ada").await, house.member("bob").await);
    let room = goes_live(house, &ada, json!({ "title": "Tea" })).await;
    house.tell("PUT", "people/ada/follow", &bob).await.expect("follows");
    let mut phone = device(house, &bob).await;
    let mut host = venue.comes(&ada).await;
    host.enter(room.id, None).await.expect("one's own room");
    host.does(ClientMessage::PingFollower { user: bob.account.person.id }).await;
    let mut notice = next(&mut phone).await.0;
    // Who followed in the same moment may still hear that the room opened.
    if notice.kind == NoticeKind::Live {
        notice = next(&mut phone).await.0;
    }
    assert_eq!((notice.kind, notice.by.id), (NoticeKind::Pinged, ada.account.person.id));
    assert_eq!(notice.room.expect("a room").id, room.id);
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_while_it_tells_goes_on_and_writes_nothing_twice() {
    let data = std::env::temp_dir().join(format!("palco-notices-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir_all(&data).expect("a directory");
    let mut server = Spawned::start(&data, &[]).await;
    let sign_up = async |server: &Spawned, handle: &str| -> Member {
        let body = json!({ "handle": handle, "name": handle, "password": super::PASSWORD, "session": "token" });
        let answer =
            server.address.http("POST", "/api/v1/accounts", None, Some(body.to_string().into()));
        let signed_in: palco_protocol::http::SignedIn =
            serde_json::from_slice(&answer.await.expect("an answer").body).expect("signed up");
        Member { token: signed_in.token.expect("a token"), account: signed_in.account }
    };
    let ada = sign_up(&server, "ada").await;
    let mut followers = Vec::new();
    for number in 0..20 {
        let follower = sign_up(&server, &format!("fan{number}")).await;
        let path = "/api/v1/people/ada/follow";
        server.address.http("PUT", path, Some(&follower.token), None).await.expect("follows");
        followers.push(follower);
    }
    let room = json!({ "title": "Tea" }).to_string();
    let opened =
        server.address.http("POST", "/api/v1/rooms", Some(&ada.token), Some(room.into())).await;
    assert_eq!(opened.expect("an answer").status, 201);
    // Wherever it was.
    server.kill();
    let server = Spawned::start(&data, &[]).await;
    for follower in &followers {
        let told = async {
            loop {
                let path = "/api/v1/notifications";
                let answer = server.address.http("GET", path, Some(&follower.token), None).await;
                let page: Notifications =
                    serde_json::from_slice(&answer.expect("an answer").body).expect("a list");
                if !page.notifications.is_empty() {
                    return page.notifications.len();
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        assert_eq!(tokio::time::timeout(SOON, told).await.expect("told"), 1);
    }
    drop(server);
    std::fs::remove_dir_all(&data).expect("ours");
}
