//! Frames that no WebSocket library sends, written by hand (RFC 6455, section 5.2).

use palco_protocol::ErrorCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::Witness;
use crate::{house::SOON, rules::venue::Venue};

const TEXT: u8 = 0x1;
const CONTINUATION: u8 = 0x0;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
/// The last frame of its message.
const FIN: u8 = 0x80;
/// The first reserved bit, which means compression where it was negotiated.
const RSV1: u8 = 0x40;
const MASKED: u8 = 0x80;

/// A frame as clients send it, masked with zeros, which leave the payload as it is.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..126 => bytes.push(MASKED | u8::try_from(length).expect("below 126")),
        length => {
            bytes.push(MASKED | 126);
            bytes.extend(u16::try_from(length).expect("no test sends more").to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

/// A TCP connection after the handshake.
struct Wire(TcpStream);

impl Wire {
    async fn open(venue: &Venue) -> Self {
        let address = venue.house.address.to_string();
        let host = address.strip_prefix("http://").expect("no TLS");
        let mut stream = TcpStream::connect(host).await.expect("connected");
        let request = format!(
            "GET /ws HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: palco.v1\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a head"));
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        Self(stream)
    }

    async fn hello(venue: &Venue) -> Self {
        let token = venue.house.address.guest("Odd").await.expect("a token").token;
        let mut wire = Self::open(venue).await;
        let hello = format!(r#"{{"id":1,"type":"hello","token":"{token}"}}"#);
        wire.send(&frame(FIN | TEXT, hello.as_bytes())).await;
        let (kind, welcome) = wire.next().await;
        assert_eq!(kind, FIN | TEXT);
        assert!(String::from_utf8(welcome).expect("text").contains("welcome"));
        wire
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("sent");
    }

    /// The next frame: its first byte and its payload.
    async fn next(&mut self) -> (u8, Vec<u8>) {
        let read = async {
            let first = self.0.read_u8().await?;
            let length = match self.0.read_u8().await? {
                126 => usize::from(self.0.read_u16().await?),
                length => usize::from(length),
            };
            let mut payload = vec![0; length];
            self.0.read_exact(&mut payload).await?;
            std::io::Result::Ok((first, payload))
        };
        timeout(SOON, read).await.expect("in time").expect("a frame")
    }

    /// The code with which the server closes, after it said why in a message.
    async fn close_code(mut self) -> (u16, String) {
        let (kind, closing) = self.next().await;
        assert_eq!(kind, FIN | TEXT);
        let closing = String::from_utf8(closing).expect("text");
        assert!(closing.contains(r#""type":"closing""#), "{closing}");
        let (kind, payload) = self.next().await;
        assert_eq!(kind, FIN | CLOSE);
        let (code, reason) = payload.split_at(2);
        let code = u16::from_be_bytes(code.try_into().expect("two bytes"));
        let reason = String::from_utf8(reason.to_vec()).expect("text");
        assert!(closing.contains(&format!(r#""code":"{reason}""#)), "{closing}");
        (code, reason)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_are_none_end_their_socket_with_a_code() {
    let venue = Venue::open().await;
    let host = venue.host().await;
    let mut moderator = venue.moderator("Mo", &host).await;
    moderator.sees_counts(0, 0).await;
    let mut witness = Witness::of(&venue, moderator).await;
    let (bad, large) = (ErrorCode::BadMessage, ErrorCode::TooLarge);
    let part = |payload: &[u8]| frame(CONTINUATION, payload);
    let cases: [(&str, Vec<u8>, ErrorCode); 12] = [
        ("invalid UTF-8", frame(FIN | TEXT, b"{\"id\":2,\"type\":\"\xff\xfe\"}"), bad),
        ("an overlong character", frame(FIN | TEXT, b"\xc0\x80"), bad),
        ("half a character", frame(FIN | TEXT, b"\"\xf0\x9f\x8e"), bad),
        ("half a surrogate", frame(FIN | TEXT, b"\xed\xa0\x80"), bad),
        (
            "invalid UTF-8 in a later fragment",
            [frame(TEXT, b"{\"id\":2,"), frame(FIN | CONTINUATION, b"\xff}")].concat(),
            bad,
        ),
        ("a fragment of nothing", frame(FIN | CONTINUATION, b"x"), bad),
        ("an unknown opcode", frame(FIN | 0x3, b"x"), bad),
        ("compression that was not negotiated", frame(FIN | RSV1 | TEXT, b"x"), bad),
        ("no mask", vec![FIN | TEXT, 2, b'{', b'}'], bad),
        ("a ping in fragments", frame(PING, b"x"), bad),
        (
            "a length that no memory has",
            [&[FIN | TEXT, MASKED | 127][..], &(u64::MAX / 2).to_be_bytes(), &[0; 4]].concat(),
            large,
        ),
        (
            "endless fragments",
            [frame(TEXT, b"\""), part(&[b'x'; 16_000]).repeat(3)].concat(),
            large,
        ),
    ];
    for (what, bytes, expected) in cases {
        for greeted in [true, false] {
            let mut wire =
                if greeted { Wire::hello(&venue).await } else { Wire::open(&venue).await };
            wire.send(&bytes).await;
            let (code, reason) = wire.close_code().await;
            assert_eq!(
                (Some(code), &*reason),
                (expected.close_code(), expected.as_str()),
                "{what}"
            );
        }
    }
    witness.saw_nothing(&venue, "frames").await;
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_may_come_in_fragments_that_split_a_character() {
    let venue = Venue::open().await;
    let mut wire = Wire::hello(&venue).await;
    let text = r#"{"id":2,"type":"ping","x":"🎤"}"#.as_bytes();
    let middle = text.len() - 5;
    wire.send(&frame(TEXT, &text[..middle])).await;
    wire.send(&frame(FIN | PING, b"alive")).await;
    let pong = wire.next().await;
    assert_eq!(pong, (FIN | 0xa, b"alive".to_vec()));
    wire.send(&frame(FIN | CONTINUATION, &text[middle..])).await;
    let (kind, answer) = wire.next().await;
    assert_eq!((kind, answer), (FIN | TEXT, br#"{"re":2,"type":"ok"}"#.to_vec()));
    venue.close().await;
}
