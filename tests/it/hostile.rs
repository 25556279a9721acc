//! Bad input costs the one who sends it, and nobody else.

use std::time::Duration;

use palco_client::{Media, MediaOptions, ServerEvent, SrtpOffer};
use palco_protocol::{ClientMessage, DirectEvent, ErrorCode, Reply, RequestId};
use palco_sfu::stats::DropCause;
use tokio::net::UdpSocket;

use crate::house::{Guest, House, SOON, number_of};

/// A room with a host who is heard by a listener, before, during and after what a test does.
pub(crate) async fn running_room(house: &House) -> (Guest, Guest) {
    let host = house.host("Host").await;
    host.ask(ClientMessage::Unmute).await.expect("unmuted");
    host.media.play_tone(440.0).expect("a tone");
    let listener = house.listener("Listener", host.room()).await;
    listener.hears(number_of(&host.snapshot, host.id()), 440.0).await;
    (host, listener)
}

pub(crate) async fn goes_on(host: &Guest, listener: &Guest) {
    let number = number_of(&host.snapshot, host.id());
    listener.media.wait_for_packets(number, 25, SOON).await.expect("audio goes on");
    listener.hears(number, 440.0).await;
    let lost: u64 = (0..palco_client::SLOTS).map(|slot| listener.media.counts(slot).lost).sum();
    assert_eq!(lost, 0, "the running room did not notice");
    assert_eq!(host.ask(ClientMessage::Ping).await, Ok(()));
}

