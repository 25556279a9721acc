//! Continuity in virtual time: tables first, then random sources over a random network.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn source(speaker: u32) -> Source {
    Source { speaker: SpeakerNo(speaker), ssrc: Ssrc(speaker + 100) }
}

/// A 20 ms packet of speech.
fn packet(speaker: u32, seq: u16, ts_48k: u32) -> SourcePacket {
    SourcePacket {
        source: source(speaker),
        seq: SeqNo(seq),
        ts_48k,
        marker: false,
        duration_48k: 960,
        dtx: false,
    }
}

/// What came out: number, timestamp, marker.
fn place(slot: &mut Slot, now: Instant, packet: &SourcePacket) -> Option<(u64, u32, bool)> {
    slot.on_packet(now, packet).map(|out| (out.ext_seq, out.ts_48k, out.marker))
}

/// A slot in which speaker 1 has sent packets 0 ..= 9 with timestamps 0, 960, ...; the last at 180 ms.
fn talking(start: Instant) -> Slot {
    let mut slot = Slot::new(5000);
    for n in 0..10u16 {
        let out =
            place(&mut slot, start + ms(20) * u32::from(n), &packet(1, n, u32::from(n) * 960));
        assert_eq!(out, Some((u64::from(n), 5000 + u32::from(n) * 960, n == 0)));
    }
    slot
}

#[test]
fn loss_leaves_a_hole_and_a_late_packet_fills_it_once() {
    let start = Instant::now();
    let mut slot = talking(start);
    assert_eq!(
        place(&mut slot, start + ms(260), &packet(1, 13, 13 * 960)),
        Some((13, 5000 + 13 * 960, false))
    );
    assert_eq!(
        place(&mut slot, start + ms(262), &packet(1, 11, 11 * 960)),
        Some((11, 5000 + 11 * 960, false))
    );
    assert_eq!(place(&mut slot, start + ms(263), &packet(1, 11, 11 * 960)), None, "filled already");
    assert_eq!(place(&mut slot, start + ms(264), &packet(1, 13, 13 * 960)), None, "a duplicate");
    assert_eq!(place(&mut slot, start + ms(265), &packet(1, 9, 9 * 960)), None, "an old duplicate");
    assert_eq!(
        place(&mut slot, start + ms(280), &packet(1, 14, 14 * 960)),
        Some((14, 5000 + 14 * 960, false))
    );
    assert_eq!(
        place(&mut slot, start + ms(281), &packet(1, 12, 12 * 960)),
        Some((12, 5000 + 12 * 960, false))
    );
}

#[test]
fn a_packet_from_before_the_talk_has_no_place() {
    let start = Instant::now();
    let mut slot = Slot::new(0);
    assert_eq!(place(&mut slot, start, &packet(1, 100, 96_000)), Some((0, 0, true)));
    assert_eq!(place(&mut slot, start, &packet(1, 99, 95_040)), None);
    assert_eq!(place(&mut slot, start + ms(20), &packet(1, 101, 96_960)), Some((1, 960, false)));
    assert_eq!(place(&mut slot, start + ms(20), &packet(1, 99, 95_040)), None);
    // The same after another speaker has had the slot: its numbers are not reached into.
    assert_eq!(place(&mut slot, start + ms(40), &packet(2, 7, 0)), Some((2, 1920, true)));
    assert_eq!(place(&mut slot, start + ms(60), &packet(2, 9, 1920)), Some((4, 3840, false)));
    assert_eq!(place(&mut slot, start + ms(61), &packet(2, 6, 0u32.wrapping_sub(960))), None);
    assert_eq!(place(&mut slot, start + ms(62), &packet(2, 8, 960)), Some((3, 2880, false)));
}

#[test]
fn a_late_packet_that_claims_a_later_time_is_dropped() {
    let start = Instant::now();
    let mut slot = talking(start);
    assert_eq!(
        place(&mut slot, start + ms(220), &packet(1, 11, 11 * 960)),
        Some((11, 5000 + 11 * 960, false))
    );
    assert_eq!(place(&mut slot, start + ms(221), &packet(1, 10, 11 * 960)), None);
}

