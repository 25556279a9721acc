//! Creations that come again with their `Idempotency-Key`.

use std::process::Command;

use palco_protocol::http::{
    Account, CreateAccount, LiveRooms, ScheduledRooms, SessionIn, SignedIn,
};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    house::House,
    people::PASSWORD,
    spawned::{Directory, Spawned},
};

const KEY: &str = "6f1c9b52-9b0f-4c8e-8f0e-0a3d5f6b7c8d";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creation_that_comes_again_is_done_once() {
    let house = House::open().await;
    let ada = house.member("ada").await;
    let eve = house.member("eve").await;
    let create = async |token: &str, key: &str, title: &str| {
        let body = Some(json!({ "title": title }).to_string().into_bytes());
        let headers = [("idempotency-key", key)];
        let answer = house.address.http_with("POST", "/api/v1/rooms", Some(token), &headers, body);
        let answer = answer.await.expect("an answer");
        (answer.status, serde_json::from_slice::<serde_json::Value>(&answer.body).expect("JSON"))
    };
    let (first, second) =
        tokio::join!(create(&ada.token, "one", "Tea"), create(&ada.token, "one", "Tea"));
    assert_eq!(first.0, 201);
    assert_eq!(first, second, "also at the same time");
    assert_eq!(create(&ada.token, "one", "Tea").await, first);
    let (status, problem) = create(&ada.token, "one", "Coffee").await;
    assert_eq!((status, problem["code"].as_str()), (422, Some("key_reused")));
    assert_ne!(create(&ada.token, "two", "Tea").await.1, first.1, "another key");
    assert_ne!(create(&eve.token, "one", "Tea").await.1, first.1, "another person");
    // What was refused may be tried again with the same key.
    assert_eq!(create(&ada.token, "three", "").await.0, 422);
    assert_eq!(create(&ada.token, "three", "Tea").await.0, 201);
    assert_eq!(create(&ada.token, &"x".repeat(101), "Tea").await.0, 422);
    let rooms: LiveRooms = house.get("rooms", None).await.expect("a list");
    assert_eq!(rooms.rooms.len(), 4);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_asked_before_it_hung_up_is_done_once_all_the_same() {
    let house = House::open().await;
    let ada = house.member("ada").await;
    let body = json!({ "title": "Tea" }).to_string();
    let request = format!(
        "POST /api/v1/rooms HTTP/1.1\r\nHost: palco\r\nAuthorization: Bearer {}\r\nIdempotency-Key: {KEY}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        ada.token,
        body.len()
    );
    for _ in 0..5 {
        let mut stream = TcpStream::connect(house.http()).await.expect("connected");
        stream.write_all(request.as_bytes()).await.expect("sent");
        // Gone before any answer.
        drop(stream);
    }
    let headers = [("idempotency-key", KEY)];
    let body = Some(body.into_bytes());
    let answer = house.address.http_with("POST", "/api/v1/rooms", Some(&ada.token), &headers, body);
    assert_eq!(answer.await.expect("an answer").status, 201);
    let rooms: LiveRooms = house.get("rooms", None).await.expect("a list");
    assert_eq!(rooms.rooms.len(), 1);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_up_again_signs_in_and_leaves_no_secret_behind() {
    let house = House::open().await;
    let sign_up = async |handle: &str, key: &str, session| {
        let body = CreateAccount {
            handle: handle.to_owned(),
            name: "Ada".to_owned(),
            password: PASSWORD.to_owned(),
            email: None,
            session,
        };
        let body = Some(serde_json::to_vec(&body).expect("JSON"));
        let headers = [("idempotency-key", key)];
        let answer = house.address.http_with("POST", "/api/v1/accounts", None, &headers, body);
        answer.await.expect("an answer")
    };
    let first = sign_up("ada", KEY, SessionIn::Token).await;
    let again = sign_up("ada", KEY, SessionIn::Token).await;
    assert_eq!((first.status, again.status, &first.body), (201, 201, &again.body));
    let signed_in: SignedIn = serde_json::from_slice(&again.body).expect("signed in");
    let token = signed_in.token.expect("a token");
    assert_eq!(house.get::<Account>("me", Some(&token)).await, Ok(signed_in.account));
    assert_eq!(sign_up("eve", KEY, SessionIn::Token).await.status, 422, "reused");
    assert_eq!(
        sign_up("eve", "one", SessionIn::Token).await.status,
        422,
        "too short for a stranger's"
    );

    let key = "00000000-0000-0000-0000-000000000002";
    let first = sign_up("bob", key, SessionIn::Cookie).await;
    let again = sign_up("bob", key, SessionIn::Cookie).await;
    let cookie = first.headers.get("set-cookie").expect("a cookie");
    assert_eq!(again.headers.get("set-cookie"), Some(cookie));

    let mut looked_at = 0;
    for entry in std::fs::read_dir(house.data()).expect("the data directory") {
        let path = entry.expect("an entry").path();
        let Ok(content) = std::fs::read(&path) else { continue };
        looked_at += content.len();
        for secret in [token.as_bytes(), PASSWORD.as_bytes()] {
            let found = content.windows(secret.len()).any(|part| part == secret);
            assert!(!found, "a secret is in {}", path.display());
        }
    }
    assert!(looked_at > 10_000, "the database was read");
    house.close().await;
}

/// Another program's change to a database that is in use.
fn change(database: &std::path::Path, statement: &str) {
    const RUN: &str = "import sqlite3, sys\n\
        sqlite3.connect(sys.argv[1], isolation_level=None).execute(sys.argv[2])";
    let ran = Command::new("python3").args(["-c", RUN]).arg(database).arg(statement).status();
    assert!(ran.expect("Python is installed: scripts/setup.sh test").success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_whose_answer_was_lost_with_the_server_is_not_made_again() {
    let data = Directory::new();
    let database = data.0.join("palco.db");
    let mut server = Spawned::start(&data.0, &[]).await;
    let body = json!({ "handle": "ada", "name": "Ada", "password": PASSWORD, "session": "token" });
    let body = Some(body.to_string().into_bytes());
    let answer = server.address.http("POST", "/api/v1/accounts", None, body).await;
    let ada: SignedIn =
        serde_json::from_slice(&answer.expect("an answer").body).expect("signed in");
    let token = ada.token.expect("a token");
    let starts_at_ms = ada.account.created_at_ms + 60 * 60 * 1_000;
    let plans = async |server: &Spawned, title: &str| {
        let body = json!({ "title": title, "starts_at_ms": starts_at_ms }).to_string();
        let (body, headers) = (Some(body.into_bytes()), [("idempotency-key", KEY)]);
        let path = "/api/v1/scheduled";
        let answer = server.address.http_with("POST", path, Some(&token), &headers, body).await;
        let answer = answer.expect("an answer");
        (answer.status, serde_json::from_slice::<Value>(&answer.body).expect("JSON"))
    };
    // Done, and then no answer is kept: as if the server had died in between.
    change(
        &database,
        "CREATE TRIGGER lost BEFORE INSERT ON idempotency WHEN NEW.status <> 0 BEGIN SELECT RAISE(ABORT, 'lost'); END",
    );
    let first = plans(&server, "Tea").await;
    assert_eq!(first.0, 201, "{first:?}");
    server.kill();
    change(&database, "DROP TRIGGER lost");
    let server = Spawned::start(&data.0, &[]).await;
    let (status, problem) = plans(&server, "Coffee").await;
    assert_eq!((status, problem["code"].as_str()), (422, Some("key_reused")));
    assert_eq!(plans(&server, "Tea").await, first, "found again");
    assert_eq!(plans(&server, "Tea").await, first, "and kept by now");
    let path = "/api/v1/scheduled?list=mine";
    let list = server.address.http("GET", path, Some(&token), None).await.expect("an answer");
    let list: ScheduledRooms = serde_json::from_slice(&list.body).expect("a list");
    assert_eq!(list.scheduled.len(), 1);
}
