//! The database dies, or the server does: what was acknowledged is kept, and rooms live on.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use palco_protocol::{
    ClientMessage, ErrorCode,
    http::{Account, CreateAccount, Profile, SessionIn, SignedIn},
};
use serde_json::json;

use super::PASSWORD;
use crate::{
    house::{House, SOON},
    postgres::Postgres,
    rules::venue::Venue,
    spawned::Spawned,
};

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
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
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
    let room = json!({ "title": "Tea" });
    let room: palco_protocol::http::RoomCreated =
        house.call("POST", "rooms", Some(&ada.token), &room).await.expect("a room");
    let (mut host, mut visitor) = (venue.comes(&ada).await, venue.comes(&bob).await);
    host.enter(room.id, None).await.expect("one's own room");
    visitor.enter(room.id, None).await.expect("an open door");

    postgres.kill();
    // The room needs no database: hands, the stage, chat; nor does somebody whose socket dies.
    visitor.does(ClientMessage::RaiseHand).await;
    host.does(ClientMessage::Invite { user: visitor.id() }).await;
    visitor.does(ClientMessage::AcceptInvite).await;
    visitor.loses_socket();
    assert!(visitor.resumes(&venue).await.is_some(), "the session continues");
    visitor.does(ClientMessage::Chat { text: "still here".to_owned() }).await;
    // Who writes is told, and nothing is half done.
    let follows = house.tell("PUT", "people/ada/follow", &bob).await;
    assert_eq!(follows, Err(ErrorCode::StorageUnavailable));
    // A guest still comes in.
    let mut guest = venue.visitor("Gus").await;
    guest.enter(room.id, None).await.expect("an open door");

    let postgres = tokio::task::spawn_blocking(move || {
        postgres.restart();
        postgres
    });
    let postgres = postgres.await.expect("no panic");
    house.tell("PUT", "people/ada/follow", &bob).await.expect("follows now");
    let profile: Profile = house.get("people/ada", None).await.expect("seen");
    assert_eq!(profile.followers, 1);
    host.does(ClientMessage::EndRoom).await;
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
    let room: palco_protocol::http::RoomCreated = house
        .call("POST", "rooms", Some(&ada.token), &json!({ "title": "Tea" }))
        .await
        .expect("a room");
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
