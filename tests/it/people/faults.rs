//! The database dies, or the server does: what was acknowledged is kept, and rooms live on.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
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
