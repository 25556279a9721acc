//! The media plane as its owner uses it: real threads, real sockets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::num::NonZeroUsize;
use std::time::Duration;

use palco_sfu::stats::DropCause;
use palco_sfu::{CloseReason, Config, ConnectError, Event, PeerKey, RoomKey};

mod support;

use support::client::{CM, Client, Options};
use support::{Caller, Plane};

fn frame(n: u8) -> Vec<u8> {
    [&[0x78, n][..], &[n; 60]].concat()
}

/// Says frames until all have heard something, then `count` more that all must hear, in order.
fn talk(speaker: &mut Caller, listeners: &mut [&mut Caller], count: u8) {
    // The gate opens when the shard gets the command; what is said before is lost, as in life.
    let mut seq = 1_000;
    while listeners.iter().any(|listener| listener.client.heard.is_empty()) {
        speaker.say(seq, &frame(0));
        seq += 1;
        for listener in listeners.iter_mut() {
            listener.turn();
        }
        assert!(seq < 5_000, "never heard");
    }
    for n in 1..=count {
        speaker.say(seq, &frame(n));
        seq += 1;
    }
    let expected: Vec<_> = (1..=count).map(frame).collect();
    for listener in listeners {
        let last = expected.last().unwrap().clone();
        listener.until("the last frame", |client| {
            client.heard.iter().any(|heard| heard.payload == last)
        });
        let heard = listener.payloads();
        assert!(heard.ends_with(&expected), "{} heard", heard.len());
    }
}

#[test]
fn a_session_from_offer_to_goodbye() {
    let mut plane = Plane::start(Config::default());
    let mut speaker = plane.speaker(1, 1, 42);
    let mut listener = plane.join(1, 2, Options::default());
    let mut old_client = plane.join(1, 3, Options { srtp: vec![CM], ..Options::default() });
    let mut elsewhere = plane.join(2, 4, Options::default());
    talk(&mut speaker, &mut [&mut listener, &mut old_client], 100);
    elsewhere.turn();
    assert!(elsewhere.client.heard.is_empty() && speaker.client.heard.is_empty());

    let stats = plane.wait(plane.handle.stats());
    assert_eq!((stats.peers(), stats.connected()), (4, 4));
    assert_eq!(stats.shards[0].handshakes_done, 4);
    let speaker_stats = plane.wait(plane.handle.peer_stats(PeerKey(1))).unwrap();
    assert!(speaker_stats.received.packets >= 101);

    plane.handle.disconnect(PeerKey(2));
    assert_eq!(plane.event(), Event::Closed { peer: PeerKey(2), reason: CloseReason::Asked });
    listener.until("the server's goodbye", |client| client.closed);
    plane.handle.close_room(RoomKey(1));
    for _ in 0..2 {
        assert!(matches!(plane.event(), Event::Closed { reason: CloseReason::Asked, .. }));
    }
    // The key may be used again.
    let mut again = plane.join(1, 2, Options::default());
    again.client.close(std::time::Instant::now());
    again.flush();
    assert_eq!(plane.event(), Event::Closed { peer: PeerKey(2), reason: CloseReason::PeerClosed });
    // The last handle ends the threads, and they say goodbye.
    drop(plane.handle);
    elsewhere.until("the last goodbye", |client| client.closed);
}

#[test]
fn a_room_over_several_shards_sounds_the_same() {
    let shards = NonZeroUsize::new(3).unwrap();
    let mut plane = Plane::start(Config { shards, ..Config::default() });
    let mut speaker = plane.speaker(1, 1, 42);
    let mut listeners: Vec<_> =
        (2..8).map(|peer| plane.join(1, peer, Options::default())).collect();
    let stats = plane.wait(plane.handle.stats());
    let by_shard: Vec<_> = stats.shards.iter().map(|shard| shard.peers).collect();
    assert_eq!(by_shard.iter().sum::<usize>(), 7);
    assert!(by_shard.iter().all(|peers| (2..=3).contains(peers)), "{by_shard:?}");
    let mut ports: Vec<_> = plane.handle.addresses();
    ports.dedup();
    assert_eq!(ports.len(), 3);
    let mut all: Vec<&mut Caller> = listeners.iter_mut().collect();
    talk(&mut speaker, &mut all, 50);
    let stats = plane.wait(plane.handle.stats());
    assert_eq!(stats.dropped(DropCause::RelayFull), 0);
}

