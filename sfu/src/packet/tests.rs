//! Packets to the byte; bundles and RED decoded by libopus.

use proptest::prelude::*;

use super::*;
use crate::rtp::RtpPacket;
use crate::rtp::red::Red;

const SSRC: Ssrc = Ssrc(0x5041_0001);
const CHROMIUM: Profile = Profile { opus_pt: 111, red_pt: Some(63), level_ext: Some(1) };
const FIREFOX: Profile = Profile { opus_pt: 109, red_pt: None, level_ext: Some(1) };
const BARE: Profile = Profile { opus_pt: 96, red_pt: None, level_ext: None };

fn level(minus_dbov: u8) -> Option<AudioLevel> {
    Some(AudioLevel { minus_dbov, voice: true })
}

/// Frame n of speaker 7, in sequence and time.
fn frame(n: u64, payload: &[u8]) -> Frame<'_> {
    let ts_48k = n as u32 * 960;
    Frame { ext_seq: n, ts_48k, marker: n == 0, speaker: SpeakerNo(7), level: level(30), payload }
}

fn written(packets: &SlotPackets, variant: Variant, profile: &Profile) -> Vec<Prepared> {
    (0..packets.ready(variant))
        .map(|index| {
            let mut out = Prepared::default();
            assert!(packets.write(variant, index, profile, &mut out));
            out
        })
        .collect()
}

