//! What leaves for other servers: web pushes, to a push service of the test's own that decrypts them, and webhooks.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use aws_lc_rs::{aead, agreement, hkdf, hmac, rand};
use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode},
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use palco_protocol::{
    ClientMessage, ErrorCode,
    http::{PushKey, PushKeys, PushSubscription, RoomCreated},
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::house::{House, SOON};

/// An HTTP server of the test's own: it answers as told, 200 afterwards, and hands on what it got.
pub(super) struct Receiver {
    pub(super) address: String,
    got: mpsc::UnboundedReceiver<(HeaderMap, Bytes)>,
}

impl Receiver {
    pub(super) async fn open(answers: &[u16]) -> Self {
        let (send, got) = mpsc::unbounded_channel();
        let answers = Arc::new(Mutex::new(VecDeque::from(answers.to_vec())));
        let take = async move |headers: HeaderMap, body: Bytes| {
            let status = answers.lock().expect("not poisoned").pop_front().unwrap_or(200);
            let _ = send.send((headers, body));
            StatusCode::from_u16(status).expect("a status")
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("bound"));
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(take)).await });
        Self { address, got }
    }

    pub(super) async fn next(&mut self) -> (HeaderMap, Bytes) {
        let got = tokio::time::timeout(SOON, self.got.recv()).await;
        got.expect("in time").expect("the server runs")
    }
}

/// A browser's half of a subscription.
struct Browser {
    key: agreement::PrivateKey,
    auth: [u8; 16],
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn derived<const N: usize>(salt: &[u8], ikm: &[u8], info: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    let key = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(ikm);
    key.expand(&[info], Length(N)).expect("a length").fill(&mut out).expect("filled");
    out
}

impl Browser {
    fn new() -> Self {
        let mut auth = [0; 16];
        rand::fill(&mut auth).expect("random");
        Self { key: agreement::PrivateKey::generate(&agreement::ECDH_P256).expect("a key"), auth }
    }

    fn public(&self) -> Vec<u8> {
        self.key.compute_public_key().expect("a point").as_ref().to_vec()
    }

    fn subscription(&self, endpoint: String) -> PushSubscription {
        let keys = PushKeys {
            p256dh: BASE64_URL_SAFE_NO_PAD.encode(self.public()),
            auth: BASE64_URL_SAFE_NO_PAD.encode(self.auth),
        };
        PushSubscription { endpoint, keys }
    }

