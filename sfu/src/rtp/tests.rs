use proptest::prelude::*;

use super::red::*;
use super::*;

/// Version 2, no padding, extension or CSRC; payload type 111, sequence 0x0102, timestamp 0x03040506.
const PLAIN: [u8; 15] = [0x80, 0x6f, 1, 2, 3, 4, 5, 6, 0xde, 0xad, 0xbe, 0xef, 0xf8, 0xff, 0xfe];

fn with_extension(profile: u16, body: &[u8]) -> Vec<u8> {
    assert_eq!(body.len() % 4, 0);
    let mut packet = PLAIN.to_vec();
    packet[0] |= 0x10;
    let mut extension = profile.to_be_bytes().to_vec();
    extension.extend_from_slice(&((body.len() / 4) as u16).to_be_bytes());
    extension.extend_from_slice(body);
    packet.splice(12..12, extension);
    packet
}

#[test]
fn reads_the_plain_header() {
    let packet = RtpPacket::parse(&PLAIN).unwrap();
    assert!(!packet.marker);
    assert_eq!((packet.payload_type, packet.seq, packet.ts_48k), (111, SeqNo(0x0102), 0x0304_0506));
    assert_eq!((packet.ssrc, packet.header_len), (Ssrc(0xdead_beef), 12));
    assert_eq!(packet.payload, [0xf8, 0xff, 0xfe]);
    assert_eq!(packet.csrcs().count(), 0);
    assert_eq!(packet.extension(1), None);
    let mut marked = PLAIN;
    marked[1] |= 0x80;
    let marked = RtpPacket::parse(&marked).unwrap();
    assert_eq!((marked.marker, marked.payload_type), (true, 111));
}

#[test]
fn reads_contributing_sources() {
    let mut bytes = PLAIN.to_vec();
    bytes[0] |= 2;
    bytes.splice(12..12, [0, 0, 0, 7, 0, 0, 1, 0]);
    let packet = RtpPacket::parse(&bytes).unwrap();
    assert_eq!(packet.csrcs().collect::<Vec<_>>(), [Ssrc(7), Ssrc(256)]);
    assert_eq!((packet.header_len, packet.payload.len()), (20, 3));
}

#[test]
fn reads_one_byte_extensions() {
    // Level (id 1, one byte), padding, mid (id 4, two bytes), end (id 15) before id 2.
    let bytes =
        with_extension(0xbede, &[0x10, 0x80 | 31, 0, 0x41, b'1', b'2', 0xf0, 0x20, 9, 0, 0, 0]);
    let packet = RtpPacket::parse(&bytes).unwrap();
    assert_eq!(packet.audio_level(1), Some(AudioLevel { minus_dbov: 31, voice: true }));
    assert_eq!(packet.extension(4), Some(&b"12"[..]));
    assert_eq!(packet.extension(2), None, "id 15 ends the list");
    assert_eq!(packet.extension(15), None);
    assert_eq!((packet.header_len, packet.payload), (28, &PLAIN[12..]));
}

#[test]
fn reads_two_byte_extensions() {
    // An empty element (id 3), then level, padding, mid.
    let bytes = with_extension(0x1000, &[3, 0, 1, 1, 127, 0, 0, 4, 1, b'0', 0, 0]);
    let packet = RtpPacket::parse(&bytes).unwrap();
    assert_eq!(packet.extension(3), Some(&b""[..]));
    assert_eq!(packet.audio_level(3), None);
    assert_eq!(packet.audio_level(1), Some(AudioLevel { minus_dbov: 127, voice: false }));
    assert_eq!(packet.extension(4), Some(&b"0"[..]));
}

#[test]
fn an_element_longer_than_the_extension_is_not_read() {
    let bytes = with_extension(0xbede, &[0x10, 40, 0x4f, b'1']);
    let packet = RtpPacket::parse(&bytes).unwrap();
    assert_eq!(packet.audio_level(1).map(|level| level.minus_dbov), Some(40));
    assert_eq!(packet.extension(4), None);
    let foreign = with_extension(0xabac, &[0x10, 40, 0, 0]);
    assert_eq!(RtpPacket::parse(&foreign).unwrap().extension(1), None);
}