fn only(packets: &SlotPackets, variant: Variant, profile: &Profile) -> Prepared {
    let mut all = written(packets, variant, profile);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// A second of a voice-like signal, silent in the middle: 50 frames of 20 ms.
fn speech(bits: i32, dtx: bool) -> Vec<Vec<u8>> {
    let mut encoder =
        opus::Encoder::new(48_000, opus::Channels::Mono, opus::Application::Voip).unwrap();
    encoder.set_bitrate(opus::Bitrate::Bits(bits)).unwrap();
    encoder.set_dtx(dtx).unwrap();
    (0..50)
        .map(|n| {
            let pcm: Vec<f32> = (0..960)
                .map(|i| {
                    let t = (n * 960 + i) as f32 / 48_000.0;
                    let silent = (15..40).contains(&n);
                    let tone = (t * 150.0 * std::f32::consts::TAU).sin() * (t * 20.0).sin();
                    if silent { 0.0 } else { 0.4 * tone }
                })
                .collect();
            encoder.encode_vec_float(&pcm, 1000).unwrap()
        })
        .collect()
}

fn decode(packets: &[Vec<u8>]) -> Vec<i16> {
    let mut decoder = opus::Decoder::new(48_000, opus::Channels::Mono).unwrap();
    let mut pcm = [0; 5760];
    let mut all = Vec::new();
    for packet in packets {
        let samples = decoder.decode(packet, &mut pcm, false).unwrap();
        all.extend_from_slice(&pcm[..samples]);
    }
    all
}

#[test]
fn plain_to_the_byte_in_each_profile() {
    let mut packets = SlotPackets::new(SSRC);
    assert!(packets.push(&Frame { ext_seq: 0x1_0203, ts_48k: 0x0405_0607, ..frame(0, b"opus") }));
    #[rustfmt::skip]
    let expected = [
        0x91, 0x80 | 111, 0x02, 0x03, 4, 5, 6, 7, 0x50, 0x41, 0, 1, 0, 0, 0, 7,
        0xbe, 0xde, 0, 1, 0x10, 0x80 | 30, 0, 0, b'o', b'p', b'u', b's',
    ];
    let out = only(&packets, Variant::Plain, &CHROMIUM);
    assert_eq!((out.bytes(), out.header_len(), out.ext_seq()), (&expected[..], 24, 0x1_0203));
    let out = only(&packets, Variant::Plain, &FIREFOX);
    assert_eq!((out.bytes()[1] & 0x7f, out.header_len()), (109, 24));
    let out = only(&packets, Variant::Plain, &BARE);
    assert_eq!((out.bytes()[0], out.header_len(), &out.bytes()[16..]), (0x81, 16, &b"opus"[..]));
    // A speaker without levels.
    packets.push(&Frame { level: None, ..frame(0x1_0204, b"opus") });
    assert_eq!(only(&packets, Variant::Plain, &CHROMIUM).header_len(), 16);
}

#[test]
fn refuses_the_empty_and_the_too_long() {
    let mut packets = SlotPackets::new(SSRC);
    let long = [0x78; MAX_PAYLOAD + 1];
    for (n, refused) in [&b""[..], &long].into_iter().enumerate() {
        assert!(packets.push(&frame(2 * n as u64, &long[..MAX_PAYLOAD])));
        assert!(!packets.push(&frame(2 * n as u64 + 1, refused)));
        let variants = [Variant::Plain, Variant::Red, Variant::Bundled];
        assert_eq!(variants.map(|variant| packets.ready(variant)), [0; 3]);
        assert!(!packets.write(Variant::Plain, 0, &CHROMIUM, &mut Prepared::default()));
    }
}

#[test]
fn red_carries_the_previous_frame() {
    let mut packets = SlotPackets::new(SSRC);
    packets.push(&frame(0, b"first"));
    let first = only(&packets, Variant::Red, &CHROMIUM);
    assert_eq!(
        first.bytes(),
        only(&packets, Variant::Plain, &CHROMIUM).bytes(),
        "nothing to carry yet"
    );
    packets.push(&frame(1, b"second"));
    let out = only(&packets, Variant::Red, &CHROMIUM);
    let packet = RtpPacket::parse(out.bytes()).unwrap();
    assert_eq!((packet.payload_type, packet.seq, packet.ts_48k), (63, SeqNo(1), 960));
    let red = Red::parse(packet.payload).unwrap();
    assert_eq!((red.primary_payload_type, red.primary), (111, &b"second"[..]));
    let blocks: Vec<_> =
        red.redundant().map(|block| (block.payload_type, block.offset_48k, block.data)).collect();
    assert_eq!(blocks, [(111, 960, &b"first"[..])]);
    // Who takes no RED gets the plain packet.
    assert_eq!(
        only(&packets, Variant::Red, &FIREFOX).bytes(),
        only(&packets, Variant::Plain, &FIREFOX).bytes()
    );
}

#[test]
fn red_is_plain_where_nothing_can_be_carried() {
    let is_red = |previous: &Frame<'_>, present: &Frame<'_>| {
        let mut packets = SlotPackets::new(SSRC);
        packets.push(previous);
        packets.push(present);
        only(&packets, Variant::Red, &CHROMIUM).bytes()[1] & 0x7f == 63
    };
    let bytes = [0x78; MAX_PAYLOAD];
    let at = |ts_48k, len: usize| Frame { ts_48k, ..frame(1, &bytes[..len]) };
    assert!(is_red(&frame(0, b"text"), &at(16_383, 100)));
    assert!(!is_red(&frame(0, b"text"), &at(16_384, 100)), "14 bits of offset");
    assert!(!is_red(&frame(0, b"text"), &at(0, 100)));
    assert!(is_red(&frame(0, &bytes[..1023]), &at(960, 100)));
    assert!(!is_red(&frame(0, &bytes[..1024]), &at(960, 100)), "10 bits of length");
    assert!(is_red(&frame(0, &bytes[..600]), &at(960, MAX_PAYLOAD - 605)));
    assert!(!is_red(&frame(0, &bytes[..600]), &at(960, MAX_PAYLOAD - 604)), "too long in all");
    assert!(!is_red(&frame(0, b"dtx"), &at(960, 100)));
}

#[test]
fn a_late_frame_goes_alone_and_the_newest_stays_the_previous_one() {
    let mut packets = SlotPackets::new(SSRC);
    packets.push(&frame(0, b"zero"));
    packets.push(&frame(2, b"two!"));
    packets.push(&frame(1, b"one!"));
    let late = only(&packets, Variant::Red, &CHROMIUM);
    assert_eq!(
        (late.ext_seq(), late.bytes()[1] & 0x7f, &late.bytes()[24..]),
        (1, 111, &b"one!"[..])
    );
    assert_eq!(packets.next_ext_seq(Variant::Plain), 3);
    assert_eq!(packets.ready(Variant::Bundled), 0);
    packets.push(&frame(3, b"three"));
    let out = only(&packets, Variant::Red, &CHROMIUM);
    let red = Red::parse(&out.bytes()[24..]).unwrap();
    let blocks: Vec<_> = red.redundant().map(|block| (block.offset_48k, block.data)).collect();
    assert_eq!((red.primary, blocks), (&b"three"[..], vec![(960, &b"two!"[..])]));
}

/// All bundles of a run of frames: number, timestamp, payload.
fn bundled<'a>(
    packets: &mut SlotPackets,
    frames: impl IntoIterator<Item = Frame<'a>>,
) -> Vec<(u64, u32, Vec<u8>)> {
    let mut all = Vec::new();
    for frame in frames {
        let next = packets.next_ext_seq(Variant::Bundled);
        packets.push(&frame);
        let ready = packets.ready(Variant::Bundled) as u64;
        assert_eq!(packets.next_ext_seq(Variant::Bundled), next + ready);
        for out in written(packets, Variant::Bundled, &CHROMIUM) {
            let packet = RtpPacket::parse(out.bytes()).unwrap();
            assert_eq!((packet.payload_type, packet.seq.0), (111, out.ext_seq() as u16));
            all.push((out.ext_seq(), packet.ts_48k, packet.payload.to_vec()));
        }
    }
    all
}