#[test]
fn another_source_continues_both_counts() {
    let start = Instant::now();
    let mut slot = talking(start);
    // 5 ms after the last packet, and wherever the new source counts.
    let first = place(&mut slot, start + ms(185), &packet(2, 65_535, u32::MAX - 100));
    assert_eq!(first, Some((10, 5000 + 10 * 960, true)));
    let second =
        place(&mut slot, start + ms(205), &packet(2, 0, (u32::MAX - 100).wrapping_add(960)));
    assert_eq!(second, Some((11, 5000 + 11 * 960, false)));
    // The same speaker with another SSRC (a page reloaded) is another source.
    let mut reloaded = packet(2, 400, 12);
    reloaded.source.ssrc = Ssrc(9);
    assert_eq!(place(&mut slot, start + ms(225), &reloaded), Some((12, 5000 + 12 * 960, true)));
}

#[test]
fn another_source_after_a_silence_starts_by_the_wall_clock_on_the_frame_grid() {
    let start = Instant::now();
    for (later_ms, frames) in [(0, 1), (29, 1), (31, 2), (1000, 50), (1009, 50), (1011, 51)] {
        let mut slot = talking(start);
        let out = place(&mut slot, start + ms(180 + later_ms), &packet(2, 0, 0));
        assert_eq!(out, Some((10, 5000 + (9 + frames) * 960, true)), "{later_ms}");
    }
}

#[test]
fn a_long_frame_is_not_overlapped() {
    let start = Instant::now();
    let mut slot = Slot::new(0);
    let long = SourcePacket { duration_48k: 2880, ..packet(1, 0, 0) };
    assert_eq!(place(&mut slot, start, &long), Some((0, 0, true)));
    assert_eq!(place(&mut slot, start + ms(5), &packet(2, 0, 0)), Some((1, 2880, true)));
}

/// Browsers: the RTP clock stands still while no track is attached.
#[test]
fn a_frozen_clock_is_anchored_to_the_wall_clock() {
    let start = Instant::now();
    let mut slot = talking(start);
    let out = place(&mut slot, start + ms(180 + 3000), &packet(1, 10, 10 * 960));
    assert_eq!(out, Some((10, 5000 + 9 * 960 + 150 * 960, true)));
    let out = place(&mut slot, start + ms(180 + 3020), &packet(1, 11, 11 * 960));
    assert_eq!(out, Some((11, 5000 + 9 * 960 + 151 * 960, false)));
}

/// Opus DTX: a packet every 400 ms, the clock runs on.
#[test]
fn a_pause_with_a_running_clock_is_left_as_it_is() {
    let start = Instant::now();
    let mut slot = talking(start);
    let dtx = SourcePacket { dtx: true, ..packet(1, 10, 29 * 960) };
    assert_eq!(place(&mut slot, start + ms(585), &dtx), Some((10, 5000 + 29 * 960, false)));
    // Loss in the pause still shows.
    let dtx = SourcePacket { dtx: true, ..packet(1, 12, 69 * 960) };
    assert_eq!(place(&mut slot, start + ms(1380), &dtx), Some((12, 5000 + 69 * 960, false)));
    let speech = packet(1, 13, 80 * 960);
    assert_eq!(
        place(&mut slot, start + ms(1600), &speech),
        Some((13, 5000 + 80 * 960, true)),
        "a new spurt"
    );
}

#[test]
fn short_stalls_keep_the_sources_own_time() {
    let start = Instant::now();
    let mut slot = talking(start);
    // 190 ms of stall, then three packets at once.
    for n in 10..13u16 {
        let out = place(&mut slot, start + ms(370), &packet(1, n, u32::from(n) * 960));
        assert_eq!(out, Some((u64::from(n), 5000 + u32::from(n) * 960, false)));
    }
}

