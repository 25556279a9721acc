//! A look at DTLS records and handshake fragments (RFC 6347 sections 4.1 and 4.2.2) before they are believed. Pure.

const HEADER_LEN: usize = 13;
const HANDSHAKE_HEADER_LEN: usize = 12;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const CLIENT_HELLO: u8 = 1;
/// A browser's certificate takes 300 to 1,000 bytes, a post-quantum ClientHello 1,700: ample, and far below what a
/// forged length could have us wait for.
const MAX_MESSAGE_LEN: u32 = 16 * 1024;
/// A client's last flight has five or six records; one datagram holds no more of them than that needs.
const MAX_RECORDS: usize = 16;

struct Record<'a> {
    content: u8,
    epoch: u16,
    body: &'a [u8],
}

fn records(mut datagram: &[u8]) -> impl Iterator<Item = Option<Record<'_>>> {
    std::iter::from_fn(move || {
        if datagram.is_empty() {
            return None;
        }
        let record = datagram.split_at_checked(HEADER_LEN).and_then(|(header, rest)| {
            let len = usize::from(u16::from_be_bytes([header[11], header[12]]));
            let (body, rest) = rest.split_at_checked(len)?;
            datagram = rest;
            Some(Record {
                content: header[0],
                epoch: u16::from_be_bytes([header[3], header[4]]),
                body,
            })
        });
        if record.is_none() {
            datagram = &[];
        }
        Some(record)
    })
}

/// Whether every record is whole and every fragment in clear lies within a message of sensible size.
pub(super) fn is_acceptable(datagram: &[u8]) -> bool {
    let mut count = 0;
    !datagram.is_empty()
        && records(datagram).all(|record| {
            count += 1;
            count <= MAX_RECORDS
                && record.is_some_and(|record| {
                    record.content != HANDSHAKE
                        || record.epoch != 0
                        || fragments_are_acceptable(record.body)
                })
        })
}

fn u24(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]])
}

fn fragments_are_acceptable(mut body: &[u8]) -> bool {
    if body.is_empty() {
        return false;
    }
    while !body.is_empty() {
        let Some((header, rest)) = body.split_at_checked(HANDSHAKE_HEADER_LEN) else {
            return false;
        };
        let (total, offset, len) = (u24(&header[1..]), u24(&header[6..]), u24(&header[9..]));
        // An empty fragment of a message that is not empty advances nothing and is never sent.
        let whole = total == 0 && len == 0;
        if total > MAX_MESSAGE_LEN || offset + len > total || (len == 0 && !whole) {
            return false;
        }
        let Some((_, rest)) = rest.split_at_checked(len as usize) else {
            return false;
        };
        body = rest;
    }
    true
}

/// Application data or an alert in clear. Before the handshake's end neither is anybody's in particular: whoever can
/// forge the address could end the attempt with it (RFC 6347 section 4.1.2.7 lets us drop it). A client that gave up
/// falls silent, and time tells.
pub(super) fn is_meddling(datagram: &[u8]) -> bool {
    records(datagram)
        .flatten()
        .any(|record| record.epoch == 0 && matches!(record.content, ALERT | APPLICATION_DATA))
}

/// Any part of a ClientHello in clear.
pub(super) fn is_hello(datagram: &[u8]) -> bool {
    records(datagram).flatten().next().is_some_and(|record| {
        record.content == HANDSHAKE
            && record.epoch == 0
            && record.body.first() == Some(&CLIENT_HELLO)
    })
}

/// The client's random if the datagram begins with the beginning of an association's first ClientHello.
pub(super) fn opening_random(datagram: &[u8]) -> Option<[u8; 32]> {
    let record = records(datagram).next()??;
    if record.content != HANDSHAKE || record.epoch != 0 {
        return None;
    }
    let (header, body) = record.body.split_at_checked(HANDSHAKE_HEADER_LEN)?;
    // Message sequence 0, fragment offset 0; then the version and the random (RFC 5246 section 7.4.1.2).
    let is_first = header[0] == CLIENT_HELLO && header[4..9] == [0; 5];
    if is_first { body.get(2..34)?.try_into().ok() } else { None }
}

