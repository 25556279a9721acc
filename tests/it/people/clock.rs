//! The wall clock is moved by an hour, there and back: what is kept by it stays sane. (Rooms and their audio:
//! `hardening::clock`.)

use std::{fs, path::Path, time::Duration};

use palco_client::{Client, HttpAnswer, ServerEvent};
use palco_protocol::{
    ClientMessage, DirectEvent, ErrorCode,
    http::{
        ApiKeyCreated, NoticeKind, Notification, Notifications, RoomCreated, Scheduled, SignedIn,
    },
};
use serde_json::{Value, json};

use super::{PASSWORD, outside::Receiver};
use crate::{
    house::SOON,
    spawned::{Directory, Spawned},
};

const HOUR_MS: i64 = 60 * 60 * 1_000;
const MINUTE_MS: i64 = 60 * 1_000;
/// `whsec_` and 24 bytes of nothing.
const SECRET: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

struct Somewhere<'a> {
    server: &'a Spawned,
    data: &'a Path,
    clock: &'a Path,
}

impl Somewhere<'_> {
    fn moves(&self, by: &str) {
        // Put in its place at once: the server reads it at every look at its clock.
        let new = self.clock.with_extension("new");
        fs::write(&new, by).expect("written");
        fs::rename(new, self.clock).expect("renamed");
    }

    async fn ask(&self, method: &str, path: &str, token: Option<&str>, body: Value) -> HttpAnswer {
        self.ask_with(method, path, token, &[], body).await
    }

    async fn ask_with(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        headers: &[(&str, &str)],
        body: Value,
    ) -> HttpAnswer {
        let (path, body) = (format!("/api/v1/{path}"), Some(body.to_string().into()));
        let answer = self.server.address.http_with(method, &path, token, headers, body).await;
        answer.expect("an answer")
    }

    async fn signs_up(&self, handle: &str) -> String {
        let body =
            json!({ "handle": handle, "name": handle, "password": PASSWORD, "session": "token" });
        let answer = self.ask("POST", "accounts", None, body).await;
        let signed_in: SignedIn = read(&answer);
        signed_in.token.expect("a token")
    }

    async fn plans(&self, host: &str, going: &str, starts_at_ms: i64) -> Scheduled {
        let body = json!({ "title": "Tea", "starts_at_ms": starts_at_ms });
        let plan: Scheduled = read(&self.ask("POST", "scheduled", Some(host), body).await);
        let path = format!("scheduled/{}/rsvp", plan.id);
        assert_eq!(self.ask("PUT", &path, Some(going), json!({})).await.status, 200);
        plan
    }

    async fn is_welcome(&self, token: &str) -> Result<(), ErrorCode> {
        let client = self.server.address.connect(token).await;
        client.map(drop).map_err(|error| error.code().expect("a refusal"))
    }

    /// As `palco token` prints one, good for ten minutes.
    fn application_token(&self) -> String {
        let palco = |arguments: &[&str]| {
            let mut palco = std::process::Command::new(env!("CARGO_BIN_EXE_palco"));
            let ran = palco.args(arguments).arg("--data").arg(self.data).output();
            let ran = ran.expect("the program");
            assert!(ran.status.success(), "{ran:?}");
            String::from_utf8(ran.stdout).expect("text").trim().to_owned()
        };
        let server = self.server.address.to_string();
        let key = palco(&["admin", "key", "create", "School", "--server", &server]);
        let key: ApiKeyCreated = serde_json::from_str(&key).expect("a key");
        let who = ["--user", "kim", "--name", "Kim", "--minutes", "10"];
        palco(&[&["token", "--key", &key.key.id][..], &who].concat())
    }
}

fn read<T: serde::de::DeserializeOwned>(answer: &HttpAnswer) -> T {
    assert!((200..300).contains(&answer.status), "{:?}", String::from_utf8_lossy(&answer.body));
    serde_json::from_slice(&answer.body).expect("the shape")
}

fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(now.expect("after 1970").as_millis()).expect("before the year 300 million")
}