#[test]
fn a_leap_in_number_or_time_starts_anew_without_a_hole() {
    let start = Instant::now();
    for (seq, ts_48k) in
        [(74, 74 * 960), (30_000, 10 * 960), (10, 9 * 960), (10, 4_000_000), (10, 3_000_000_000)]
    {
        let mut slot = talking(start);
        let out = place(&mut slot, start + ms(200), &packet(1, seq, ts_48k));
        assert_eq!(out, Some((10, 5000 + 10 * 960, true)), "{seq} {ts_48k}");
        let out = place(&mut slot, start + ms(220), &packet(1, seq + 1, ts_48k.wrapping_add(960)));
        assert_eq!(out, Some((11, 5000 + 11 * 960, false)), "{seq} {ts_48k}");
    }
    // The longest hole that is carried.
    let mut slot = talking(start);
    let out = place(&mut slot, start + ms(200), &packet(1, 72, 10 * 960));
    assert_eq!(out, Some((72, 5000 + 10 * 960, false)));
    assert_eq!(
        place(&mut slot, start + ms(200), &packet(1, 9, 9 * 960)),
        None,
        "still known as sent"
    );
}

#[test]
fn a_burst_after_a_stall_is_taken_back_at_the_next_pause() {
    let start = Instant::now();
    let mut slot = talking(start);
    // One second of stall; then its fifty packets at once, anchored as if the clock had stood still.
    for n in 10..60u16 {
        let out = place(&mut slot, start + ms(1180), &packet(1, n, u32::from(n) * 960));
        assert_eq!(out, Some((u64::from(n), 5000 + (9 + 50 + u32::from(n) - 10) * 960, n == 10)));
    }
    // The stream leads by 980 ms. A pause of 600 ms cannot take all of it back, a longer one can.
    let out = place(&mut slot, start + ms(1780), &packet(2, 0, 0));
    assert_eq!(out, Some((60, 5000 + 109 * 960, true)));
    let out = place(&mut slot, start + ms(3780), &packet(1, 0, 0));
    assert_eq!(out, Some((61, 5000 + 9 * 960 + 180 * 960, true)), "180 ms + 3.6 s after the start");
}

#[test]
fn a_slow_source_is_not_made_up_for() {
    let start = Instant::now();
    let mut slot = Slot::new(0);
    let mut now = start;
    // The source's clock runs 1 % slow for 60 s.
    for n in 0..3000u16 {
        now = start + Duration::from_micros(20_200) * u32::from(n);
        slot.on_packet(now, &packet(1, n, u32::from(n) * 960));
    }
    let out = place(&mut slot, now + ms(20), &packet(2, 0, 0));
    assert_eq!(out, Some((3000, 3000 * 960, true)), "no leap of 600 ms");
}

#[test]
fn a_talk_is_ended_by_silence() {
    let start = Instant::now();
    let mut slot = Slot::new(5000);
    assert_eq!((slot.end_due(), slot.end(start)), (None, None));
    slot = talking(start);
    assert_eq!(slot.end_due(), Some(start + ms(180) + TALK_GAP));
    let silence = |ext_seq, ts_48k| Continued { ext_seq, ts_48k, marker: false };
    // 200 ms after the last packet: listeners have played 200 ms of concealment meanwhile.
    let end = slot.end(start + ms(380)).unwrap();
    assert_eq!(end, [silence(10, 5000 + 19 * 960), silence(11, 5000 + 20 * 960)]);
    assert_eq!((slot.end_due(), slot.end(start + ms(400))), (None, None));
    // The source goes on, and what was lost or held back before the end has no place any more.
    let out = place(&mut slot, start + ms(420), &packet(1, 12, 12 * 960));
    assert_eq!(out, Some((12, 5000 + 21 * 960, true)));
    assert_eq!(place(&mut slot, start + ms(421), &packet(1, 11, 11 * 960)), None);
    // At once when muted.
    let end = slot.end(start + ms(425)).unwrap();
    assert_eq!(end, [silence(13, 5000 + 22 * 960), silence(14, 5000 + 23 * 960)]);
}

#[test]
fn a_talk_that_ended_in_dtx_needs_no_end() {
    let start = Instant::now();
    let mut slot = talking(start);
    slot.on_packet(start + ms(200), &SourcePacket { dtx: true, ..packet(1, 10, 10 * 960) });
    assert_eq!((slot.end_due(), slot.end(start + ms(400))), (None, None));
    // Muted meanwhile (`end` was called): the hole that the gate made is not carried on.
    let out = place(&mut slot, start + ms(1200), &packet(1, 50, 60 * 960));
    assert_eq!(out, Some((11, 5000 + 60 * 960, true)));
}

