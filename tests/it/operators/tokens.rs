//! Tokens over the wire: whatever is wrong with one has its code, on the socket and on HTTP alike; and one that runs out
//! ends what it began.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, get_current_timestamp};
use palco_protocol::{
    ClientMessage, DirectEvent, ErrorCode,
    http::{ApiKeyCreated, RoomCreated},
};
use serde_json::{Value, json};

use super::products::{comes, opens};
use crate::{
    house::House,
    rules::venue::{Told, Venue},
};

fn claims(key: &ApiKeyCreated) -> Value {
    json!({
        "iss": key.key.id, "sub": "user-17", "name": "Ada", "aud": "palco",
        "exp": get_current_timestamp() + 600, "grants": { "join": true, "speak": true },
    })
}

fn signed_by(algorithm: Algorithm, secret: &str, claims: &Value) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key).expect("signed")
}

fn with(key: &ApiKeyCreated, field: &str, value: Value) -> String {
    let mut claims = claims(key);
    claims[field] = value;
    signed_by(Algorithm::HS256, &key.secret, &claims)
}

/// The socket's `hello` and a request of HTTP say the same.
async fn is_refused(house: &House, what: &str, token: &str, code: ErrorCode) {
    let hello = house.address.connect(token).await.err();
    assert_eq!(hello.and_then(|error| error.code()), Some(code), "{what}: hello");
    let room = json!({ "title": "A room" });
    let opened = house.call::<RoomCreated>("POST", "rooms", Some(token), &room).await;
    assert_eq!(opened.err(), Some(code), "{what}: HTTP");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_token_has_its_code() {
    let (house, elsewhere) = (House::open().await, House::open().await);
    let (key, other) = (house.key("School").await, house.key("Shop").await);
    let foreign = elsewhere.key("School").await;
    let good = signed_by(Algorithm::HS256, &key.secret, &claims(&key));
    house.address.connect(&good).await.expect("a good one is good");

    let now = get_current_timestamp();
    let payload = good.split('.').nth(1).expect("three parts").to_owned();
    let none = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    let mut unknown = claims(&key);
    unknown["iss"] = "palco_k_0000000000000000".into();
    let unauthorized = [
        ("not yet valid", with(&key, "nbf", (now + 60).into())),
        ("for longer than a day", with(&key, "exp", (now + 90_000).into())),
        ("without an end", with(&key, "exp", Value::Null)),
        ("oversized", with(&key, "sub", "x".repeat(4_096).into())),
        ("alg none", format!("{none}.{payload}.")),
        ("another algorithm", signed_by(Algorithm::HS512, &key.secret, &claims(&key))),
        ("another key's secret", signed_by(Algorithm::HS256, &other.secret, &claims(&key))),
        ("an unknown key", signed_by(Algorithm::HS256, &key.secret, &unknown)),
        ("another server's", signed_by(Algorithm::HS256, &foreign.secret, &claims(&foreign))),
        ("for another audience", with(&key, "aud", "elsewhere".into())),
        ("a misspelt grant", with(&key, "grants", json!({ "join": true, "speek": true }))),
        ("a room that is none", with(&key, "grants", json!({ "join": true, "room": "all" }))),
        ("cut short", good[..good.len() - 4].to_owned()),
        ("nonsense", "nonsense".to_owned()),
    ];
    for (what, token) in unauthorized {
        is_refused(&house, what, &token, ErrorCode::Unauthorized).await;
    }
    let expired = with(&key, "exp", (now - 60).into());
    is_refused(&house, "expired", &expired, ErrorCode::TokenExpired).await;
    let session = format!("palco_s_{}", "0".repeat(64));
    is_refused(&house, "a session that is over", &session, ErrorCode::TokenExpired).await;
    house.close().await;
    elsewhere.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_token_does_not_grant_is_refused() {
    let venue = Venue::open().await;
    let key = venue.house.key("School").await;
    let teacher = venue.house.token(&key, "teacher", &["--host"]).await;
    let room = opens(&venue, &teacher, json!({ "title": "Physics" })).await.expect("a room");
    let other = opens(&venue, &teacher, json!({ "title": "Maths" })).await.expect("a room");
    let granted = |grants: Value| {
        let mut claims = claims(&key);
        claims["grants"] = grants;
        signed_by(Algorithm::HS256, &key.secret, &claims)
    };
    // Nothing at all; that room alone; listening; speaking.
    let mut nobody = comes(&venue, &granted(json!({}))).await;
    assert_eq!(nobody.enter(room, None).await.err(), Some(ErrorCode::NotGranted));
    let only = granted(json!({ "join": true, "room": room }));
    let mut listener = comes(&venue, &only).await;
    assert_eq!(listener.enter(other, None).await.err(), Some(ErrorCode::NotGranted));
    listener.enter(room, None).await.expect("its room");
    assert_eq!(listener.ask(ClientMessage::RaiseHand).await, Err(ErrorCode::NotGranted));
    let speaks = granted(json!({ "join": true, "speak": true }));
    let mut speaker = comes(&venue, &speaks).await;
    speaker.enter(room, None).await.expect("any room");
    for command in [ClientMessage::EndRoom, ClientMessage::Lock] {
        assert_eq!(speaker.ask(command).await, Err(ErrorCode::Forbidden));
    }
    for token in [&only, &speaks] {
        let opened = opens(&venue, token, json!({ "title": "Mine" })).await;
        assert_eq!(opened, Err(ErrorCode::NotGranted));
    }
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_token_runs_out_is_out_unless_another_was_shown() {
    let venue = Venue::open().await;
    let key = venue.house.key("School").await;
    let teacher = venue.house.token(&key, "teacher", &["--host"]).await;
    let room = opens(&venue, &teacher, json!({ "title": "Physics" })).await.expect("a room");
    let mut host = comes(&venue, &teacher).await;
    host.enter(room, None).await.expect("one's own");
    let short = |subject: &str| {
        let mut claims = claims(&key);
        claims["sub"] = subject.into();
        claims["exp"] = (get_current_timestamp() + 1).into();
        signed_by(Algorithm::HS256, &key.secret, &claims)
    };
    let mut leaves = comes(&venue, &short("leaves")).await;
    leaves.enter(room, None).await.expect("in");
    let mut stays = comes(&venue, &short("stays")).await;
    stays.enter(room, None).await.expect("in");
    let mut claims = claims(&key);
    claims["sub"] = "stays".into();
    stays.token = signed_by(Algorithm::HS256, &key.secret, &claims);
    stays.loses_socket();
    assert!(stays.resumes(&venue).await.is_some(), "the session goes on with another token");

    let closing = |told: &Told| matches!(told, Told::Me(DirectEvent::Closing { error }) if error.code == ErrorCode::TokenExpired);
    leaves.news_until(closing).await;
    assert_eq!(leaves.is_closed().await, ErrorCode::TokenExpired.close_code());
    let gone = leaves.id();
    let left = host.ask(ClientMessage::Invite { user: gone }).await;
    assert_eq!(left, Err(ErrorCode::NotPresent), "out of the room, too");
    assert_eq!(stays.ask(ClientMessage::RaiseHand).await, Ok(()));
    // With other grants, the room is entered anew.
    claims["grants"] = json!({ "join": true });
    stays.token = signed_by(Algorithm::HS256, &key.secret, &claims);
    stays.loses_socket();
    assert!(stays.resumes(&venue).await.is_none(), "another session");
    stays.enter(room, None).await.expect("in again");
    assert_eq!(stays.ask(ClientMessage::RaiseHand).await, Err(ErrorCode::NotGranted));
    venue.close().await;
}