/// A handshake record that is not a ClientHello in clear: part of the client's last flight.
pub(super) fn repeats_client_finish(datagram: &[u8]) -> bool {
    records(datagram).flatten().any(|record| {
        record.content == HANDSHAKE
            && (record.epoch > 0 || record.body.first().is_some_and(|typ| *typ != CLIENT_HELLO))
    })
}

/// An alert under the association's keys.
pub(super) fn is_protected_alert(datagram: &[u8]) -> bool {
    records(datagram).flatten().any(|record| record.content == ALERT && record.epoch > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(content: u8, epoch: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![content, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 9];
        bytes.extend_from_slice(&(body.len() as u16).to_be_bytes());
        bytes.extend_from_slice(body);
        bytes
    }

    fn fragment(typ: u8, total: u32, offset: u32, len: u32, held: usize) -> Vec<u8> {
        let mut bytes = vec![typ];
        bytes.extend_from_slice(&total.to_be_bytes()[1..]);
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&offset.to_be_bytes()[1..]);
        bytes.extend_from_slice(&len.to_be_bytes()[1..]);
        bytes.extend(vec![7; held]);
        bytes
    }

    #[test]
    fn fragments_must_lie_within_a_message_of_sensible_size() {
        let cases = [
            ("whole", fragment(1, 100, 0, 100, 100), true),
            ("part", fragment(1, 100, 40, 60, 60), true),
            ("empty message", fragment(14, 0, 0, 0, 0), true),
            ("length zero", fragment(1, 100, 0, 0, 0), false),
            ("16 MB", fragment(1, 0xff_ffff, 0, 50, 50), false),
            ("beyond the end", fragment(1, 100, 90, 20, 20), false),
            ("shorter than it says", fragment(1, 100, 0, 100, 99), false),
            ("more than it says", fragment(1, 100, 0, 100, 101), false),
            ("nothing", Vec::new(), false),
        ];
        for (name, body, acceptable) in cases {
            assert_eq!(is_acceptable(&record(HANDSHAKE, 0, &body)), acceptable, "{name}");
        }
        assert!(!is_acceptable(&[]));
        assert!(!is_acceptable(&record(HANDSHAKE, 0, &[])[..12]));
        let many = record(20, 0, &[1]).repeat(17);
        assert!(!is_acceptable(&many));
    }

    #[test]
    fn what_an_established_association_looks_at() {
        let hello = record(HANDSHAKE, 0, &fragment(1, 100, 0, 100, 100));
        let certificate = record(HANDSHAKE, 0, &fragment(11, 100, 0, 100, 100));
        let finished = record(HANDSHAKE, 1, &[9; 40]);
        assert!(is_hello(&hello) && !is_hello(&certificate) && !is_hello(&finished));
        assert!(!repeats_client_finish(&hello));
        assert_eq!(opening_random(&hello), Some([7; 32]));
        assert_eq!(opening_random(&certificate), None);
        assert!(repeats_client_finish(&certificate) && repeats_client_finish(&finished));
        assert!(is_meddling(&record(ALERT, 0, &[2, 40])));
        assert!(is_meddling(&record(APPLICATION_DATA, 0, b"hi")));
        assert!(!is_meddling(&hello) && !is_meddling(&record(ALERT, 1, &[9; 26])));
        assert!(is_protected_alert(&record(ALERT, 1, &[9; 26])));
        assert!(!is_protected_alert(&record(ALERT, 0, &[2, 40])));
        assert!(!is_protected_alert(&hello) && !is_protected_alert(&finished));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            lengths in proptest::array::uniform3(0_u32..120),
            held in 0_usize..120,
        ) {
            let framed = record(HANDSHAKE, 0, &bytes);
            // Noise seldom says lengths that are believed.
            let [total, offset, len] = lengths;
            let likely = record(HANDSHAKE, 0, &fragment(1, total, offset, len, held));
            for datagram in [&bytes, &framed, &likely] {
                let _ = (is_acceptable(datagram), repeats_client_finish(datagram), is_protected_alert(datagram), opening_random(datagram), is_meddling(datagram));
            }
        }
    }
}