fn in_order(frames: &[Vec<u8>]) -> impl Iterator<Item = Frame<'_>> {
    frames.iter().enumerate().map(|(n, payload)| frame(n as u64, payload))
}

#[test]
fn bundles_of_speech_decode_bit_exactly() {
    for (bits, dtx) in [(12_000, false), (24_000, true), (32_000, false), (96_000, true)] {
        let frames = speech(bits, dtx);
        let bundles = bundled(&mut SlotPackets::new(SSRC), in_order(&frames));
        let payloads: Vec<_> = bundles.iter().map(|(_, _, payload)| payload.clone()).collect();
        let whole: u32 = payloads.iter().map(|payload| duration_48k(payload)).sum();
        let complete = whole as usize / 960;
        assert!(complete >= 48, "at most two frames wait at the end");
        assert_eq!(decode(&payloads), decode(&frames[..complete]), "{bits} bit/s");
        // Silence is coded in so few bytes that its frames go alone, as DTX does.
        assert!(bundles.len() < 34, "{} packets instead of 50", bundles.len());
        let mut ts = 0;
        for (n, (ext_seq, ts_48k, payload)) in bundles.iter().enumerate() {
            assert_eq!((*ext_seq, *ts_48k), (n as u64, ts));
            ts += duration_48k(payload);
        }
    }
}