    /// As a browser reads a message (RFC 8188, section 2.1; RFC 8291, section 3.4).
    fn open(&self, body: &[u8]) -> Value {
        let (salt, rest) = body.split_at(16);
        assert_eq!(rest[..5], [0, 0, 16, 0, 65], "one record of 4096 bytes, a point");
        let (sender, sealed) = rest[5..].split_at(65);
        let peer = agreement::UnparsedPublicKey::new(&agreement::ECDH_P256, sender);
        let info = [b"WebPush: info\0", &self.public()[..], sender].concat();
        let ikm: [u8; 32] = agreement::agree(&self.key, peer, "no point", |shared| {
            Ok(derived(&self.auth, shared, &info))
        })
        .expect("agreed");
        let key: [u8; 16] = derived(salt, &ikm, b"Content-Encoding: aes128gcm\0");
        let nonce: [u8; 12] = derived(salt, &ikm, b"Content-Encoding: nonce\0");
        let key = aead::UnboundKey::new(&aead::AES_128_GCM, &key).expect("a key");
        let mut text = sealed.to_vec();
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        let opened =
            aead::LessSafeKey::new(key).open_in_place(nonce, aead::Aad::empty(), &mut text);
        let (last, message) = opened.expect("for this browser").split_last().expect("padding");
        assert_eq!(*last, 2, "the last record");
        serde_json::from_slice(message).expect("JSON")
    }
}

/// Checks `Authorization: vapid t=…, k=…` (RFC 8292, section 3).
fn check_vapid(headers: &HeaderMap, key: &str, audience: &str) {
    let text = headers["authorization"].to_str().expect("text");
    let (token, k) = text.strip_prefix("vapid t=").expect("vapid").split_once(", k=").expect("k");
    assert_eq!(k, key, "the key that the browser subscribed with");
    let point = BASE64_URL_SAFE_NO_PAD.decode(k).expect("base64url");
    let part = |range: std::ops::Range<usize>| BASE64_URL_SAFE_NO_PAD.encode(&point[range]);
    let check = jsonwebtoken::DecodingKey::from_ec_components(&part(1..33), &part(33..65));
    let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::ES256);
    rules.set_audience(&[audience]);
    let claims = jsonwebtoken::decode::<Value>(token, &check.expect("a key"), &rules);
    let claims = claims.expect("signed by the key").claims;
    assert_eq!(claims["sub"], "mailto:ops@rooms.example");
    let life_s = claims["exp"].as_u64().expect("exp") - jsonwebtoken::get_current_timestamp();
    assert!(life_s <= 24 * 60 * 60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_browser_is_pushed_to_until_it_is_taken_and_forgotten_when_it_is_gone() {
    let mut service = Receiver::open(&[503, 201, 410]).await;
    let house = House::open_as(palco::Config {
        push_contact: Some("mailto:ops@rooms.example".to_owned()),
        push_anywhere: true,
        ..palco::Config::default()
    })
    .await;
    let (ada, bob) = (house.member("ada").await, house.member("bob").await);
    house.tell("PUT", "people/ada/follow", &bob).await.expect("follows");
    let PushKey { key } = house.get("push/key", None).await.expect("a key");
    let browser = Browser::new();
    let subscription = browser.subscription(format!("{}/push/1", service.address));
    let path = "push/subscriptions";
    house.call::<()>("PUT", path, Some(&bob.token), &subscription).await.expect("subscribed");

    let live = async |title: &str| -> RoomCreated {
        let room = json!({ "title": title });
        house.call("POST", "rooms", Some(&ada.token), &room).await.expect("a room")
    };
    let room = live("Tea").await;
    let mut messages = Vec::new();
    // The service is busy once: the same message comes again, sealed anew.
    for _ in 0..2 {
        let (headers, body) = service.next().await;
        assert_eq!(headers["content-encoding"], "aes128gcm");
        assert_eq!(headers["ttl"], "14400");
        check_vapid(&headers, &key, &service.address);
        messages.push((browser.open(&body), body));
    }
    assert_eq!(messages[0].0, messages[1].0);
    assert_ne!(messages[0].1, messages[1].1);
    let message = &messages[0].0;
    assert_eq!(message["kind"], "live");
    assert_eq!(message["title"], "ada the Person is live");
    assert_eq!((&message["body"], &message["url"]), (&json!("Tea"), &json!(room.path)));

    let room = live("Cake").await;
    let (_, body) = service.next().await;
    assert_eq!(browser.open(&body)["url"], room.path);
    let forgotten = async {
        loop {
            let kept: Value = house.get("me/export", Some(&bob.token)).await.expect("an export");
            if kept["push_subscriptions"] == json!([]) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, forgotten).await.expect("410 is gone");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_pushes_nowhere_private_and_only_where_it_is_told_to() {
    let house = House::open().await;
    let bob = house.member("bob").await;
    let browser = Browser::new();
    let put = async |house: &House, token: &str, endpoint: &str| {
        let subscription = browser.subscription(endpoint.to_owned());
        house.call::<()>("PUT", "push/subscriptions", Some(token), &subscription).await
    };
    assert_eq!(house.get::<PushKey>("push/key", None).await.err(), Some(ErrorCode::NotFound));
    let refused = put(&house, &bob.token, "https://push.example/1").await;
    assert_eq!(refused, Err(ErrorCode::NotFound));
    house.close().await;

    let push_contact = Some("mailto:ops@rooms.example".to_owned());
    let house = House::open_as(palco::Config { push_contact, ..palco::Config::default() }).await;
    let bob = house.member("bob").await;
    for endpoint in ["http://push.example/1", "https://127.0.0.1/1", "https://[::1]/1", "push"] {
        let refused = put(&house, &bob.token, endpoint).await;
        assert_eq!(refused, Err(ErrorCode::InvalidField), "{endpoint}");
    }
    let long = format!("https://push.example/{}", "x".repeat(1_000));
    assert_eq!(put(&house, &bob.token, &long).await, Err(ErrorCode::InvalidField));
    put(&house, &bob.token, "https://push.example/1").await.expect("a public server");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_in_a_room_is_told_to_a_webhook_signed_until_it_is_taken() {
    let mut receiver = Receiver::open(&[500]).await;
    let secret = [7; 32];
    let house = House::open_as(palco::Config {
        webhook_url: Some(format!("{}/hook", receiver.address)),
        webhook_secret: Some(format!("whsec_{}", BASE64_STANDARD.encode(secret))),
        ..palco::Config::default()
    })
    .await;
    let host = house.host("Host").await;
    let listener = house.listener("Listener", host.room()).await;
    listener.ask(ClientMessage::Leave).await.expect("left");
    host.ask(ClientMessage::EndRoom).await.expect("ended");

    let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
    let mut taken: Vec<Value> = Vec::new();
    let mut refused = None;
    let done = |taken: &[Value]| {
        let count = |kind: &str| taken.iter().filter(|it| it["type"] == kind).count();
        count("room.opened") == 1
            && count("participant.joined") == 2
            && count("participant.left") >= 1
            && count("stage.changed") >= 1
            && count("room.ended") == 1
    };
    while !done(&taken) {
        let (headers, body) = receiver.next().await;
        let text = |name: &str| headers[name].to_str().expect("text").to_owned();
        let id = text("webhook-id");
        let signed =
            [id.as_bytes(), b".", text("webhook-timestamp").as_bytes(), b".", &body].concat();
        let signature = BASE64_STANDARD.decode(text("webhook-signature").trim_start_matches("v1,"));
        hmac::verify(&key, &signed, &signature.expect("base64")).expect("signed");
        let event: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!((&event["id"], &event["room"]), (&json!(id), &json!(host.room())));
        // The first was refused: it comes again, the others meanwhile.
        match &refused {
            None => refused = Some(event),
            Some(first) if first["id"] == event["id"] => {
                assert_eq!(first, &event);
                taken.push(event);
            }
            Some(_) => taken.push(event),
        }
    }
    let mut ids: Vec<_> = taken.iter().map(|it| it["id"].to_string()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), taken.len(), "what was taken does not come again");
    house.close().await;
}
