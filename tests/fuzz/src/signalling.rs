//! Signalling frames: a socket that says hello and then anything, in whole messages or in raw bytes.

use std::io::{self, Read as _};

use palco_protocol::{ErrorCode, SUBPROTOCOL};
use palco_sfu::fuzz::parts;

use crate::live::{Connection, live};

/// RFC 6455, section 5.2.
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
/// Stands for the id of the room there is.
const ROOM: &str = "{room}";
/// What is asked last, and must be answered if the socket is still open.
const LAST: &str = r#"{"id":4294967295,"type":"ping"}"#;

/// Each part of the data is a message, a frame of another kind, or bytes as they are, by its tag.
pub fn signalling(data: &[u8]) {
    let live = live();
    let mut connection = Connection::open(live.address).expect("a connection");
    let upgrade = format!(
        "GET /ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n",
        live.address
    );
    connection.write(upgrade.as_bytes()).expect("sent");
    assert_eq!(connection.answer().expect("an answer").status, 101);
    let hello = serde_json::json!({ "id": 1, "type": "hello", "token": live.token });
    connection.write(&frame(0x80 | TEXT, hello.to_string().as_bytes())).expect("sent");
    let mut raw = false;
    for (tag, bytes) in parts(data) {
        let sent = match tag % 8 {
            0..=4 => {
                let text = String::from_utf8_lossy(bytes).replace(ROOM, &live.room);
                connection.write(&frame(0x80 | TEXT, text.as_bytes()))
            }
            // Not UTF-8, perhaps; a fragment, perhaps; of a reserved kind, perhaps.
            5 => connection.write(&frame(0x80 | TEXT, bytes)),
            6 => connection.write(&frame(
                (tag >> 3) & 0x7f | if tag & 0x80 == 0 { BINARY } else { 0x80 },
                bytes,
            )),
            _ => {
                raw = true;
                connection.write(bytes)
            }
        };
        // Closed already: what it said is read below.
        if sent.is_err() {
            break;
        }
    }
    let _ = connection.write(&frame(0x80 | TEXT, LAST.as_bytes()));
    // Raw bytes may be the head of a frame that never ends.
    if raw {
        let _ = connection.stream.get_ref().shutdown(std::net::Shutdown::Write);
    }
    read_to_the_end(&mut connection);
}

/// Until the last question is answered or the server closes.
fn read_to_the_end(connection: &mut Connection) {
    loop {
        let (opcode, payload) = match read(connection) {
            Ok(frame) => frame,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => panic!("no answer"),
            Err(_) => return,
        };
        match opcode {
            TEXT => {
                let text = String::from_utf8(payload).expect("UTF-8");
                let message: serde_json::Value = serde_json::from_str(&text).expect("JSON");
                let code = &message["error"]["code"];
                assert_ne!(code.as_str(), Some(ErrorCode::Internal.as_str()), "{text}");
                if message["re"] == u32::MAX {
                    return;
                }
            }
            CLOSE => return,
            _ => {}
        }
    }
}

/// A frame as clients send it, masked (section 5.3) with zeros: it is what it says.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..=125 => frame.push(0x80 | len as u8),
        len => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(len.min(0xffff) as u16).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(&payload[..payload.len().min(0xffff)]);
    frame
}

fn read(connection: &mut Connection) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    connection.stream.read_exact(&mut head)?;
    let len = match head[1] {
        126 => {
            let mut len = [0; 2];
            connection.stream.read_exact(&mut len)?;
            usize::from(u16::from_be_bytes(len))
        }
        127 => {
            let mut len = [0; 8];
            connection.stream.read_exact(&mut len)?;
            usize::try_from(u64::from_be_bytes(len)).map_err(io::Error::other)?
        }
        len => usize::from(len),
    };
    let mut payload = vec![0; len];
    connection.stream.read_exact(&mut payload)?;
    Ok((head[0] & 0x0f, payload))
}