async fn is_reminded(device: &mut Client, of: &Scheduled) -> Notification {
    let reminded = device.wait_for("the reminder", SOON, |event| match event {
        ServerEvent::Direct(DirectEvent::Notice { notification, .. }) => {
            let room = notification.room.as_ref().map(|room| room.id);
            (room == Some(of.id)).then_some(notification)
        }
        _ => None,
    });
    let notification = reminded.await.expect("in time");
    assert_eq!(notification.kind, NoticeKind::Reminder);
    notification
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_moved_by_an_hour_loses_nothing_and_repeats_nothing() {
    let data = Directory::new();
    let clock = data.0.join("clock");
    fs::write(&clock, "+0").expect("written");
    let mut hook = Receiver::open(&[503, 503]).await;
    let arguments = ["--webhook-url", &hook.address, "--webhook-secret", SECRET];
    let server = Spawned::start_by_clock(&data.0, &arguments, &clock).await;
    let here = Somewhere { server: &server, data: &data.0, clock: &clock };
    let (ada, bob) = (here.signs_up("ada").await, here.signs_up("bob").await);
    let kim = here.application_token();
    let stays = server.address.connect(&kim).await.expect("hello");
    let mut device = server.address.connect(&bob).await.expect("hello");
    let first = here.plans(&ada, &bob, now_ms() + HOUR_MS + 10 * MINUTE_MS).await;
    let second = here.plans(&ada, &bob, now_ms() + HOUR_MS + 11 * MINUTE_MS).await;
    let creates = async || -> RoomCreated {
        let headers = [("idempotency-key", "once")];
        let body = json!({ "title": "Tea" });
        read(&here.ask_with("POST", "rooms", Some(&ada), &headers, body).await)
    };
    let room = creates().await;
    // Not taken, twice; tried again four seconds later, by a clock that is then an hour behind.
    let (headers, _) = hook.next().await;
    let (again, _) = hook.next().await;
    assert_eq!(headers["webhook-id"], again["webhook-id"]);
    tokio::time::sleep(Duration::from_millis(500)).await;
    here.moves("-1h");
    let (again, _) = hook.next().await;
    assert_eq!(headers["webhook-id"], again["webhook-id"], "taken now, not in an hour");
    assert_eq!(here.is_welcome(&kim).await, Ok(()), "the token is younger than it was");

    here.moves("+1h");
    let newest = is_reminded(&mut device, &first).await;
    assert!(is_reminded(&mut device, &second).await.id > newest.id, "in order");
    assert_eq!(here.is_welcome(&kim).await, Err(ErrorCode::TokenExpired));
    stays.request(ClientMessage::Ping).await.expect("who came with it in time stays");
    assert_eq!(here.is_welcome(&bob).await, Ok(()), "sessions last for weeks");
    assert_eq!(creates().await, room, "the same request");

    here.moves("+0");
    assert_eq!(here.is_welcome(&kim).await, Ok(()));
    assert_eq!(creates().await, room, "and again");
    here.moves("+1h");
    // Its reminder comes behind all that are due before it.
    let third = here.plans(&ada, &bob, now_ms() + HOUR_MS + 12 * MINUTE_MS).await;
    let last = is_reminded(&mut device, &third).await;
    let list: Notifications = read(&here.ask("GET", "notifications", Some(&bob), json!({})).await);
    let reminders: Vec<_> =
        list.notifications.iter().filter(|it| it.kind == NoticeKind::Reminder).collect();
    let of: Vec<_> = reminders.iter().map(|it| it.room.as_ref().expect("a room").id).collect();
    assert_eq!(of, [third.id, second.id, first.id], "each once");
    // Before it happened by the clock, after it by its id.
    here.moves("-1h");
    here.ask("PUT", "people/bob/follow", Some(&ada), json!({})).await;
    let followed = device.wait_for("the follower", SOON, |event| match event {
        ServerEvent::Direct(DirectEvent::Notice { notification, .. }) => Some(notification),
        _ => None,
    });
    let followed = followed.await.expect("told");
    assert_eq!(followed.kind, NoticeKind::Followed);
    assert!(followed.id > last.id, "news, however the clock goes");
}

/// A time of day in UTC, so far from now.
fn time_of_day(from_now_ms: i64) -> String {
    let minutes = (now_ms() + from_now_ms) / MINUTE_MS;
    format!("{:02}:{:02}", minutes / 60 % 24, minutes % 60)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quiet_hours_come_and_go_with_the_clock_however_it_is_moved() {
    let data = Directory::new();
    let clock = data.0.join("clock");
    fs::write(&clock, "+0").expect("written");
    let server = Spawned::start_by_clock(&data.0, &[], &clock).await;
    let here = Somewhere { server: &server, data: &data.0, clock: &clock };
    let bob = here.signs_up("bob").await;
    // In an hour it is the middle of them.
    let (from, to) = (time_of_day(30 * MINUTE_MS), time_of_day(90 * MINUTE_MS));
    let quiet = json!({ "quiet": { "from": from, "to": to, "zone": "UTC" } });
    let kept = here.ask("PUT", "notifications/preferences", Some(&bob), quiet).await;
    assert_eq!(kept.status, 200);
    let mut device = server.address.connect(&bob).await.expect("hello");
    for (number, (offset, hushed)) in
        [("+0", false), ("+1h", true), ("+2h", false), ("+1h", true), ("-1h", false), ("+0", false)]
            .into_iter()
            .enumerate()
    {
        here.moves(offset);
        let fan = here.signs_up(&format!("fan{number}")).await;
        here.ask("PUT", "people/bob/follow", Some(&fan), json!({})).await;
        let told = device.wait_for("the follower", SOON, |event| match event {
            ServerEvent::Direct(DirectEvent::Notice { notification, quiet }) => {
                Some((notification.by.handle, quiet))
            }
            _ => None,
        });
        let told = told.await.expect("told");
        assert_eq!(told, (Some(format!("fan{number}")), hushed), "{offset}");
    }
    let list: Notifications = read(&here.ask("GET", "notifications", Some(&bob), json!({})).await);
    assert_eq!((list.notifications.len(), list.unread), (6, 6), "none is lost");
}
