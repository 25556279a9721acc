//! Operators and other products: `palco admin` and `palco token` against a running server, and what follows from them.

mod doctor;
mod products;
mod repeats;
mod tokens;

use std::process::{Command, Output};

use palco_protocol::{
    ClientMessage, DirectEvent, ErrorCode,
    http::{LiveRooms, Reports, RoomCreated},
};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::{
    house::{House, SOON},
    people::PASSWORD,
    rules::venue::{Told, Venue},
};

impl House {
    /// The real program, in this server's name.
    pub(crate) async fn palco(&self, command: &str, arguments: &[&str]) -> Output {
        let mut palco = Command::new(env!("CARGO_BIN_EXE_palco"));
        palco.arg(command).args(arguments).arg("--data").arg(self.data());
        if command == "admin" {
            palco.arg("--server").arg(self.address.to_string());
        }
        let ended = tokio::task::spawn_blocking(move || palco.output());
        ended.await.expect("it ran").expect("the program")
    }

    pub(crate) async fn admin(&self, arguments: &[&str]) -> Result<Vec<u8>, String> {
        let output = self.palco("admin", arguments).await;
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(String::from_utf8(output.stderr).expect("text"))
        }
    }

    async fn admin_reads<T: DeserializeOwned>(&self, arguments: &[&str]) -> T {
        let printed = self.admin(arguments).await.expect("done");
        serde_json::from_slice(&printed).expect("the shape")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_lists_and_ends_rooms_of_every_kind() {
    let venue = Venue::open().await;
    let ada = venue.house.member("ada").await;
    let room = json!({ "title": "Secret", "kind": "closed" });
    let room: RoomCreated =
        venue.house.call("POST", "rooms", Some(&ada.token), &room).await.expect("a room");
    let mut host = venue.comes(&ada).await;
    host.enter(room.id, None).await.expect("one's own room");

    let listed: LiveRooms = venue.house.admin_reads(&["rooms"]).await;
    assert_eq!(listed.rooms.len(), 1);
    assert_eq!(listed.rooms[0].room.id, room.id);
    venue.house.admin(&["end-room", &room.id.to_string()]).await.expect("ended");
    let ended = |told: &Told| format!("{told:?}").contains("EndedByOperator");
    host.news_until(ended).await;
    let again = venue.house.admin(&["end-room", &room.id.to_string()]).await;
    assert!(again.expect_err("gone").contains("room_not_found"));
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_account_is_out_of_everything_at_once() {
    let venue = Venue::open().await;
    let (ada, bob) = (venue.house.member("ada").await, venue.house.member("bob").await);
    let room: RoomCreated = venue
        .house
        .call("POST", "rooms", Some(&ada.token), &json!({ "title": "Tea" }))
        .await
        .expect("a room");
    let mut host = venue.comes(&ada).await;
    host.enter(room.id, None).await.expect("one's own room");
    let mut visitor = venue.comes(&bob).await;
    visitor.enter(room.id, None).await.expect("an open door");
    host.sees_counts(1, 0).await;

    venue.house.admin(&["suspend", "bob"]).await.expect("suspended");
    let closing = |told: &Told| matches!(told, Told::Me(DirectEvent::Closing { error }) if error.code == ErrorCode::Suspended);
    visitor.news_until(closing).await;
    assert_eq!(visitor.is_closed().await, ErrorCode::Suspended.close_code());
    host.sees_counts(0, 0).await;
    let me = venue.house.get::<serde_json::Value>("me", Some(&bob.token)).await;
    assert_eq!(me.err(), Some(ErrorCode::TokenExpired));
    let sign_in = json!({ "login": "bob", "password": PASSWORD, "session": "token" });
    let signs_in = || venue.house.call::<serde_json::Value>("POST", "session", None, &sign_in);
    assert_eq!(signs_in().await.err(), Some(ErrorCode::Suspended));
    venue.house.admin(&["unsuspend", "@bob"]).await.expect("lifted");
    assert!(signs_in().await.is_ok());
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_are_made_and_unmade_and_others_may_nothing() {
    let house = House::open().await;
    let ada = house.member("ada").await;
    let rooms = |token| house.get::<LiveRooms>("admin/rooms", token);
    assert_eq!(rooms(Some(ada.token.as_str())).await.err(), Some(ErrorCode::Forbidden));
    assert_eq!(rooms(None).await.err(), Some(ErrorCode::Unauthorized));
    let guest = house.address.guest("Guest").await.expect("a guest").token;
    assert_eq!(rooms(Some(guest.as_str())).await.err(), Some(ErrorCode::AccountRequired));
    house.admin(&["grant", "ada"]).await.expect("granted");
    assert!(rooms(Some(ada.token.as_str())).await.is_ok());
    house.admin(&["revoke", "ada"]).await.expect("revoked");
    assert_eq!(rooms(Some(ada.token.as_str())).await.err(), Some(ErrorCode::Forbidden));
    assert!(house.admin(&["grant", "nobody"]).await.expect_err("nobody").contains("not_found"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_servers_data_directory_is_no_way_in() {
    let (house, other) = (House::open().await, House::open().await);
    let data = other.data().to_str().expect("a path").to_owned();
    let server = house.address.to_string();
    let ran = tokio::task::spawn_blocking(move || {
        let palco = || Command::new(env!("CARGO_BIN_EXE_palco"));
        let with = |data: &str| {
            palco().args(["admin", "rooms", "--server", &server, "--data", data]).output()
        };
        (with(&data), with("/nonexistent"))
    });
    let (foreign, none) = ran.await.expect("they ran");
    let foreign = foreign.expect("the program");
    assert!(!foreign.status.success());
    assert!(String::from_utf8_lossy(&foreign.stderr).contains("unauthorized"));
    let none = none.expect("the program");
    assert!(!none.status.success());
    assert!(String::from_utf8_lossy(&none.stderr).contains("cannot read the server's key"));
    house.close().await;
    other.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_wait_until_they_are_handled() {
    let venue = Venue::open().await;
    let mut host = venue.host().await;
    let eve = venue.listener("Eve", host.room()).await;
    eve.does(ClientMessage::Chat { text: "Buy my coins".to_owned() }).await;
    let report = ClientMessage::Report { user: eve.id(), reason: "spam".to_owned() };
    host.does(report).await;
    host.news().await;
    let waiting = async {
        loop {
            let Reports { mut reports, next } = venue.house.admin_reads(&["reports"]).await;
            assert!(next.is_none());
            if let Some(report) = reports.pop() {
                return report;
            }
            // The history is written behind the room.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let report = tokio::time::timeout(SOON, waiting).await.expect("kept in time");
    assert_eq!(report.room, host.room());
    assert_eq!(report.entry.reason.as_deref(), Some("spam"));
    assert_eq!(report.entry.by.id, host.id());
    assert_eq!(report.evidence[0].text, "Buy my coins");
    venue.house.admin(&["handle", &report.id]).await.expect("handled");
    let left: Reports = venue.house.admin_reads(&["reports"]).await;
    assert!(left.reports.is_empty());
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_rooms_comes_in_pages() {
    let house = House::open().await;
    // Two people: one may not write so much at once.
    for handle in ["ada", "bob"] {
        let member = house.member(handle).await;
        for _ in 0..60 {
            house.address.create_room(&member.token, "A room").await.expect("a room");
        }
    }
    let first: LiveRooms = house.get("rooms", None).await.expect("a page");
    assert_eq!(first.rooms.len(), 100);
    let next = format!("rooms?cursor={}", first.next.expect("more"));
    let last: LiveRooms = house.get(&next, None).await.expect("a page");
    assert_eq!(last.rooms.len(), 20);
    assert_eq!(last.next, None);
    let mut ids: Vec<_> = first.rooms.iter().chain(&last.rooms).map(|live| live.room.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 120);
    let bad = house.get::<LiveRooms>("rooms?cursor=nonsense", None).await;
    assert_eq!(bad.err(), Some(ErrorCode::InvalidField));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_person_cannot_write_without_end() {
    let house = House::open().await;
    let (ada, bob) = (house.member("ada").await, house.member("bob").await);
    // A burst of 100, then five a second: 300 quick ones cannot all be let through.
    let mut refused = 0;
    for _ in 0..300 {
        match house.tell("PUT", "people/bob/follow", &ada).await {
            Ok(()) => {}
            Err(code) => {
                assert_eq!(code, ErrorCode::RateLimited);
                refused += 1;
                break;
            }
        }
    }
    assert_eq!(refused, 1);
    assert_eq!(house.tell("PUT", "people/ada/follow", &bob).await, Ok(()), "others may");
    // Rooms are told to others: 60 at once.
    let room = json!({ "title": "Tea" });
    let opens = || house.call::<RoomCreated>("POST", "rooms", Some(&bob.token), &room);
    let mut opened = 0;
    let refused = loop {
        match opens().await {
            Ok(_) => opened += 1,
            Err(code) => break code,
        }
    };
    assert_eq!(refused, ErrorCode::RateLimited);
    assert!((60..90).contains(&opened), "{opened}: less than those of writing");
    let plan = json!({ "title": "Tea", "starts_at_ms": 0 });
    let plan = house.call::<serde_json::Value>("POST", "scheduled", Some(&bob.token), &plan).await;
    assert_eq!(plan.err(), Some(ErrorCode::RateLimited), "planned ones are counted with them");
    house.close().await;
}
