//! Abuse: floods, guesses, what others may not learn, and who is silenced.

use palco_client::{Media, MediaOptions, SrtpOffer};
use palco_protocol::{ClientMessage, ErrorCode, Reaction, Reply, http::Problem};
use palco_sfu::stats::DropCause;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::log;
use crate::{
    hostile::{goes_on, running_room},
    house::{Guest, House, SOON},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_people_without_a_token_keeps_nobody_out_and_leaves_nothing() {
    let house = House::open().await;
    let (host, listener) = running_room(&house).await;
    let sockets = house.load().1;
    let media = house.server().media().stats().await;
    let peers =
        |stats: &palco_sfu::Stats| stats.shards.iter().map(|shard| shard.peers).sum::<usize>();
    let (mut silent, mut real) = (Vec::new(), Vec::new());
    for n in 0..300 {
        silent.push(house.address.open_socket().await.expect("a socket"));
        let forged = house.address.open_socket().await.expect("a socket");
        forged.send_text(r#"{"id":1,"type":"hello","token":"forged"}"#).await.expect("sent");
        let early = house.address.open_socket().await.expect("a socket");
        let join = format!(r#"{{"id":1,"type":"join","room":"{}","offer":""}}"#, host.room());
        early.send_text(&join).await.expect("sent");
        if n % 100 == 50 {
            real.push(house.listener("Real", host.room()).await);
        }
    }
    let rooms = house.address.http("POST", "/api/v1/rooms", None, Some(b"{}".to_vec())).await;
    assert_eq!(rooms.expect("an answer").status, 401);
    real.push(house.listener("Real", host.room()).await);
    let now = house.server().media().stats().await;
    assert_eq!(
        peers(&now),
        peers(&media) + real.len(),
        "only who is known costs a media connection"
    );
    // The silent are sent away by the hello's deadline, the others were at once; the real ones stay.
    let gone = async {
        while house.load().1 > sockets + real.len() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, gone).await.expect("nothing of the flood is left");
    goes_on(&host, &listener).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_hands_and_reactions_are_limited_and_the_others_are_not() {
    let house = House::open().await;
    let (host, listener) = running_room(&house).await;
    let flooder = house.listener("Flooder", host.room()).await;
    for message in [ClientMessage::RaiseHand, ClientMessage::React { reaction: Reaction::Clap }] {
        let mut limited = 0;
        for _ in 0..60 {
            match flooder.client.request(message.clone()).await {
                Ok(_) => {}
                Err(error) => {
                    assert_eq!(error.code(), Some(ErrorCode::RateLimited), "{message:?}");
                    limited += 1;
                }
            }
        }
        assert!(limited > 0, "{message:?}");
        assert_eq!(listener.ask(message).await, Ok(()), "the others are not limited");
    }
    goes_on(&host, &listener).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_at_links_are_limited() {
    let house = House::open().await;
    let (host, listener) = running_room(&house).await;
    host.ask(ClientMessage::Lock).await.expect("locked");
    let guesser = house.guest("Guesser").await.1;
    let options = MediaOptions { server: house.media.ip(), srtp: SrtpOffer::All };
    let (_media, offer) = Media::offer(options).await.expect("an offer");
    let mut codes = Vec::new();
    for n in 0..40 {
        let link = Some(format!("{n:032x}"));
        let join = ClientMessage::Join { room: host.room(), offer: offer.clone(), link };
        codes.push(guesser.request(join).await.expect_err("refused").code().expect("a code"));
    }
    let tried = codes.iter().filter(|code| **code == ErrorCode::InvalidLink).count();
    let limited = codes.iter().filter(|code| **code == ErrorCode::RateLimited).count();
    assert_eq!(tried + limited, codes.len(), "{codes:?}");
    assert!(tried > 0 && limited > tried, "{tried} of {} were tried", codes.len());
    goes_on(&host, &listener).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_at_a_password_are_limited_and_logged_without_it() {
    log::keep();
    let house = House::open().await;
    let failed = log::lines("a sign-in failed");
    let body = br#"{"login":"nobody_at_all","password":"a-guess-of-mine"}"#;
    let mut answers = Vec::new();
    for _ in 0..14 {
        let answer = house.address.http("POST", "/api/v1/session", None, Some(body.to_vec())).await;
        let problem: Problem =
            serde_json::from_slice(&answer.expect("an answer").body).expect("a problem");
        answers.push(problem.code);
    }
    let tried = answers.iter().filter(|code| **code == ErrorCode::WrongPassword).count();
    let limited = answers.iter().filter(|code| **code == ErrorCode::RateLimited).count();
    assert_eq!(tried + limited, answers.len(), "{answers:?}");
    assert!(tried >= 5 && limited >= 2, "{answers:?}");
    assert!(log::lines("a sign-in failed") >= failed + tried, "logged");
    assert_eq!(log::lines("a-guess-of-mine") + log::lines("nobody_at_all"), 0, "and not what");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_tells_a_stranger_whether_an_account_exists() {
    let house = House::open().await;
    let body = br#"{"handle":"ada","name":"Ada","email":"ada@rooms.example","password":"not-a-secret","session":"token"}"#;
    let made = house.address.http("POST", "/api/v1/accounts", None, Some(body.to_vec())).await;
    assert_eq!(made.expect("an answer").status, 201);
    let asked = [
        ("session", r#"{"login":"{}","password":"a-guess-of-mine"}"#),
        // Longer than any password is.
        ("session", &format!(r#"{{"login":"{{}}","password":"{}"}}"#, "x".repeat(5_000))),
        ("password-resets", r#"{"login":"{}"}"#),
    ];
    for (path, body) in asked {
        let mut answers = Vec::new();
        for login in ["ada", "ada@rooms.example", "eve", "eve@rooms.example"] {
            let body = body.replace("{}", login).into_bytes();
            let path = format!("/api/v1/{path}");
            let answer = house.address.http("POST", &path, None, Some(body)).await;
            let answer = answer.expect("an answer");
            answers.push((answer.status, String::from_utf8(answer.body.to_vec()).expect("text")));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{path}: {answers:?}");
    }
    house.close().await;
}

/// A request written by hand, and the status of its answer.
async fn status_of(house: &House, head: &str) -> u16 {
    let authority = house.server().address();
    let mut stream = TcpStream::connect(authority).await.expect("connected");
    let request = format!("{head}\r\nHost: {authority}\r\nConnection: upgrade, close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    let answer = String::from_utf8_lossy(&answer);
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cookie_of_another_pages_request_is_forbidden() {
    let house = House::open().await;
    let body = br#"{"handle":"ada","name":"Ada","password":"not-a-secret","session":"token"}"#;
    let made = house.address.http("POST", "/api/v1/accounts", None, Some(body.to_vec())).await;
    let made: palco_protocol::http::SignedIn =
        serde_json::from_slice(&made.expect("an answer").body).expect("an account");
    let cookie = format!("Cookie: palco_session={}", made.token.expect("a token"));
    let own = format!("Origin: http://{}", house.server().address());
    let foreign = "Origin: https://evil.example";
    let me = "GET /api/v1/me HTTP/1.1";
    assert_eq!(status_of(&house, &format!("{me}\r\n{cookie}\r\n{own}")).await, 200);
    assert_eq!(status_of(&house, &format!("{me}\r\n{cookie}\r\n{foreign}")).await, 403);
    assert_eq!(status_of(&house, &format!("{me}\r\n{cookie}\r\nOrigin: null")).await, 403);
    let socket = "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                  Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: palco.v1";
    assert_eq!(status_of(&house, &format!("{socket}\r\n{cookie}\r\n{foreign}")).await, 403);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_learns_anothers_address() {
    const THEIRS: [&str; 3] = ["198.51.100.77", "198.51.100.78", "198.51.100.79"];
    let house = House::open().await;
    let mut host = house.host("Host").await;
    let (_token, client) = house.guest("Hidden").await;
    let options = MediaOptions { server: house.media.ip(), srtp: SrtpOffer::All };
    let (_media, offer) = Media::offer(options).await.expect("an offer");
    let [host_candidate, reflexive, connection] = THEIRS;
    let candidates = format!(
        "a=candidate:1 1 udp 2122260223 {host_candidate} 50000 typ host\r\n\
         a=candidate:2 1 udp 1686052607 {reflexive} 50000 typ srflx raddr {host_candidate} rport 50000\r\n"
    );
    let offer = offer.replacen("IN IP4 127.0.0.1", &format!("IN IP4 {connection}"), 1).replacen(
        "a=mid:0\r\n",
        &format!("a=mid:0\r\n{candidates}"),
        1,
    );
    assert!(THEIRS[..2].iter().all(|address| offer.contains(address)));
    let join = ClientMessage::Join { room: host.room(), offer, link: None };
    let Ok(Reply::Joined(joined)) = client.request(join).await else { panic!("joined") };
    client.request(ClientMessage::RaiseHand).await.expect("a raised hand");
    client.request(ClientMessage::Chat { text: "hello".to_owned() }).await.expect("a line");

    let mut seen = format!("{joined:?}");
    let witness = house.listener("Witness", host.room()).await;
    seen += &format!("{:?}", witness.snapshot);
    seen += &format!("{:?}", host.client.request(ClientMessage::Audience { cursor: None }).await);
    seen += &format!("{:?}", host.client.request(ClientMessage::ModerationLog).await);
    seen += &format!("{:?}", house.address.room(host.room()).await);
    host.ask(ClientMessage::Chat { text: "the last".to_owned() }).await.expect("a line");
    while !seen.contains("the last") {
        let event = tokio::time::timeout(SOON, host.client.next_event()).await.expect("in time");
        seen += &format!("{event:?}");
    }
    assert!(seen.contains("Hidden"), "they are seen");
    for address in THEIRS {
        assert!(!seen.contains(address), "{address} was told");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_muted_or_removed_is_silent_within_ten_packets_though_their_client_sends_on() {
    /// 200 ms.
    const TEN: u64 = 10;
    let house = House::open().await;
    let mut host = house.host("Host").await;
    let mut speaker = house.listener("Speaker", host.room()).await;
    let number = speaker.brought_on_stage_by(&mut host).await;
    speaker.ask(ClientMessage::Unmute).await.expect("unmuted");
    // This client does not care that it is muted.
    let _speaking = speaker.media.play_tone(880.0).expect("a tone");
    host.hears(number, 880.0).await;
    silenced(&host, &speaker, ClientMessage::MuteSpeaker { user: speaker.id() }).await;

    host.ask(ClientMessage::AllowUnmute { user: speaker.id() }).await.expect("allowed");
    speaker.ask(ClientMessage::Unmute).await.expect("unmuted");
    host.hears(number, 880.0).await;
    let gone = ClientMessage::Remove { user: speaker.id(), ban: false };
    silenced(&host, &speaker, gone).await;
    house.close().await;

    async fn silenced(host: &Guest, speaker: &Guest, by: ClientMessage) {
        let heard =
            || (0..palco_client::SLOTS).map(|slot| host.media.counts(slot).packets).sum::<u64>();
        let (before, sent_before) = (heard(), speaker.media.packets_sent());
        host.ask(by).await.expect("done");
        let sent = speaker.media.packets_sent();
        // Ten times what may still be heard, if the connection lives for so long.
        let sends_on = async {
            while speaker.media.packets_sent() < sent + 10 * TEN {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        let _ = tokio::time::timeout(std::time::Duration::from_secs(5), sends_on).await;
        let more = heard() - before;
        assert!(more <= sent - sent_before + TEN, "{more} packets were still heard");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_and_fifty_who_come_back_at_once_are_all_let_in() {
    let house = House::open().await;
    let (host, listener) = running_room(&house).await;
    let options = MediaOptions { server: house.media.ip(), srtp: SrtpOffer::All };
    let (_media, offer) = Media::offer(options).await.expect("an offer");
    let mut sessions = Vec::new();
    for n in 0..150 {
        let (token, client) = house.guest(&format!("Listener {n}")).await;
        let join = ClientMessage::Join { room: host.room(), offer: offer.clone(), link: None };
        client.request(join).await.expect("joined");
        sessions.push((token, client.session().to_owned()));
        drop(client);
    }
    let mut returns = tokio::task::JoinSet::new();
    for (token, session) in sessions {
        let address = house.address.clone();
        returns.spawn(async move {
            let back = address.resume(&token, &session).await.expect("resumed");
            assert!(back.welcome().expect("welcomed").room.is_some(), "still in the room");
            back.request(ClientMessage::Ping).await.expect("answered");
        });
    }
    while let Some(returned) = returns.join_next().await {
        returned.expect("let in");
    }
    assert_eq!(house.dropped(DropCause::Fault).await, 0);
    goes_on(&host, &listener).await;
    house.close().await;
}