#[test]
fn takes_padding_off() {
    let mut bytes = PLAIN.to_vec();
    bytes[0] |= 0x20;
    bytes.extend_from_slice(&[0, 0, 3]);
    assert_eq!(RtpPacket::parse(&bytes).unwrap().payload, &PLAIN[12..]);
    for (last, expected) in [(0, Err(RtpError::Padding)), (6, Ok(0)), (7, Err(RtpError::Padding))] {
        *bytes.last_mut().unwrap() = last;
        assert_eq!(RtpPacket::parse(&bytes).map(|packet| packet.payload.len()), expected, "{last}");
    }
    bytes.truncate(12);
    assert_eq!(RtpPacket::parse(&bytes), Err(RtpError::Padding));
}

#[test]
fn refuses_what_is_cut_off() {
    let mut whole = with_extension(0xbede, &[0x10, 31, 0, 0]);
    whole[0] |= 1;
    whole.splice(12..12, [0, 0, 0, 7]);
    assert_eq!(RtpPacket::parse(&whole).unwrap().header_len, 24);
    for len in 0..24 {
        assert_eq!(RtpPacket::parse(&whole[..len]), Err(RtpError::TooShort), "{len}");
    }
    assert_eq!(RtpPacket::parse(&whole[..24]).unwrap().payload, b"");
    whole[0] = (whole[0] & 0x3f) | 0x40;
    assert_eq!(RtpPacket::parse(&whole), Err(RtpError::Version));
}

#[test]
fn sequence_numbers_compare_the_shorter_way_round() {
    // (a, b, a - b)
    let table: [(u16, u16, i16); 10] = [
        (0, 0, 0),
        (1, 0, 1),
        (0, 1, -1),
        (0, 65535, 1),
        (65535, 0, -1),
        (3, 65533, 6),
        (32767, 0, 32767),
        // Exactly half way round RFC 1982 leaves undefined: we say older.
        (32768, 0, -32768),
        (0, 32768, -32768),
        (32769, 0, -32767),
    ];
    for (a, b, distance) in table {
        assert_eq!(SeqNo(a).distance_from(SeqNo(b)), distance, "{a} from {b}");
        assert_eq!(SeqNo(a).is_newer_than(SeqNo(b)), distance > 0, "{a} newer than {b}");
    }
}

#[test]
fn sequence_numbers_extend_near_a_reference() {
    let table: [(u16, u64, u64); 8] = [
        (5, 3, 5),
        (0, 65535, 65536),
        (65535, 65536, 65535),
        (10, 0x2_fff0, 0x3_000a),
        (0xfff0, 0x3_000a, 0x2_fff0),
        (0x8000, 0x1_0000, 0x0_8000),
        // Nothing lies below zero.
        (65535, 0, 65535),
        (7, u64::MAX, 7),
    ];
    for (seq, reference, extended) in table {
        assert_eq!(SeqNo(seq).extend_near(reference), extended, "{seq} near {reference:#x}");
    }
}

#[test]
fn writes_what_it_reads() {
    let level = AudioLevel { minus_dbov: 42, voice: true };
    for (csrc, level, len) in [
        (None, None, 12),
        (Some(9), None, 16),
        (None, Some((3, level)), 20),
        (Some(9), Some((3, level)), 24),
    ] {
        let (seq, ts_48k, ssrc) = (SeqNo(77), 123_456, Ssrc(5));
        let header = RtpHeader { marker: true, payload_type: 109, seq, ts_48k, ssrc, csrc, level };
        let mut bytes = [0xff; RtpHeader::MAX_LEN];
        assert_eq!(header.write(&mut bytes), len);
        let packet = RtpPacket::parse(&bytes[..len]).unwrap();
        assert_eq!((packet.marker, packet.payload_type, packet.seq), (true, 109, seq));
        assert_eq!((packet.ts_48k, packet.ssrc, packet.header_len), (ts_48k, ssrc, len));
        assert_eq!(packet.csrcs().next(), csrc.map(Ssrc));
        assert_eq!(packet.audio_level(3), level.map(|(_, level)| level));
    }
}

