use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::rtp::SeqNo;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A sender of 20 ms packets whose network is a table: packet number, delay. `None` is a loss.
fn receive(reception: &mut Reception, start: Instant, first_seq: u16, delays_ms: &[Option<u64>]) {
    for (place, delay) in (0u16..).zip(delays_ms) {
        if let Some(delay) = delay {
            let sent = start + ms(20) * u32::from(place);
            let seq = SeqNo(first_seq.wrapping_add(place));
            reception.on_packet(sent + ms(*delay), seq, u32::from(place) * 960);
        }
    }
}

#[test]
fn ntp_time() {
    assert_eq!(NtpTime::from_unix(Duration::ZERO), NtpTime(2_208_988_800 << 32));
    let half = NtpTime::from_unix(Duration::from_millis(1500));
    assert_eq!(half, NtpTime(2_208_988_801 << 32 | 1 << 31));
    assert_eq!(half.middle(), 0x7e81_8000 & 0xffff_0000 | 0x8000);
}

#[test]
fn sender_report_to_the_byte() {
    let (ssrc, ntp) = (Ssrc(0x0102_0304), NtpTime(0x1112_1314_2122_2324));
    let report = SenderReport { ssrc, ntp, ts_48k: 0x3132_3334, packets: 5, octets: 600 };
    let mut out = [0; MAX_REPORT_LEN];
    let len = write_sender_report(&report, &mut out);
    #[rustfmt::skip]
    let expected = [
        0x80, 200, 0, 6, 1, 2, 3, 4, 0x11, 0x12, 0x13, 0x14, 0x21, 0x22, 0x23, 0x24,
        0x31, 0x32, 0x33, 0x34, 0, 0, 0, 5, 0, 0, 2, 88,
        0x81, 202, 0, 3, 1, 2, 3, 4, 1, 4, b'r', b'o', b'o', b'm', 0, 0,
    ];
    assert_eq!(out[..len], expected);
    let read: Vec<_> = parse(&out[..len]).collect();
    assert_eq!(read, [Rtcp::SenderReport(report, Blocks(&[]))]);
}

#[test]
fn receiver_report_to_the_byte() {
    let block = ReportBlock {
        ssrc: Ssrc(0x0a0b_0c0d),
        fraction_lost: 64,
        cumulative_lost: -2,
        highest_seq: 0x0001_0002,
        jitter_48k: 77,
        last_sr: 0x5152_5354,
        delay_since_last_sr: 65_536,
    };
    let mut out = [0; MAX_REPORT_LEN];
    let len = write_receiver_report(Ssrc(9), &block, &mut out);
    #[rustfmt::skip]
    let expected = [
        0x81, 201, 0, 7, 0, 0, 0, 9, 0x0a, 0x0b, 0x0c, 0x0d, 64, 0xff, 0xff, 0xfe,
        0, 1, 0, 2, 0, 0, 0, 77, 0x51, 0x52, 0x53, 0x54, 0, 1, 0, 0,
        0x81, 202, 0, 3, 0, 0, 0, 9, 1, 4, b'r', b'o', b'o', b'm', 0, 0,
    ];
    assert_eq!(out[..len], expected);
    let Some(Rtcp::ReceiverReport(Ssrc(9), blocks)) = parse(&out[..len]).next() else {
        panic!("no report")
    };
    assert_eq!(blocks.collect::<Vec<_>>(), [block]);
}

#[test]
fn losses_beyond_24_bits_are_clamped() {
    for (lost, read) in [(i32::MAX, (1 << 23) - 1), (i32::MIN, -(1 << 23)), (-1, -1)] {
        let block = ReportBlock {
            ssrc: Ssrc(1),
            fraction_lost: 0,
            cumulative_lost: lost,
            highest_seq: 0,
            jitter_48k: 0,
            last_sr: 0,
            delay_since_last_sr: 0,
        };
        let mut out = [0; MAX_REPORT_LEN];
        let len = write_receiver_report(Ssrc(9), &block, &mut out);
        let Some(Rtcp::ReceiverReport(_, mut blocks)) = parse(&out[..len]).next() else {
            panic!("no report")
        };
        assert_eq!(blocks.next().map(|block| block.cumulative_lost), Some(read));
    }
}