#[test]
fn what_ends_a_bundle() {
    // Mono, 20 ms, wide band (config 9) and full band (config 31).
    let (wide, full) = (&[9 << 3, 1, 2, 3, 4][..], &[31 << 3, 1, 2, 3, 4][..]);
    let durations = |frames: &[Frame<'_>]| {
        let bundles = bundled(&mut SlotPackets::new(SSRC), frames.iter().copied());
        bundles.iter().map(|(_, _, payload)| duration_48k(payload) / 960).collect::<Vec<_>>()
    };
    let same = [0, 1, 2, 3].map(|n| frame(n, wide));
    assert_eq!(durations(&same), [3]);
    assert_eq!(
        durations(&[same[0], same[1], frame(2, full), frame(3, full)]),
        [2],
        "another configuration"
    );
    assert_eq!(durations(&[same[0], same[2], same[3]]), [1], "a gap");
    let dtx = frame(2, &wide[..1]);
    assert_eq!(durations(&[same[0], same[1], dtx, same[3]]), [3], "DTX ends its bundle");
    assert_eq!(
        durations(&[same[0], Frame { ext_seq: 1, ..dtx }]),
        [1, 1],
        "a gap, then DTX: two at once"
    );
    assert_eq!(durations(&[same[0], Frame { speaker: SpeakerNo(8), ..same[1] }, same[2]]), [1, 1]);
    assert_eq!(durations(&[same[0], Frame { marker: true, ..same[1] }]), [1]);
    let sixty = frame(1, &[11 << 3, 1, 2, 3, 4]);
    assert_eq!(
        durations(&[same[0], sixty, same[3]]),
        [1, 3],
        "a frame of another length goes alone"
    );
    let mut large = [7; 400];
    large[0] = 31 << 3;
    assert_eq!(durations(&[frame(0, &large), frame(1, &large), frame(2, &large)]), [1, 1, 1]);
    // The largest that are merged fit.
    let bundles = bundled(&mut SlotPackets::new(SSRC), [0, 1, 2].map(|n| frame(n, &large[..396])));
    assert!(
        matches!(&bundles[..], [(0, 0, payload)] if payload.len() <= MAX_PAYLOAD && payload.len() > 1180)
    );
}

#[test]
fn a_bundle_shows_the_loudest_of_its_levels() {
    let payload = &[9 << 3, 1, 2, 3, 4][..];
    let mut packets = SlotPackets::new(SSRC);
    for (n, minus_dbov) in [(0, 40), (1, 20), (2, 50)] {
        packets.push(&Frame { level: level(minus_dbov), ..frame(n, payload) });
    }
    let out = only(&packets, Variant::Bundled, &CHROMIUM);
    let packet = RtpPacket::parse(out.bytes()).unwrap();
    assert_eq!((packet.audio_level(1), packet.marker), (level(20), true));
    assert_eq!(packet.csrcs().next(), Some(Ssrc(7)));
}

#[test]
fn the_end_of_a_talk_flushes_the_bundle_and_is_silent() {
    let frames = speech(24_000, false);
    let mut packets = SlotPackets::new(SSRC);
    assert_eq!(bundled(&mut packets, in_order(&frames[..5])).len(), 1);
    let end = [0, 1].map(|n| frame(5 + n, END_FRAMES[n as usize]));
    let rest: Vec<_> =
        bundled(&mut packets, end).into_iter().map(|(_, _, payload)| payload).collect();
    assert_eq!(
        rest.iter().map(|payload| duration_48k(payload) / 960).collect::<Vec<_>>(),
        [2, 1, 1]
    );
    // What listeners decode: the talk dies away within the first end frame and stays silent, also when the decoder
    // is asked for more (a receiver's concealment).
    for talk in [5, 10, 45] {
        let mut decoder = opus::Decoder::new(48_000, opus::Channels::Mono).unwrap();
        let mut pcm = [0; 960];
        for packet in frames[..talk].iter().map(Vec::as_slice).chain(END_FRAMES) {
            decoder.decode(packet, &mut pcm, false).unwrap();
        }
        let loudest = |pcm: &[i16]| pcm.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
        assert!(loudest(&pcm) < 33, "{} of 32767 is more than -60 dBov", loudest(&pcm));
        for _ in 0..25 {
            decoder.decode(&[], &mut pcm, false).unwrap();
            assert!(loudest(&pcm) < 33, "{} in concealment", loudest(&pcm));
        }
    }
}

