//! ICE-TCP: the same session over a stream, and what else may knock at that port.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use palco_sfu::{CloseReason, Config, Event, PeerKey, RoomKey};

mod support;

use support::client::{Client, Options};
use support::{PATIENCE, Plane};

/// A client on a stream.
struct Streamer {
    client: Client,
    stream: TcpStream,
    unread: Vec<u8>,
    ended: bool,
}

fn tcp_candidate(answer: &str) -> SocketAddr {
    let line =
        answer.lines().find(|line| line.contains("tcptype passive")).expect("a TCP candidate");
    let fields: Vec<_> = line.split(' ').collect();
    SocketAddr::new(fields[4].parse().unwrap(), fields[5].parse().unwrap())
}

impl Streamer {
    fn turn(&mut self) {
        self.client.timeout(Instant::now());
        while let Some(datagram) = self.client.outgoing.pop_front() {
            let frame = [&(datagram.len() as u16).to_be_bytes()[..], &datagram].concat();
            // In two pieces: frames need not arrive whole.
            let (head, tail) = frame.split_at(frame.len() / 2);
            // What answers a goodbye may find nobody there any more.
            let written = self.stream.write_all(head).and_then(|()| self.stream.write_all(tail));
            self.ended |= written.is_err();
        }
        self.stream.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(0) => self.ended = true,
            Ok(len) => self.unread.extend_from_slice(&buffer[..len]),
            Err(_) => {}
        }
        while let Some((length, rest)) = self.unread.split_first_chunk::<2>()
            && let len = usize::from(u16::from_be_bytes(*length))
            && rest.len() >= len
        {
            let frame = rest[..len].to_vec();
            self.unread.drain(..2 + len);
            self.client.handle(Instant::now(), &frame);
        }
    }

    fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !done(self) {
            self.turn();
            assert!(start.elapsed() < PATIENCE, "waiting for {what}");
        }
    }
}

fn stream(plane: &mut Plane, peer: u64) -> Streamer {
    let mut client = Client::new(Options::default());
    let offer = client.offer();
    let answer = plane.wait(plane.handle.connect(RoomKey(1), PeerKey(peer), &offer)).unwrap();
    client.accept(&answer);
    let stream = TcpStream::connect(tcp_candidate(&answer)).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut streamer = Streamer { client, stream, unread: Vec::new(), ended: false };
    streamer.client.check();
    streamer.until("a check answered", |streamer| streamer.client.checks_answered > 0);
    streamer.client.start_dtls(Instant::now());
    streamer.until("the handshake", |streamer| streamer.client.connected);
    assert_eq!(plane.event(), Event::Connected { peer: PeerKey(peer) });
    streamer
}

fn config() -> Config {
    Config {
        tcp: Some("127.0.0.1:0".parse().unwrap()),
        shards: NonZeroUsize::new(2).unwrap(),
        ..Config::default()
    }
}

#[test]
fn a_session_over_streams_and_datagrams_mixed() {
    let mut plane = Plane::start(config());
    // By turns on both shards.
    let mut streamers: Vec<_> = (1..=3).map(|peer| stream(&mut plane, peer)).collect();
    let mut udp = plane.join(1, 9, Options::default());
    plane.handle.allow_sending(PeerKey(1), 7);
    let start = Instant::now();
    let mut seq = 0;
    while streamers[1..].iter().any(|s| s.client.heard.len() < 20) || udp.client.heard.len() < 20 {
        streamers[0].client.speak(seq, u32::from(seq) * 960, 30, b"\x78by stream");
        seq += 1;
        streamers.iter_mut().for_each(Streamer::turn);
        udp.turn();
        assert!(start.elapsed() < PATIENCE, "never heard");
    }
    let all = streamers[1..].iter().map(|s| &s.client).chain([&udp.client]);
    for heard in all.flat_map(|client| &client.heard) {
        assert_eq!((heard.csrc, &heard.payload[..]), (Some(7), &b"\x78by stream"[..]));
    }
    plane.handle.disconnect(PeerKey(2));
    streamers[1].until("the goodbye and the end", |s| s.client.closed && s.ended);
    assert_eq!(plane.event(), Event::Closed { peer: PeerKey(2), reason: CloseReason::Asked });
}

#[test]
fn who_does_not_ask_properly_is_hung_up_on() {
    let mut plane = Plane::start(config());
    let mut good = stream(&mut plane, 1);
    let address = good.stream.peer_addr().unwrap();
    let frame = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat();
    let wrong_ufrag = good.client.check_with("AAAAAAAA:cufr", "whatever-the-password", true);
    let username = format!("{}:{}", good.client.their_ufrag, good.client.ufrag);
    let wrong_password = good.client.check_with(&username, "whatever-the-password", true);
    let knocks = [
        frame(&wrong_ufrag),
        frame(&wrong_password),
        frame(b"GET / HTTP/1.1"),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![255; 3000],
        frame(&[]),
    ];
    for knock in knocks {
        let mut stranger = TcpStream::connect(address).unwrap();
        stranger.write_all(&knock).unwrap();
        stranger.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = Vec::new();
        // Closed, or reset because we did not read it all; never answered.
        let _ = stranger.read_to_end(&mut answer);
        assert!(answer.is_empty());
    }
    // More silent ones than may wait keep nobody out.
    let silent: Vec<_> = (0..300).map(|_| TcpStream::connect(address).unwrap()).collect();
    stream(&mut plane, 2);
    drop(silent);
    let before = good.client.checks_answered;
    good.client.check();
    good.until("a check answered", |good| good.client.checks_answered > before);
}
