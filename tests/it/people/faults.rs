//! The database dies, or the server does: what was acknowledged is kept, and rooms live on.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use palco_client::ServerEvent;
use palco_protocol::{
    ClientMessage, DirectEvent, ErrorCode,
    http::{Account, CreateAccount, Profile, RoomCreated, RoomHistory, SessionIn, SignedIn},
};
use serde_json::json;

use super::{Member, PASSWORD};
use crate::{
    house::{Guest, House, SOON, number_of},
    postgres::Postgres,
    rules::venue::Venue,
    spawned::Spawned,
};

/// How long a database is away: longer than anything here waits for it.
const AWAY: Duration = Duration::from_secs(30);

async fn goes_live(house: &House, host: &Member, title: &str) -> RoomCreated {
    let room = json!({ "title": title });
    house.call("POST", "rooms", Some(&host.token), &room).await.expect("a room")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_has_kept_all_that_it_acknowledged() {
    let data = std::env::temp_dir().join(format!("palco-kill-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir_all(&data).expect("a directory");
    let mut server = Spawned::start(&data, &[]).await;
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let stop = Arc::new(AtomicBool::new(false));
    // Four people write as fast as they are answered until the server dies under them.
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (address, acknowledged) = (server.address.clone(), Arc::clone(&acknowledged));
            let stop = Arc::clone(&stop);
            tokio::spawn(async move {
                for number in 0..1_000 {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let body = CreateAccount {
                        handle: format!("w{writer}_{number}"),
                        name: "Writer".to_owned(),
                        password: PASSWORD.to_owned(),
                        email: None,
                        session: SessionIn::Token,
                    };
                    let body = serde_json::to_vec(&body).expect("JSON");
                    let answer = address.http("POST", "/api/v1/accounts", None, Some(body)).await;
                    let Ok(answer) = answer else { return };
                    if answer.status == 201 {
                        let signed_in: SignedIn =
                            serde_json::from_slice(&answer.body).expect("signed in");
                        acknowledged.lock().expect("no panic").push(signed_in);
                    }
                }
            })
        })
        .collect();
    let enough = async {
        while acknowledged.lock().expect("no panic").len() < 20 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, enough).await.expect("twenty accounts");
    server.kill();
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.expect("no panic");
    }

    let server = Spawned::start(&data, &[]).await;
    let acknowledged = std::mem::take(&mut *acknowledged.lock().expect("no panic"));
    for signed_in in acknowledged {
        let token = signed_in.token.expect("a token");
        let answer = server.address.http("GET", "/api/v1/me", Some(&token), None).await;
        let answer = answer.expect("an answer");
        let kept: Account = serde_json::from_slice(&answer.body).expect("the account");
        assert_eq!(kept, signed_in.account);
    }
    drop(server);
    std::fs::remove_dir_all(&data).expect("ours");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_lives_on_while_the_database_is_away() {
    let mut postgres = tokio::task::spawn_blocking(Postgres::start).await.expect("no panic");
    let venue = Venue::around(House::open_on(&postgres.database()).await).await;
    let house = &venue.house;
    let (ada, bob) = (house.member("ada").await, house.member("bob").await);
    let cyd = house.member("cyd").await;
    house.tell("PUT", "people/ada/follow", &cyd).await.expect("follows");
    let room = goes_live(house, &ada, "Tea").await;
    let client = house.address.connect(&ada.token).await.expect("hello");
    let host = Guest::enter(ada.token.clone(), client, room.id).await;
    host.ask(ClientMessage::Unmute).await.expect("unmuted");
    let _speaking = host.media.play_tone(440.0).expect("a tone");
    let number = number_of(&host.snapshot, host.id());
    let listener = house.listener("Listener", room.id).await;
    listener.hears(number, 440.0).await;
    let mut visitor = venue.comes(&bob).await;
    visitor.enter(room.id, None).await.expect("an open door");
    let mut follower = house.address.connect(&cyd.token).await.expect("hello");
    // Acknowledged: they are told, whenever.
    let told = goes_live(house, &ada, "Cake").await;

    postgres.kill();
    let back = tokio::time::Instant::now() + AWAY;
    let (heard, sent) = (listener.media.packets_from(number), host.media.packets_sent());
    // The room needs no database: hands, the stage, chat; nor does somebody whose socket dies.
    visitor.does(ClientMessage::RaiseHand).await;
    host.ask(ClientMessage::Invite { user: visitor.id() }).await.expect("invited");
    visitor.does(ClientMessage::AcceptInvite).await;
    visitor.loses_socket();
    assert!(visitor.resumes(&venue).await.is_some(), "the session continues");
    visitor.does(ClientMessage::Chat { text: "still here".to_owned() }).await;
    // Who writes is told, and nothing is half done.
    let follows = house.tell("PUT", "people/ada/follow", &bob).await;
    assert_eq!(follows, Err(ErrorCode::StorageUnavailable));
    let body = json!({ "title": "Biscuits" });
    let opens = house.call::<RoomCreated>("POST", "rooms", Some(&ada.token), &body).await;
    assert_eq!(opens.err(), Some(ErrorCode::StorageUnavailable));
    let body = json!({ "handle": "dan", "name": "Dan", "password": PASSWORD, "session": "token" });
    let signs_up = house.call::<SignedIn>("POST", "accounts", None, &body).await;
    assert_eq!(signs_up.err(), Some(ErrorCode::StorageUnavailable));
    let calls = host.ask(ClientMessage::PingFollower { user: cyd.account.person.id }).await;
    assert_eq!(calls, Err(ErrorCode::StorageUnavailable));
    assert!(tokio::time::Instant::now() < back, "told while it is away, not once it is back");
    // A guest still comes in, and hears.
    let guest = house.listener("Gus", room.id).await;
    guest.hears(number, 440.0).await;
    tokio::time::sleep_until(back).await;
    // Nobody missed a packet.
    let sent = host.media.packets_sent() - sent;
    let under_way = sent.saturating_sub(listener.media.packets_from(number) - heard);
    listener.media.wait_for_packets(number, under_way, SOON).await.expect("all of it");
    let lost: u64 = (0..palco_client::SLOTS).map(|slot| listener.media.counts(slot).lost).sum();
    assert_eq!(lost, 0);

    let postgres = tokio::task::spawn_blocking(move || {
        postgres.restart();
        postgres
    });
    let postgres = postgres.await.expect("no panic");
    let notice = follower.wait_for("the notice", SOON, |event| match event {
        ServerEvent::Direct(DirectEvent::Notice { notification, .. }) => {
            notification.room.filter(|room| room.id == told.id)
        }
        _ => None,
    });
    notice.await.expect("told");
    house.tell("PUT", "people/ada/follow", &bob).await.expect("follows now");
    let profile: Profile = house.get("people/ada", None).await.expect("seen");
    assert_eq!(profile.followers, 2);
    // What happened in the room meanwhile is on record.
    let written = async {
        loop {
            let path = format!("rooms/{}/history", room.id);
            let history: RoomHistory = house.get(&path, Some(&ada.token)).await.expect("read");
            let mut events = history.events.iter();
            if events.any(|event| event.body.to_string().contains("still here")) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, written).await.expect("written");
    host.ask(ClientMessage::EndRoom).await.expect("ended");
    drop((visitor, listener, guest, follower));
    venue.close().await;
    drop(postgres);
}

/// Another program that keeps SQLite's only write lock, until dropped.
struct Lock(Child);

impl Lock {
    fn take(database: &Path) -> Self {
        const HOLD: &str = "import sqlite3, sys\n\
            held = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
            held.execute('BEGIN IMMEDIATE')\n\
            print('held', flush=True)\n\
            sys.stdin.read()";
        let mut program = Command::new("python3")
            .args(["-c", HOLD])
            .arg(database)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python is installed: scripts/setup.sh test");
        let mut said = String::new();
        let output = program.stdout.take().expect("piped");
        BufReader::new(output).read_line(&mut said).expect("a line");
        assert_eq!(said, "held\n");
        Self(program)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_database_leaves_rooms_alone_and_tells_who_writes() {
    let venue = Venue::open().await;
    let house = &venue.house;
    let (ada, bob) = (house.member("ada").await, house.member("bob").await);
    let room = goes_live(house, &ada, "Tea").await;
    let (mut host, mut visitor) = (venue.comes(&ada).await, venue.comes(&bob).await);
    host.enter(room.id, None).await.expect("one's own room");
    let lock = Lock::take(&house.data().join("palco.db"));
    // Reading waits for nobody: the door is open, the profile is seen.
    visitor.enter(room.id, None).await.expect("an open door");
    visitor.does(ClientMessage::RaiseHand).await;
    house.get::<Profile>("people/ada", None).await.expect("seen");
    let follows = house.tell("PUT", "people/ada/follow", &bob).await;
    assert_eq!(follows, Err(ErrorCode::StorageUnavailable));
    visitor.does(ClientMessage::Chat { text: "still here".to_owned() }).await;
    drop(lock);
    let follows = async {
        // What waited for the lock as well may be first.
        while house.tell("PUT", "people/ada/follow", &bob).await.is_err() {}
    };
    tokio::time::timeout(SOON, follows).await.expect("follows now");
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_leaves_rooms_alone_and_tells_who_writes() {
    let data = std::env::temp_dir().join(format!("palco-full-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir_all(&data).expect("a directory");
    let server = Spawned::start_on_disk(&data, 3).await;
    let guest = server.address.guest("Host").await.expect("a guest");
    let room = server.address.create_room(&guest.token, "A room").await.expect("a room").id;
    let host = server.address.connect(&guest.token).await.expect("hello");
    let _session = host.join(room, None).await.expect("joined");
    let refused = async {
        for number in 0.. {
            let body = json!({
                "handle": format!("w_{number}"), "name": "Writer", "password": PASSWORD, "session": "token",
            });
            let body = Some(body.to_string().into());
            let answer = server.address.http("POST", "/api/v1/accounts", None, body).await;
            let answer = answer.expect("an answer");
            if answer.status != 201 {
                let problem: palco_protocol::http::Problem =
                    serde_json::from_slice(&answer.body).expect("a problem");
                return problem.code;
            }
        }
        unreachable!("numbers do not end")
    };
    let refused = tokio::time::timeout(SOON * 4, refused).await.expect("the disk fills");
    assert_eq!(refused, ErrorCode::StorageUnavailable);
    // The room does not notice, and what was written can be read.
    let chat = ClientMessage::Chat { text: "still here".to_owned() };
    host.request(chat).await.expect("written");
    let read = server.address.http("GET", "/api/v1/people/w_0", None, None).await;
    assert_eq!(read.expect("an answer").status, 200);
    drop(server);
    std::fs::remove_dir_all(&data).expect("ours");
}