#[test]
fn both_counts_roll_over() {
    let start = Instant::now();
    let mut slot = Slot::new(0u32.wrapping_sub(960 * 3));
    let mut seen = Vec::new();
    for n in 0..70_000u32 {
        let seq = (65_000 + n) as u16;
        let out = slot.on_packet(start + ms(20) * n, &packet(1, seq, n.wrapping_mul(960))).unwrap();
        assert_eq!(out.ext_seq, u64::from(n));
        seen.push(out.ts_48k);
    }
    assert_eq!(
        seen[..5],
        [0u32.wrapping_sub(2880), 0u32.wrapping_sub(1920), 0u32.wrapping_sub(960), 0, 960]
    );
    // A day and a half of silence is more than the timestamp's round.
    let last = seen[seen.len() - 1];
    let day = Duration::from_secs(36 * 3600);
    let after = place(&mut slot, start + ms(20) * 69_999 + day, &packet(2, 0, 0));
    assert_eq!(after, Some((70_000, last.wrapping_add((36u64 * 3600 * 48_000) as u32), true)));
}

#[test]
fn the_streams_time_for_sender_reports() {
    let start = Instant::now();
    assert_eq!(Slot::new(7).ts_at(start), None);
    let mut slot = talking(start);
    assert_eq!(slot.ts_at(start + ms(185)), Some(5000 + 9 * 960 + 240));
    slot.end(start + ms(190));
    assert_eq!(slot.ts_at(start + ms(1190)), Some(5000 + 11 * 960 + 48_000));
}

#[test]
fn a_listener_starts_at_zero_and_never_reuses_a_number() {
    let mut own = ListenerSeq::join(1_000_000);
    assert_eq!(own.place(999_999), None, "from before");
    assert_eq!(own.place(1_000_000), Some(0));
    assert_eq!(own.place(1_000_002), Some(2));
    assert_eq!(own.place(1_000_001), Some(1), "a hole filled late");
    // To another variant, with a count of its own, and back.
    own.switch(50);
    assert_eq!(own.place(49), None, "would lie among the plain ones");
    assert_eq!(own.place(50), Some(3));
    assert_eq!(own.place(52), Some(5));
    own.switch(1_000_010);
    assert_eq!(own.place(1_000_009), None);
    assert_eq!(own.place(1_000_010), Some(6));
    // To a stream whose count lies below the listener's own.
    own.switch(0);
    assert_eq!((own.place(0), own.place(1)), (Some(7), Some(8)));
    // The key's last number.
    assert_eq!(own.place((1 << 48) - 8), Some((1 << 48) - 1));
    assert_eq!(own.place((1 << 48) - 7), None);
}

/// One thing that happens to a slot.
#[derive(Clone, Debug)]
enum Step {
    /// Speaker, how much later (ms), how many numbers it skips, whether its clock runs in the meantime, DTX.
    Send {
        speaker: u32,
        later_ms: u64,
        skipped: u16,
        clock_runs: bool,
        dtx: bool,
    },
    /// The packet sent this many steps ago comes (again).
    Late {
        steps: usize,
    },
    End {
        later_ms: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0u32..3, 0u64..60, prop_oneof![5 => Just(0u16), 1 => 1u16..80], any::<bool>(), prop::bool::weighted(0.1))
            .prop_map(|(speaker, later_ms, skipped, clock_runs, dtx)| {
                Step::Send { speaker, later_ms, skipped, clock_runs, dtx }
            }),
        2 => (0u32..3, 0u64..3000).prop_map(|(speaker, later_ms)| {
            Step::Send { speaker, later_ms, skipped: 0, clock_runs: false, dtx: false }
        }),
        3 => (1usize..70).prop_map(|steps| Step::Late { steps }),
        1 => (0u64..400).prop_map(|later_ms| Step::End { later_ms }),
    ]
}