#[test]
fn an_extension_id_that_the_one_byte_form_cannot_carry_is_left_out() {
    for id in [0, 15, 16] {
        let level = Some((id, AudioLevel { minus_dbov: 1, voice: false }));
        let (seq, ssrc) = (SeqNo(0), Ssrc(0));
        let header =
            RtpHeader { marker: false, payload_type: 96, seq, ts_48k: 0, ssrc, csrc: None, level };
        assert_eq!(header.write(&mut [0; RtpHeader::MAX_LEN]), 12);
    }
}

#[test]
fn patches_the_sequence_number_only() {
    let mut bytes = PLAIN;
    patch_seq(&mut bytes, SeqNo(0xaabb));
    assert_eq!(bytes[2..4], [0xaa, 0xbb]);
    assert_eq!((&bytes[..2], &bytes[4..]), (&PLAIN[..2], &PLAIN[4..]));
    patch_seq(&mut bytes[..3], SeqNo(0));
    assert_eq!(bytes[2], 0xaa, "too short to patch");
}

#[test]
fn red_splits_into_primary_and_earlier_frames() {
    // Two redundant blocks: 1,920 earlier with 2 bytes, 960 earlier with 3; then the primary.
    let offsets = [(1920u32, 2u32), (960, 3)];
    let mut payload = Vec::new();
    for (offset, len) in offsets {
        payload.extend_from_slice(&((0x80 | 111) << 24 | offset << 10 | len).to_be_bytes());
    }
    payload.push(111);
    payload.extend_from_slice(b"aabbbPRIMARY");
    let red = Red::parse(&payload).unwrap();
    assert_eq!((red.primary_payload_type, red.primary), (111, &b"PRIMARY"[..]));
    let block = |offset_48k, data| RedundantBlock { payload_type: 111, offset_48k, data };
    assert_eq!(red.redundant().collect::<Vec<_>>(), [block(1920, &b"aa"[..]), block(960, b"bbb")]);
    for len in 0..payload.len() - 7 {
        assert_eq!(Red::parse(&payload[..len]), Err(RedError), "{len}");
    }
}

#[test]
fn red_edges() {
    assert_eq!(Red::parse(&[111]).unwrap().primary, b"");
    assert_eq!(Red::parse(&[111, 1]).unwrap().redundant().count(), 0);
    // The largest offset and length that fit: 14 and 10 bits.
    let mut largest = vec![0x80 | 127, 0xff, 0xff, 0xff, 5];
    largest.resize(5 + 1023, 7);
    let block = Red::parse(&largest).unwrap().redundant().next().unwrap();
    assert_eq!((block.payload_type, block.offset_48k, block.data.len()), (127, 16383, 1023));
    // More headers than anyone sends.
    let mut many = [0x80, 0, 0, 0].repeat(8);
    many.push(111);
    assert_eq!(Red::parse(&many).unwrap().redundant().count(), 8);
    let mut too_many = [0x80, 0, 0, 0].repeat(9);
    too_many.push(111);
    assert_eq!(Red::parse(&too_many), Err(RedError));
}

proptest! {
    #[test]
    fn no_bytes_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..80), version_2 in any::<bool>()) {
        if version_2 && !bytes.is_empty() {
            bytes[0] = (bytes[0] & 0x3f) | 0x80;
        }
        if let Ok(packet) = RtpPacket::parse(&bytes) {
            prop_assert!(packet.header_len + packet.payload.len() <= bytes.len());
            prop_assert!(packet.csrcs().count() <= 15);
            for id in 0..=255 {
                packet.extension(id);
            }
        }
        if let Ok(red) = Red::parse(&bytes) {
            let carried: usize = red.redundant().map(|block| block.data.len()).sum();
            prop_assert_eq!(1 + 4 * red.redundant().count() + carried + red.primary.len(), bytes.len());
        }
    }

    #[test]
    fn extending_keeps_the_low_bits_and_stays_near(seq: u16, reference in 40_000u64..1 << 48) {
        let extended = SeqNo(seq).extend_near(reference);
        prop_assert_eq!(extended as u16, seq);
        prop_assert!(extended.abs_diff(reference) <= 32768);
    }
}
