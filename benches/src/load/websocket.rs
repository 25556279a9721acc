//! The client's side of RFC 6455, as little as ten thousand sockets need: no buffer while nothing is on its way. Pure.

use std::ops::Range;

/// The nonce of the RFC's own example (section 1.3), whose answer is known: no hash is needed to check it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// Masks what we send (section 5.3). Any value does towards a server of our own; zero would spare it the work.
const MASK: [u8; 4] = [0x5a, 0xa5, 0x3c, 0xc3];

/// Section 5.2's opcodes that a server sends us.
pub(super) const TEXT: u8 = 1;
pub(super) const CLOSE: u8 = 8;
pub(super) const PING: u8 = 9;
const PONG: u8 = 10;

/// The opening handshake's request.
pub(super) fn upgrade(authority: &str, subprotocol: &str) -> Vec<u8> {
    format!(
        "GET /ws HTTP/1.1\r\nHost: {authority}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Protocol: {subprotocol}\r\n\r\n"
    )
    .into_bytes()
}

/// The length of the server's answer once it is whole.
pub(super) fn upgraded(bytes: &[u8]) -> Result<Option<usize>, String> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = String::from_utf8_lossy(&bytes[..end]);
    let accepted = head.starts_with("HTTP/1.1 101 ") && head.contains(ACCEPT);
    let refused = || format!("WebSocket refused: {}", head.lines().next().unwrap_or_default());
    accepted.then_some(Some(end + 4)).ok_or_else(refused)
}

/// Where the first frame of `bytes` lies, once it is whole: opcode, payload, and the next frame's start.
pub(super) fn frame(bytes: &[u8]) -> Result<Option<(u8, Range<usize>)>, String> {
    let [first, second, ..] = bytes else { return Ok(None) };
    // Palco sends no fragments, no extensions, and a server never masks (section 5.1).
    if first & 0xf0 != 0x80 || second & 0x80 != 0 {
        return Err(format!("a frame that begins with {first:#04x} {second:#04x}"));
    }
    let (start, len) = match *second {
        126 => (4, bytes.get(2..4).map(|len| usize::from(u16::from_be_bytes([len[0], len[1]])))),
        127 => {
            let len = bytes.get(2..10).and_then(|len| len.try_into().ok()).map(u64::from_be_bytes);
            (10, len.and_then(|len| usize::try_from(len).ok()))
        }
        len => (2, Some(usize::from(len))),
    };
    let Some(end) = len.and_then(|len| len.checked_add(start)) else { return Ok(None) };
    Ok((end <= bytes.len()).then_some((first & 0x0f, start..end)))
}

/// Appends a text frame.
pub(super) fn write_text(text: &str, out: &mut Vec<u8>) {
    write(TEXT, text.as_bytes(), out);
}

/// Appends the answer to a ping.
pub(super) fn write_pong(payload: &[u8], out: &mut Vec<u8>) {
    write(PONG, payload, out);
}

fn write(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.push(0x80 | opcode);
    match payload.len() {
        len @ 0..126 => out.push(0x80 | len as u8),
        len @ 126..0x1_0000 => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rfcs_own_frames() {
        // Section 5.7: unmasked "Hello", and 256 and 65,536 bytes in one frame.
        let hello = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
        assert_eq!(frame(&hello), Ok(Some((TEXT, 2..7))));
        for cut in 0..hello.len() {
            assert_eq!(frame(&hello[..cut]), Ok(None));
        }
        let medium = [&[0x82, 0x7e, 0x01, 0x00][..], &[0; 256]].concat();
        assert_eq!(frame(&medium), Ok(Some((2, 4..260))));
        let large = [&[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0][..], &[0; 65_536]].concat();
        assert_eq!(frame(&large), Ok(Some((2, 10..65_546))));
        assert_eq!(frame(&large[..65_545]), Ok(None));
        assert!(frame(&[0x01, 0x03, 0x48, 0x65, 0x6c]).is_err(), "a fragment");
    }

    #[test]
    fn what_we_write_is_masked() {
        for len in [0_usize, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; len];
            let mut out = Vec::new();
            write(TEXT, &payload, &mut out);
            assert_eq!(out[1] & 0x80, 0x80);
            let start = out.len() - len;
            let unmasked: Vec<u8> =
                out[start..].iter().zip(MASK.iter().cycle()).map(|(b, m)| b ^ m).collect();
            assert_eq!(unmasked, payload);
            assert_eq!(out[start - 4..start], MASK);
            // The same header without the mask's bit is a server's: our own reader measures it.
            out[1] &= 0x7f;
            out.drain(start - 4..start);
            assert_eq!(frame(&out).unwrap().unwrap().1.len(), len);
        }
    }

    #[test]
    fn the_handshake_is_checked() {
        let accepted =
            format!("HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: {ACCEPT}\r\n\r\n");
        assert_eq!(upgraded(accepted.as_bytes()), Ok(Some(accepted.len())));
        assert_eq!(upgraded(&accepted.as_bytes()[..20]), Ok(None));
        assert!(upgraded(b"HTTP/1.1 403 Forbidden\r\n\r\n").is_err());
    }
}