#[test]
fn walks_a_compound_and_stops_at_damage() {
    let bye = [0x81, 203, 0, 1, 0, 0, 0, 7];
    // Feedback (NACK), which we pass over.
    let nack = [0x81, 205, 0, 3, 0, 0, 0, 7, 0, 0, 0, 8, 0, 1, 0, 0];
    let whole = [&nack[..], &bye, &nack].concat();
    assert_eq!(parse(&whole).collect::<Vec<_>>(), [Rtcp::Bye(Ssrc(7))]);
    assert_eq!(parse(&whole[..whole.len() - 1]).count(), 1, "the last packet is cut off");
    assert_eq!(parse(&[&[0x41][..], &bye[1..], &bye].concat()).count(), 0, "not version 2");
    // A receiver report that claims more blocks than it holds, and one too short for its source.
    assert_eq!(parse(&[0x9f, 201, 0, 1, 0, 0, 0, 7]).count(), 0);
    assert_eq!(parse(&[0x80, 201, 0, 0]).count(), 0);
    assert_eq!(parse(&[0x80, 203, 0, 1, 0, 0, 0, 7]).count(), 0, "a bye of nobody");
}

#[test]
fn nothing_received_nothing_reported() {
    let start = Instant::now();
    let mut reception = Reception::new(Ssrc(1));
    reception.on_sender_report(start, NtpTime(1 << 32));
    assert_eq!(reception.report(start), None);
    assert_eq!((reception.received(), reception.lost(), reception.jitter_48k()), (0, 0, 0));
}

#[test]
fn loss_per_interval_and_in_all() {
    let start = Instant::now();
    let mut reception = Reception::new(Ssrc(1));
    // Ten packets across the wrap, of which 3 are lost.
    let first = [Some(0), None, Some(0), Some(0), None, None, Some(0), Some(0), Some(0), Some(0)];
    receive(&mut reception, start, 65_530, &first);
    let block = reception.report(start + ms(200)).unwrap();
    assert_eq!((block.ssrc, block.fraction_lost, block.cumulative_lost), (Ssrc(1), 76, 3)); // 3/10 * 256
    assert_eq!(block.highest_seq, 0x1_0003);
    assert_eq!((block.last_sr, block.delay_since_last_sr, block.jitter_48k), (0, 0, 0));
    // Nothing in an interval is no loss.
    assert_eq!(reception.report(start + ms(400)).unwrap().fraction_lost, 0);
    // A late packet and a duplicate of it make good more than was lost.
    reception.on_packet(start + ms(400), SeqNo(65_531), 960);
    reception.on_packet(start + ms(400), SeqNo(65_531), 960);
    let block = reception.report(start + ms(400)).unwrap();
    assert_eq!((block.fraction_lost, block.cumulative_lost), (0, 1));
    assert_eq!((reception.received(), reception.lost()), (9, 1));
    // All lost but the last of an interval.
    reception.on_packet(start + ms(500), SeqNo(103), 0);
    assert_eq!(reception.report(start + ms(500)).unwrap().fraction_lost, 253); // 99/100 * 256
}

#[test]
fn one_stray_packet_is_no_restart_two_are() {
    let start = Instant::now();
    for (stray, next) in [(10_000, 10_001), (900, 901)] {
        let mut reception = Reception::new(Ssrc(1));
        receive(&mut reception, start, 1000, &[Some(0); 5]);
        reception.on_packet(start, SeqNo(stray), 0);
        reception.on_packet(start, SeqNo(1005), 5 * 960);
        assert_eq!(reception.report(start).unwrap().highest_seq, 1005);
        reception.on_packet(start, SeqNo(stray), 0);
        reception.on_packet(start, SeqNo(next), 960);
        let block = reception.report(start).unwrap();
        assert_eq!((block.highest_seq, block.cumulative_lost), (u32::from(next), 0));
        assert_eq!(reception.received(), 1);
    }
}