proptest! {
    /// Whatever sources and network do: no number twice, newer numbers bear later times, the end of a talk and every
    /// new source continue exactly where the stream stands.
    #[test]
    fn continuity(steps in prop::collection::vec(step(), 1..400), start_seq: u16, start_ts: u32) {
        let mut now = Instant::now();
        let mut slot = Slot::new(start_ts);
        let mut clocks = HashMap::new();
        let mut sent: Vec<SourcePacket> = Vec::new();
        let mut numbers = HashSet::new();
        // The newest packet: number, and timestamp with its roll-overs.
        let mut newest: Option<(u64, u32)> = None;
        for step in steps {
            let mut placed = Vec::new();
            match step {
                Step::Send { speaker, later_ms, skipped, clock_runs, dtx } => {
                    now += ms(later_ms);
                    let (seq, ts) = clocks.entry(speaker).or_insert((start_seq, start_ts ^ 0x8000_0000));
                    *seq = seq.wrapping_add(1 + skipped);
                    let passed = if clock_runs { later_ms as u32 * 48 } else { 0 };
                    *ts = ts.wrapping_add(passed.max(960 * (1 + u32::from(skipped))));
                    let packet = SourcePacket { dtx, ..packet(speaker, *seq, *ts) };
                    sent.push(packet);
                    let out = slot.on_packet(now, &packet);
                    prop_assert!(out.is_some(), "a new packet has a place");
                    placed.extend(out);
                }
                Step::Late { steps } => {
                    // Only while its source still has the slot; else it takes the slot over, as any packet does.
                    if let Some(packet) = sent.len().checked_sub(steps).map(|at| sent[at])
                        && sent.last().is_some_and(|last| last.source == packet.source)
                    {
                        placed.extend(slot.on_packet(now, &packet));
                    }
                }
                Step::End { later_ms } => {
                    now += ms(later_ms);
                    placed.extend(slot.end(now).into_iter().flatten());
                }
            }
            for out in placed {
                prop_assert!(numbers.insert(out.ext_seq), "number {} twice", out.ext_seq);
                if let Some((number, ts)) = newest {
                    let later = out.ts_48k.wrapping_sub(ts).cast_signed();
                    if out.ext_seq > number {
                        prop_assert!(later > 0, "time goes back");
                        prop_assert!(out.ext_seq - number <= 63, "a hole too wide");
                    } else {
                        prop_assert!(later < 0, "a filler from the future");
                        prop_assert!(number - out.ext_seq <= 63);
                        continue;
                    }
                }
                newest = Some((out.ext_seq, out.ts_48k));
            }
        }
    }

    #[test]
    fn no_packets_panic(
        packets in prop::collection::vec((0u32..2, any::<u16>(), any::<u32>(), any::<u32>(), 0u64..1000), 1..200),
    ) {
        let mut now = Instant::now();
        let mut slot = Slot::new(0);
        let mut numbers = HashSet::new();
        for (speaker, seq, ts_48k, duration_48k, later_ms) in packets {
            now += ms(later_ms);
            let packet = SourcePacket { duration_48k: duration_48k % 5761, ..packet(speaker, seq, ts_48k) };
            if let Some(out) = slot.on_packet(now, &packet) {
                prop_assert!(numbers.insert(out.ext_seq));
            }
        }
    }

    /// However a listener switches between two streams: one number never stands for two packets (under one key that
    /// would be one nonce for two texts).
    #[test]
    fn a_listeners_number_stands_for_one_packet(
        steps in prop::collection::vec((0u64..20, prop::bool::weighted(0.1)), 1..300), first: u32,
    ) {
        let mut streams = [u64::from(first), 7];
        let mut at = 0;
        let mut own = ListenerSeq::join(streams[0]);
        let mut given = HashMap::new();
        for (back, switch) in steps {
            if switch {
                at = 1 - at;
                own.switch(streams[at]);
            }
            let number = streams[at].saturating_sub(back);
            streams[at] += u64::from(back == 0);
            let placed = own.place(number);
            prop_assert!(back > 0 || placed.is_some(), "the newest has a place");
            if let Some(placed) = placed {
                prop_assert_eq!(*given.entry(placed).or_insert((at, number)), (at, number));
            }
        }
    }
}