/// An offer of a client that will not use it, changed.
pub(crate) async fn changed_offer(
    house: &House,
    change: impl Fn(&str) -> String,
) -> (Media, String) {
    let options = MediaOptions { server: house.media.ip(), srtp: SrtpOffer::All };
    let (media, offer) = Media::offer(options).await.expect("an offer");
    (media, change(&offer))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_on_the_media_port_is_ignored() {
    let house = House::open().await;
    let (host, listener) = running_room(&house).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    socket.connect(house.media).await.expect("connected");
    // A fixed sequence (xorshift), so that a failure repeats.
    let mut state = 0x9e37_79b9_u32;
    for length in 0..2_000_usize {
        let mut datagram = vec![0_u8; length % 1_400];
        for byte in &mut datagram {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            *byte = state.to_le_bytes()[0];
        }
        // Every range of the first byte (RFC 7983): STUN, DTLS, SRTP, and what is none of them.
        if let Some(first) = datagram.first_mut() {
            *first = [0, 1, 20, 22, 23, 63, 64, 128, 144, 191, 200, 255][length % 12];
        }
        // The kernel may drop some of a burst; enough arrive.
        let _ = socket.send(&datagram).await;
    }
    let mut answer = [0; 1_500];
    let answered = tokio::time::timeout(Duration::from_millis(300), socket.recv(&mut answer)).await;
    assert!(answered.is_err(), "nothing is answered");
    goes_on(&host, &listener).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_is_not_the_offered_one_gets_no_media() {
    let house = House::open().await;
    let (host, listener) = running_room(&house).await;
    let (_token, mut client) = house.guest("Impostor").await;
    let (media, offer) = changed_offer(&house, |offer| {
        let at = offer.find("a=fingerprint:sha-256 ").expect("a fingerprint") + 22;
        let end = at + offer[at..].find(['\r', '\n']).expect("a line's end");
        let zeros = vec!["00"; 32].join(":");
        let real = &offer[at..end];
        offer.replace(real, &zeros)
    })
    .await;
    let join = ClientMessage::Join { room: host.room(), offer, link: None };
    let Ok(Reply::Joined(joined)) = client.request(join).await else {
        panic!("a fingerprint can only be checked in the handshake");
    };
    media.answer(&joined.answer).await.expect("answered");
    let closed = client.wait_for("media_closed", SOON, |event| match event {
        ServerEvent::Direct(DirectEvent::MediaClosed) => Some(()),
        ServerEvent::Direct(DirectEvent::MediaConnected) => panic!("connected all the same"),
        _ => None,
    });
    closed.await.expect("the server ends the connection, and says so");
    assert!(media.first_packet_at().is_none(), "no audio was sent");
    goes_on(&host, &listener).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_ice_credentials_never_connect() {
    let house = House::open().await;
    let (host, listener) = running_room(&house).await;
    let (_token, client) = house.guest("Guesser").await;
    let options = MediaOptions { server: house.media.ip(), srtp: SrtpOffer::All };
    let (media, offer) = Media::offer(options).await.expect("an offer");
    let join = ClientMessage::Join { room: host.room(), offer, link: None };
    let Ok(Reply::Joined(joined)) = client.request(join).await else { panic!("joined") };
    let refused_before = house.dropped(DropCause::StunWrongCredentials).await;
    let forged: String = joined
        .answer
        .lines()
        .map(|line| match line.strip_prefix("a=ice-pwd:") {
            Some(password) => format!("a=ice-pwd:{}\r\n", "x".repeat(password.len())),
            None => format!("{line}\r\n"),
        })
        .collect();
    media.answer(&forged).await.expect("the client believes it");
    let refused = async {
        while house.dropped(DropCause::StunWrongCredentials).await < refused_before + 3 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, refused).await.expect("checks are refused and counted");
    assert!(media.first_packet_at().is_none());
    goes_on(&host, &listener).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offers_that_cannot_be_used_are_refused_with_a_reason() {
    let house = House::open().await;
    let (host, listener) = running_room(&house).await;
    let (_token, client) = house.guest("Odd").await;
    let (_media, real) = changed_offer(&house, str::to_owned).await;
    let video = real.replace("m=audio", "m=video");
    let many_lines = format!("{real}{}", "a=x\r\n".repeat(3_000));
    for offer in ["", "v=0", "\u{0}\u{0}", "m=audio", &video, &many_lines] {
        let join = ClientMessage::Join { room: host.room(), offer: offer.to_owned(), link: None };
        let code = client.request(join).await.expect_err("refused").code();
        if code == Some(ErrorCode::RateLimited) {
            tokio::time::sleep(Duration::from_secs(2)).await;
            continue;
        }
        assert_eq!(code, Some(ErrorCode::BadOffer));
    }
    goes_on(&host, &listener).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_on_the_websocket_is_answered_with_codes_and_then_closed() {
    let house = House::open().await;
    let (host, listener) = running_room(&house).await;

    let (_token, client) = house.guest("Garbler").await;
    for (id, text, code) in [
        (0, "no json", ErrorCode::BadMessage),
        (0, "[]", ErrorCode::BadMessage),
        (0, "{}", ErrorCode::BadMessage),
        (7, r#"{"id":7,"type":"launch_missiles"}"#, ErrorCode::UnknownType),
        (8, r#"{"id":8,"type":"chat"}"#, ErrorCode::InvalidField),
        (9, r#"{"id":9,"type":"invite","user":"nobody"}"#, ErrorCode::InvalidField),
        (10, r#"{"id":10,"type":"raise_hand"}"#, ErrorCode::NotJoined),
        (11, r#"{"id":11,"type":"hello","token":"again"}"#, ErrorCode::BadMessage),
    ] {
        let answer = refusal(&house, text, id).await;
        assert_eq!(answer, code, "{text}");
    }
    client.close().await;

    // Ten unreadable messages are ten answers; one more ends the connection.
    let (_token, mut client) = house.guest("Noise").await;
    for _ in 0..11 {
        client.send_text("noise").await.expect("sent");
    }
    let closed = client.wait_closed(SOON).await.expect("closed");
    assert_eq!(closed.code, ErrorCode::BadMessage.close_code());

    // A binary frame, a frame too large, a first message that is no hello.
    let (_token, mut client) = house.guest("Binary").await;
    client.send_binary(vec![1, 2, 3]).await.expect("sent");
    assert_eq!(
        client.wait_closed(SOON).await.expect("closed").code,
        ErrorCode::BadMessage.close_code()
    );
    let (_token, mut client) = house.guest("Large").await;
    let _ = client.send_text(&"x".repeat(100_000)).await;
    client.wait_closed(SOON).await.expect("closed");
    let mut client = house.address.open_socket().await.expect("a socket");
    client.send_text(r#"{"id":1,"type":"ping"}"#).await.expect("sent");
    assert_eq!(
        client.wait_closed(SOON).await.expect("closed").code,
        ErrorCode::BadMessage.close_code()
    );
    let mut client = house.address.open_socket().await.expect("a socket");
    client.send_text(r#"{"id":1,"type":"hello","token":"forged"}"#).await.expect("sent");
    assert_eq!(
        client.wait_closed(SOON).await.expect("closed").code,
        ErrorCode::Unauthorized.close_code()
    );
    goes_on(&host, &listener).await;
    house.close().await;
}

/// Sends a text on a fresh socket after hello, and returns the code of the answer to `id`.
async fn refusal(house: &House, text: &str, id: u32) -> ErrorCode {
    let (_token, mut client) = house.guest("Asker").await;
    client.send_text(text).await.expect("sent");
    let answer = client.wait_for("answer", SOON, |event| match event {
        ServerEvent::Unasked { re, reply: Reply::Error { error } } => {
            (re == RequestId(id)).then_some(error.code)
        }
        _ => None,
    });
    answer.await.unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_are_limited_and_others_are_not_affected() {
    let house = House::open().await;
    let (host, listener) = running_room(&house).await;
    let flooder = house.listener("Flooder", host.room()).await;
    let mut limited = 0;
    for n in 0..40 {
        let line = ClientMessage::Chat { text: format!("line {n}") };
        match flooder.client.request(line).await {
            Ok(_) => {}
            Err(palco_client::Error::Refused(error)) => {
                assert_eq!(error.code, ErrorCode::RateLimited);
                assert!(error.retry_after_ms.is_some_and(|ms| ms > 0));
                limited += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(limited >= 30, "{limited} of 40 were limited");
    goes_on(&host, &listener).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_cannot_act_as_a_moderator() {
    let house = House::open().await;
    let (host, listener) = running_room(&house).await;
    let user = host.id();
    for message in [
        ClientMessage::Invite { user },
        ClientMessage::MuteSpeaker { user },
        ClientMessage::MoveToAudience { user },
        ClientMessage::MakeModerator { user },
        ClientMessage::TransferHost { user },
        ClientMessage::Remove { user, ban: true },
        ClientMessage::Lock,
        ClientMessage::EndRoom,
    ] {
        assert_eq!(listener.ask(message.clone()).await, Err(ErrorCode::Forbidden), "{message:?}");
    }
    assert_eq!(listener.ask(ClientMessage::AcceptInvite).await, Err(ErrorCode::NoInvitation));
    assert_eq!(listener.ask(ClientMessage::Unmute).await, Err(ErrorCode::NotOnStage));
    goes_on(&host, &listener).await;
    house.close().await;
}