#[test]
fn jitter_as_the_rfc_computes_it() {
    let start = Instant::now();
    let mut reception = Reception::new(Ssrc(1));
    // Transit changes by 0, 10 ms, 10 ms, 0: 0, 480, 480, 0 units; J += (|D| - J) / 16 in sixteenths, rounded.
    receive(&mut reception, start, 0, &[Some(0), Some(0), Some(10), Some(0), Some(0)]);
    // 480; 480 + 480 - (480 + 8 >> 4 = 30) = 930; 930 - (938 >> 4 = 58) = 872; / 16 = 54.
    assert_eq!(reception.jitter_48k(), 54);
    assert_eq!(reception.report(start + ms(100)).unwrap().jitter_48k, 54);
}

#[test]
fn a_pause_with_a_frozen_clock_is_no_jitter() {
    let start = Instant::now();
    let mut reception = Reception::new(Ssrc(1));
    receive(&mut reception, start, 0, &[Some(0); 10]);
    receive(&mut reception, start + Duration::from_secs(30), 10, &[Some(0); 10]);
    assert_eq!((reception.jitter_48k(), reception.lost()), (0, 0));
}

#[test]
fn echoes_the_sender_report_and_measures_the_round_trip() {
    let start = Instant::now();
    let mut reception = Reception::new(Ssrc(1));
    receive(&mut reception, start, 0, &[Some(0)]);
    let sent = NtpTime::from_unix(Duration::from_secs(1_000_000));
    reception.on_sender_report(start, sent);
    let block = reception.report(start + ms(250)).unwrap();
    assert_eq!((block.last_sr, block.delay_since_last_sr), (sent.middle(), 16_384));
    // Seen from the sender, 250 ms of delay and 125 ms on the way later.
    let back = NtpTime::from_unix(Duration::from_secs(1_000_000) + ms(375));
    assert_eq!(round_trip(back, &block), Some(ms(125)));
    assert_eq!(round_trip(sent, &block), None, "answered before it was sent");
    let much_later = NtpTime::from_unix(Duration::from_secs(1_000_120));
    assert_eq!(round_trip(much_later, &block), None, "stale");
    assert_eq!(round_trip(back, &ReportBlock { last_sr: 0, ..block }), None, "no report was heard");
    assert_eq!(
        reception.report(start + Duration::from_secs(100_000)).unwrap().delay_since_last_sr,
        u32::MAX
    );
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        for read in parse(&bytes) {
            if let Rtcp::SenderReport(_, blocks) | Rtcp::ReceiverReport(_, blocks) = read {
                prop_assert!(blocks.count() <= 31);
            }
        }
    }

    #[test]
    fn a_plausible_compound_does_not_panic(
        packets in prop::collection::vec((0x80u8..=0x9f, 198u8..208, 0u16..9, any::<[u8; 36]>()), 0..6),
    ) {
        let mut bytes = Vec::new();
        for (first, kind, words, body) in packets {
            bytes.extend_from_slice(&[first, kind, 0, words as u8]);
            bytes.extend_from_slice(&body[..usize::from(words) * 4]);
        }
        prop_assert!(parse(&bytes).count() <= 6);
    }

    #[test]
    fn no_sequence_of_packets_panics(
        packets in prop::collection::vec((any::<u16>(), any::<u32>(), 0u64..500), 1..200),
    ) {
        let mut now = Instant::now();
        let mut reception = Reception::new(Ssrc(1));
        for (seq, ts_48k, later) in packets {
            now += ms(later);
            reception.on_packet(now, SeqNo(seq), ts_48k);
            prop_assert!(reception.report(now).is_some());
        }
    }
}