#[test]
fn strangers_and_liars_are_refused_and_the_running_room_does_not_notice() {
    let mut plane = Plane::start(Config::default());
    let mut speaker = plane.speaker(1, 1, 42);
    let mut listener = plane.join(1, 2, Options::default());
    let mut rogue = plane.join(1, 3, Options { ssrc: 99, ..Options::default() });

    let garbage = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let stranger = Client::new(Options::default());
    let check = stranger.check_with("AAAAAAAA:cufr", "what-the-password-may-be", true);
    for n in 0..100_u8 {
        garbage.send_to(&[n.wrapping_mul(37); 300], speaker.server).unwrap();
        garbage.send_to(&check, speaker.server).unwrap();
        rogue.say(u16::from(n), &frame(200));
    }
    talk(&mut speaker, &mut [&mut listener], 100);
    assert!(listener.client.heard.iter().all(|heard| heard.csrc == Some(42)));
    garbage.set_nonblocking(true).unwrap();
    assert!(garbage.recv(&mut [0; 100]).is_err(), "no answer to a stranger");
    let stats = plane.wait(plane.handle.stats());
    assert_eq!(stats.dropped(DropCause::NotAllowed), 100);
    assert_eq!(stats.dropped(DropCause::StunUnknownUfrag), 100);

    let lie = Options { lie_about_certificate: true, ..Options::default() };
    let mut liar = plane.offer(1, 4, lie).unwrap();
    liar.client.check();
    liar.until("a check answered", |client| client.checks_answered > 0);
    liar.client.start_dtls(std::time::Instant::now());
    liar.until("the server's goodbye", |client| client.closed);
    assert_eq!(
        plane.event(),
        Event::Closed { peer: PeerKey(4), reason: CloseReason::WrongFingerprint }
    );
    assert!(matches!(
        plane.wait(plane.handle.connect(RoomKey(1), PeerKey(5), "v=0\r\n")),
        Err(ConnectError::Offer(_))
    ));
    assert!(matches!(plane.offer(1, 1, Options::default()), Err(ConnectError::AlreadyConnected)));
}

#[test]
fn an_ice_restart_over_a_new_socket_goes_on() {
    let mut plane = Plane::start(Config::default());
    let mut speaker = plane.speaker(1, 1, 42);
    let mut listener = plane.join(1, 2, Options::default());
    talk(&mut speaker, &mut [&mut listener], 10);
    listener.socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    listener.client.ufrag = "newu".to_owned();
    let offer = listener.client.offer();
    let answer = plane.wait(plane.handle.restart_ice(PeerKey(2), &offer)).unwrap();
    listener.client.accept(&answer);
    listener.client.check();
    let before = listener.client.checks_answered;
    listener.until("a check answered", |client| client.checks_answered > before);
    talk(&mut speaker, &mut [&mut listener], 10);

    let another = Client::new(Options::default()).offer();
    assert!(matches!(
        plane.wait(plane.handle.restart_ice(PeerKey(2), &another)),
        Err(ConnectError::ChangedIdentity)
    ));
    assert!(matches!(
        plane.wait(plane.handle.restart_ice(PeerKey(9), &offer)),
        Err(ConnectError::UnknownPeer)
    ));
}

#[test]
fn ipv6_and_announced_addresses() {
    let udp = "[::]:0".parse().unwrap();
    let announced = vec!["::1".parse().unwrap(), "127.0.0.1".parse().unwrap()];
    let mut plane = Plane::start(Config { udp, announced, ..Config::default() });
    let mut speaker = plane.speaker(1, 1, 42);
    assert!(speaker.server.is_ipv6());
    // One that comes over IPv4 to the same dual-stack port.
    let mut listener = plane.offer(1, 2, Options::default()).unwrap();
    let candidates = listener.client.accept(&listener.answer.clone());
    assert_eq!(candidates.len(), 2);
    listener.server = candidates[1];
    assert!(listener.server.is_ipv4());
    listener.socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    listener.client.check();
    listener.until("a check answered", |client| client.checks_answered > 0);
    listener.client.start_dtls(std::time::Instant::now());
    listener.until("the handshake", |client| client.connected);
    talk(&mut speaker, &mut [&mut listener], 20);
}

#[test]
fn silence_is_noticed() {
    let consent_timeout = Duration::from_millis(300);
    let mut plane = Plane::start(Config { consent_timeout, ..Config::default() });
    let mut caller = plane.join(1, 1, Options::default());
    assert_eq!(plane.event(), Event::Closed { peer: PeerKey(1), reason: CloseReason::Silent });
    caller.until("the server's goodbye", |client| client.closed);
}