#[test]
fn durations_by_the_table_of_rfc_6716() {
    // (config, code and count bytes, units of 1/48000 s)
    let table: [(u8, &[u8], u32); 20] = [
        (0, &[0], 480),
        (1, &[0], 960),
        (2, &[0], 1920),
        (3, &[0], 2880),
        (11, &[0], 2880),
        (12, &[0], 480),
        (13, &[0], 960),
        (15, &[0], 960),
        (16, &[0], 120),
        (17, &[0], 240),
        (30, &[0], 480),
        (31, &[0], 960),
        (31, &[1], 1920),
        (31, &[2], 1920),
        (31, &[3, 6], 5760),
        (31, &[3, 0x80 | 0x40 | 2], 1920),
        (31, &[3, 7], 0),
        (3, &[3, 2], 5760),
        (3, &[3, 3], 0),
        (3, &[3], 0),
    ];
    for (config, bytes, duration) in table {
        let mut payload = bytes.to_vec();
        payload[0] |= config << 3;
        assert_eq!(duration_48k(&payload), duration, "config {config}, {bytes:?}");
    }
    assert_eq!(duration_48k(&[]), 0);
    for payload in speech(24_000, true) {
        assert_eq!(duration_48k(&payload), 960);
    }
}

#[test]
fn buffers_are_reused() {
    let mut packets = SlotPackets::new(SSRC);
    let mut out = Prepared::default();
    let payload = [31 << 3; 390];
    let mut capacities = None;
    for n in 0..200 {
        packets.push(&frame(n, &payload[..100 + (n as usize * 37) % 290]));
        for variant in [Variant::Plain, Variant::Red, Variant::Bundled] {
            for index in 0..packets.ready(variant) {
                assert!(packets.write(variant, index, &CHROMIUM, &mut out));
            }
        }
        if n == 100 {
            capacities = Some(out.bytes.capacity());
        }
    }
    assert_eq!(capacities, Some(out.bytes.capacity()));
    assert_eq!(out.bytes.capacity(), RtpHeader::MAX_LEN + MAX_PAYLOAD);
}

proptest! {
    /// Whatever speakers send, nothing longer than the limit comes out, and the streams' numbers only grow.
    #[test]
    fn any_payload(
        frames in prop::collection::vec(
            (0u64..4, 0u32..3, prop::collection::vec(any::<u8>(), 0..60), 0usize..1300, any::<bool>()), 1..60,
        ),
    ) {
        let mut packets = SlotPackets::new(SSRC);
        let (mut ext_seq, mut ts_48k, mut next_bundle) = (5, 0u32, 0);
        for (ahead, frames_ahead, start, len, long) in frames {
            let mut payload = start;
            if long {
                payload.resize(len, 0x55);
            }
            ext_seq = ext_seq + ahead - 1;
            ts_48k = ts_48k.wrapping_add(frames_ahead * 960);
            packets.push(&Frame { ext_seq, ts_48k, ..frame(0, &payload) });
            for variant in [Variant::Plain, Variant::Red, Variant::Bundled] {
                for out in written(&packets, variant, &CHROMIUM) {
                    prop_assert!(out.bytes().len() <= out.header_len() + MAX_PAYLOAD);
                    prop_assert_eq!(RtpPacket::parse(out.bytes()).unwrap().header_len, out.header_len());
                    if variant == Variant::Bundled {
                        prop_assert_eq!(out.ext_seq(), next_bundle);
                        next_bundle += 1;
                    } else {
                        prop_assert_eq!(out.ext_seq(), ext_seq);
                    }
                }
            }
            ext_seq = ext_seq.max(1);
        }
    }
}

proptest! {
    // Each case decodes two seconds of audio.
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Any mixture of speech and silence, loss and lengths: what bundles play is what the frames play.
    #[test]
    fn bundles_lose_nothing(present in prop::collection::vec(prop::bool::weighted(0.9), 50), dtx: bool) {
        let frames = speech(24_000, dtx);
        let kept: Vec<_> = in_order(&frames).filter(|frame| present[frame.ext_seq as usize]).collect();
        let bundles = bundled(&mut SlotPackets::new(SSRC), kept.iter().copied());
        let payloads: Vec<_> = bundles.into_iter().map(|(_, _, payload)| payload).collect();
        let count = payloads.iter().map(|payload| duration_48k(payload) as usize / 960).sum::<usize>();
        prop_assert!(count + 2 >= kept.len());
        let plain: Vec<_> = kept[..count].iter().map(|frame| frame.payload.to_vec()).collect();
        prop_assert_eq!(decode(&payloads), decode(&plain));
    }
}
