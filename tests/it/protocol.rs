//! `docs/protocol.md` is true: its examples are walked against a running server, its tables compared with the code.

mod declared;
mod tables;
mod transcript;
mod walk;

use std::{collections::BTreeSet, time::Instant};

use palco_client::{Client, ServerEvent};
use palco_protocol::{ClientMessage, ErrorCode, Reply, RequestId};
use serde_json::{Value, json};

use crate::house::{House, SOON};
use declared::{Declared, Fields, declared};

pub(crate) const DOCUMENT: &str = include_str!("../../docs/protocol.md");
const EXAMPLES: &str = include_str!("../../docs/protocol-examples.md");

fn names(kind: &str) -> BTreeSet<String> {
    match declared().remove(kind) {
        Some(Declared::Messages(messages)) => messages.into_keys().collect(),
        other => panic!("{kind} is {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_examples_happen_as_they_are_written() {
    let mut walk = walk::Walk::begin().await;
    for (name, text) in [("protocol.md", DOCUMENT), ("protocol-examples.md", EXAMPLES)] {
        for step in transcript::steps(name, text) {
            walk.step(&step).await;
        }
    }
    assert_eq!(walk.sent, {
        let mut sent = names("ClientMessage");
        sent.insert("make_tea".to_owned());
        sent
    });
    let mut shown = names("Reply");
    shown.extend(names("RoomEvent"));
    shown.extend(names("DirectEvent"));
    // Guests get no notices, no connection is lost for good here, quality is not measured at a fixed time, and the server
    // does not end (operate/drain.rs).
    for unseen in ["media_closed", "notice", "notices_read", "quality", "server_draining"] {
        assert!(shown.remove(unseen));
    }
    assert_eq!(walk.got, shown);
    walk.end().await;
}

/// The offer or the answer of the document: comments taken out, the last section repeated for all four slots.
fn example_sdp(kind: &str) -> Vec<String> {
    let blocks = transcript::blocks(DOCUMENT, "sdp");
    let head = format!("# {kind}:");
    let (_, text) = blocks.iter().find(|(_, text)| text.starts_with(&head)).expect("an SDP");
    let mut lines: Vec<String> =
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    let slot = lines.iter().rposition(|line| line.starts_with("m=")).expect("a section");
    let slot: Vec<String> = lines[slot..].to_vec();
    for number in 1..palco_client::SLOTS {
        lines.extend(slot.iter().map(|line| match line.as_str() {
            "a=mid:1" => format!("a=mid:{}", number + 1),
            "a=msid:room slot0" => format!("a=msid:room slot{number}"),
            other => other.to_owned(),
        }));
    }
    lines
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_offer_of_the_document_gets_its_answer() {
    let house = House::open().await;
    let (token, client) = house.guest("Stranger").await;
    let room = house.address.create_room(&token, "SDP").await.expect("a room").id;
    let offer: String = example_sdp("offer").iter().map(|line| format!("{line}\r\n")).collect();
    let reply = client.request(ClientMessage::Join { room, offer, link: None }).await;
    let Ok(Reply::Joined(joined)) = reply else { panic!("not joined: {reply:?}") };

    let expected = example_sdp("answer");
    let came: Vec<&str> = joined.answer.lines().collect();
    let mut ssrcs = BTreeSet::new();
    for (expected, came) in expected.iter().zip(&came) {
        let (words, came_words) = (expected.split([' ', ':']), came.split([' ', ':']));
        if expected.contains("sha-256") {
            assert!(came.starts_with("a=fingerprint:sha-256 "), "{came}");
            assert_eq!(came.len(), "a=fingerprint:sha-256 ".len() + 32 * 3 - 1);
            continue;
        }
        assert_eq!(words.clone().count(), came_words.clone().count(), "{expected} / {came}");
        for (word, came_word) in words.zip(came_words) {
            if word == "<ssrc>" {
                assert!(ssrcs.insert(came_word.to_owned()), "a slot's SSRC is its own");
            }
            assert!(word == came_word || word.starts_with('<'), "{expected} / {came}");
        }
    }
    assert_eq!(came.len(), expected.len(), "{}", joined.answer);
    assert_eq!(ssrcs.len(), palco_client::SLOTS);
    house.close().await;
}

/// What the document says of framing and `hello`, where no example can show it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_is_closed_with_the_codes_of_the_document() {
    let house = House::open().await;
    let close = |code: ErrorCode| code.close_code();
    let silent = house.address.open_socket().await.expect("a socket");

    let largest = format!(r#"{{"id":1,"type":"ping","x":"{}"}}"#, "x".repeat(32_768));
    let (_token, mut client) = house.guest("Fits").await;
    let fits = largest.replacen('x', "", largest.len() - 32_768);
    assert_eq!(fits.len(), 32_768);
    client.send_text(&fits).await.expect("sent");
    let answered =
        |event| matches!(event, ServerEvent::Unasked { reply: Reply::Ok, .. }).then_some(());
    client.wait_for("an answer", SOON, answered).await.expect("not too large");
    client.send_text(&format!("{fits} ")).await.expect("sent");
    assert_eq!(client.wait_closed(SOON).await.expect("closed").code, close(ErrorCode::TooLarge));

    let (_token, mut client) = house.guest("Binary").await;
    client.send_binary(fits.into_bytes()).await.expect("sent");
    assert_eq!(client.wait_closed(SOON).await.expect("closed").code, close(ErrorCode::BadMessage));

    // Eight that cannot be read and sixteen of an unknown type or shape make 96 of 100; one more ends the connection.
    let (_token, mut client) = house.guest("Unreadable").await;
    let unreadable = [json!({ "type": "make_tea" }), json!({ "type": "chat" }), json!({})];
    let some: Vec<Value> = unreadable.into_iter().cycle().take(24).collect();
    let codes = refusals(&mut client, &some[..], 1).await;
    let kinds = [ErrorCode::UnknownType, ErrorCode::InvalidField, ErrorCode::BadMessage];
    assert_eq!(codes, Vec::from_iter(kinds.into_iter().map(Some).cycle().take(24)));
    client.send_text("{}").await.expect("sent");
    assert_eq!(client.wait_closed(SOON).await.expect("closed").code, close(ErrorCode::BadMessage));

    // Opened first, said nothing for the five seconds of the document.
    let mut silent = silent;
    assert_eq!(
        silent.wait_closed(SOON).await.expect("closed").code,
        close(ErrorCode::HelloTimeout)
    );
    house.close().await;
}

/// A request of this kind that can be read, with nothing optional.
fn sample(kind: &str, fields: &Fields) -> Value {
    let mut request = json!({ "type": kind });
    for field in fields {
        let (name, kind) = field.split_once(": ").expect("a typed field");
        if name.ends_with('?') {
            continue;
        }
        request[name] = match (kind, declared().get(kind)) {
            ("RoomId" | "UserId", _) => json!(uuid::Uuid::nil()),
            ("string", _) => json!(""),
            ("number", _) => json!(0),
            ("boolean", _) => json!(false),
            (_, Some(Declared::Texts(texts))) => json!(texts[0]),
            other => panic!("no sample of {other:?}"),
        };
    }
    request
}

/// Sends requests without waiting between them, and returns the error codes of their answers.
async fn refusals(client: &mut Client, requests: &[Value], first: u32) -> Vec<Option<ErrorCode>> {
    for (id, request) in (first..).zip(requests) {
        let mut request = request.clone();
        request["id"] = json!(id);
        client.send_text(&request.to_string()).await.expect("sent");
    }
    let mut codes = Vec::new();
    for id in (first..).take(requests.len()) {
        let answer = client.wait_for("an answer", SOON, |event| match event {
            ServerEvent::Unasked { re, reply } => (re == RequestId(id)).then_some(reply),
            _ => None,
        });
        codes.push(match answer.await.expect("answered") {
            Reply::Error { error } => {
                let limited = error.code == ErrorCode::RateLimited;
                assert_eq!(limited, error.retry_after_ms.is_some(), "says when to try again");
                Some(error.code)
            }
            _ => None,
        });
    }
    codes
}

/// Every row of the document's table of rate limits, tried: its burst passes, its requests share one bucket.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_limited_as_the_document_says() {
    let house = House::open().await;
    let Some(Declared::Messages(messages)) = declared().remove("ClientMessage") else {
        panic!("requests are messages")
    };
    let mut limited: Vec<String> = Vec::new();
    for row in tables::rows("Requests") {
        let kinds = tables::code(&row[0]);
        let burst: usize = row[1].parse().expect("a number");
        let refill_ms: u128 = row[2].parse().expect("a number");
        let samples: Vec<Value> = kinds.iter().map(|kind| sample(kind, &messages[kind])).collect();

        let (_token, mut client) = house.guest("Eager").await;
        let begun = Instant::now();
        let eager = vec![samples[0].clone(); 2 * burst];
        let codes = refusals(&mut client, &eager, 1).await;
        let admitted = codes.iter().filter(|code| **code != Some(ErrorCode::RateLimited)).count();
        let refilled = usize::try_from(begun.elapsed().as_millis() / refill_ms).expect("small");
        let most = (burst + refilled + 1).min(2 * burst);
        assert!((burst..=most).contains(&admitted), "{kinds:?}: {admitted} at once");
        if refilled == 0 {
            assert_eq!(admitted, burst, "{kinds:?}");
        }
        // The bucket is empty for all of its requests; should one come at the moment of a refill, another tries.
        for (sample, first) in samples.iter().zip((1_u32..).map(|n| n * 1_000)) {
            let again: Vec<Value> = eager.iter().chain([sample; 2]).cloned().collect();
            let codes = refusals(&mut client, &again, first).await;
            let refused =
                codes.iter().rev().take(2).any(|code| *code == Some(ErrorCode::RateLimited));
            assert!(refused, "{sample} has another bucket than {kinds:?}");
        }
        limited.extend(kinds);
    }
    limited.sort();
    assert_eq!(limited, names("ClientMessage").into_iter().collect::<Vec<_>>());
    house.close().await;
}
