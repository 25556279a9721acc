//! The HTTP API as the wire shows it.

use palco_client::HttpAnswer;
use palco_protocol::{
    ErrorCode,
    http::{LiveRoom, LiveRooms, Problem},
};

use crate::house::House;

fn problem(answer: &HttpAnswer) -> (u16, ErrorCode) {
    assert_eq!(answer.content_type, "application/problem+json");
    let problem: Problem = serde_json::from_slice(&answer.body).expect("a problem");
    assert_eq!(problem.status, answer.status);
    (answer.status, problem.code)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_are_listed_shown_and_gone() {
    let house = House::open().await;
    let host = house.host("Host").await;
    let _listener = house.listener("Listener", host.room()).await;
    // The hallway is at most a second behind.
    let shown = async {
        loop {
            let live: LiveRoom = house.address.room(host.room()).await.expect("live");
            if live.counts.listeners == 1 && live.stage.len() == 1 {
                return live;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let live = tokio::time::timeout(crate::house::SOON, shown).await.expect("shown in time");
    assert_eq!(live.stage[0], *host.person());
    let list = house.address.http("GET", "/api/v1/rooms", None, None).await.expect("an answer");
    let list: LiveRooms = serde_json::from_slice(&list.body).expect("rooms");
    assert_eq!(list.rooms, [live]);

    host.ask(palco_protocol::ClientMessage::EndRoom).await.expect("ended");
    let path = format!("/api/v1/rooms/{}", host.room());
    let gone = house.address.http("GET", &path, None, None);
    assert_eq!(problem(&gone.await.expect("an answer")), (404, ErrorCode::RoomNotFound));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_requests_are_problems_with_stable_codes() {
    let house = House::open().await;
    let token = house.address.guest("Ada").await.expect("a token").token;
    let long = format!(r#"{{"name":"{}"}}"#, "x".repeat(41));
    let huge = format!(r#"{{"name":"{}"}}"#, "x".repeat(20_000));
    let cases = [
        ("POST", "/api/v1/guests", None, Some("nonsense"), (400, ErrorCode::BadMessage)),
        ("POST", "/api/v1/guests", None, Some("{}"), (422, ErrorCode::InvalidField)),
        ("POST", "/api/v1/guests", None, Some(r#"{"name":"  "}"#), (422, ErrorCode::InvalidField)),
        (
            "POST",
            "/api/v1/guests",
            None,
            Some(r#"{"name":"a\nb"}"#),
            (422, ErrorCode::InvalidField),
        ),
        ("POST", "/api/v1/guests", None, Some(long.as_str()), (422, ErrorCode::InvalidField)),
        ("POST", "/api/v1/guests", None, Some(huge.as_str()), (413, ErrorCode::TooLarge)),
        ("GET", "/api/v1/guests", None, None, (405, ErrorCode::MethodNotAllowed)),
        ("POST", "/api/v1/rooms", None, Some(r#"{"title":"A"}"#), (401, ErrorCode::Unauthorized)),
        (
            "POST",
            "/api/v1/rooms",
            Some("forged"),
            Some(r#"{"title":"A"}"#),
            (401, ErrorCode::Unauthorized),
        ),
        (
            "POST",
            "/api/v1/rooms",
            Some(token.as_str()),
            Some(r#"{"title":""}"#),
            (422, ErrorCode::InvalidField),
        ),
        ("GET", "/api/v1/rooms/nonsense", None, None, (404, ErrorCode::RoomNotFound)),
        ("GET", "/api/v1/nothing", None, None, (404, ErrorCode::NotFound)),
    ];
    for (method, path, token, body, expected) in cases {
        let body = body.map(|text| text.as_bytes().to_vec());
        let answer = house.address.http(method, path, token, body).await.expect("an answer");
        assert_eq!(problem(&answer), expected, "{method} {path}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_count_what_happens() {
    let house = House::open().await;
    let host = house.host("Host").await;
    host.ask(palco_protocol::ClientMessage::Unmute).await.expect("unmuted");
    let _speaking = host.media.play_tone(440.0).expect("a tone");
    let listener = house.listener("Listener", host.room()).await;
    let number = crate::house::number_of(&host.snapshot, host.id());
    listener.media.wait_for_packets(number, 20, crate::house::SOON).await.expect("audio");

    let path = format!("/metrics?room={}", host.room());
    let page = house.address.http("GET", &path, None, None).await.expect("an answer");
    assert_eq!(page.status, 200);
    let page = String::from_utf8(page.body.to_vec()).expect("text");
    let value = |name: &str| -> u64 {
        let lines = page.lines().filter_map(|line| line.strip_prefix(name));
        lines.filter_map(|rest| rest.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    };
    assert_eq!(value("palco_rooms "), 1);
    assert_eq!(value("palco_sockets "), 2);
    assert_eq!(value("palco_media_connected_peers{"), 2);
    assert_eq!(value("palco_media_handshakes_total{"), 2);
    assert!(
        value(&format!("palco_room_forwarded_packets_total{{room=\"{}\"}}", host.room())) >= 20
    );
    let rows = |name: &str| page.lines().filter(|line| line.starts_with(name)).count();
    assert_eq!(rows("palco_peer_sent_packets_total{"), 2, "one for each of the room");
    assert!(value("palco_peer_sent_packets_total{") >= 20);
    assert_eq!(rows("palco_peer_loss_down_ratio{"), 2);
    assert!(page.ends_with("# EOF\n"));
    house.close().await;
}
