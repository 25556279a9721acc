//! Who hears what, in which slot, with which numbers.

use super::*;

/// A payload that is a valid Opus packet of 20 ms and tells where it comes from.
fn frame(who: u8, n: u16) -> Vec<u8> {
    let mut payload = vec![0x78, who];
    payload.extend_from_slice(&n.to_be_bytes());
    payload.extend_from_slice(&[who; 40]);
    payload
}

fn assert_unbroken(heard: &[Heard]) {
    for pair in heard.windows(2) {
        assert_eq!(pair[1].seq, pair[0].seq.wrapping_add(1), "{pair:?}");
    }
}

#[test]
fn audio_arrives_as_it_was_sent_at_everybody_but_the_speaker() {
    let mut world = World::new();
    let speaker = world.speaker(7);
    let gcm = world.join(Options { srtp: vec![GCM], ..Options::default() });
    let cm = world.join(Options { srtp: vec![CM], ..Options::default() });
    let other =
        world.join(Options { opus_pt: 109, level_ext: 3, mid_ext: 5, ..Options::default() });
    let sent: Vec<_> = (0..50).map(|n| frame(1, n)).collect();
    for (seq, payload) in (65_520..).zip(&sent) {
        world.say(speaker, (seq & 0xffff) as u16, payload);
    }
    assert!(world.heard(speaker).is_empty());
    for (listener, payload_type) in [(gcm, 111), (cm, 111), (other, 109)] {
        let heard = world.heard(listener);
        assert!(heard.iter().all(|h| {
            (h.slot, h.csrc, h.level, h.payload_type) == (0, Some(7), Some(30), payload_type)
        }));
        assert_unbroken(&heard);
        assert!(heard[0].marker && !heard[1].marker);
        assert!(heard.windows(2).all(|pair| pair[1].ts_48k == pair[0].ts_48k.wrapping_add(960)));
        let payloads: Vec<_> = heard.into_iter().map(|h| h.payload).collect();
        assert_eq!(payloads, sent);
        assert_eq!(world.clients[listener].unreadable, 0);
    }
    assert_eq!(world.shard.stats.drops, crate::stats::Drops::default());
}

#[test]
fn several_speakers_take_several_slots_and_hear_each_other() {
    let mut world = World::new();
    let speakers: Vec<_> = (0..4).map(|n| world.speaker(100 + n)).collect();
    let listener = world.join(Options::default());
    for seq in 0..10 {
        for (n, speaker) in speakers.iter().enumerate() {
            world.clients[*speaker].speak(seq, u32::from(seq) * 960, 30, &frame(n as u8, seq));
            world.flush(*speaker);
        }
        world.now += Duration::from_millis(20);
    }
    let heard = world.heard(listener);
    assert_eq!(heard.len(), 40);
    for slot in 0..4 {
        let of_slot: Vec<_> = heard.iter().filter(|h| h.slot == slot).cloned().collect();
        assert_unbroken(&of_slot);
        assert!(of_slot.iter().all(|h| h.csrc == Some(100 + u32::from(h.payload[1]))));
    }
    for (n, speaker) in speakers.iter().enumerate() {
        let heard = world.heard(*speaker);
        assert_eq!(heard.len(), 30);
        assert!(heard.iter().all(|h| h.payload[1] != n as u8));
    }
}

#[test]
fn a_slot_that_changes_hands_goes_on_without_a_break_for_each_listener() {
    let mut world = World::new();
    let (a, b) = (world.speaker(1), world.speaker(2));
    let listener = world.join(Options::default());
    for seq in 0..10 {
        world.say(a, 40_000 + seq, &frame(1, seq));
    }
    world.command(Command::StopSending { peer: key(a) });
    for seq in 0..10 {
        world.say(b, 9 + seq, &frame(2, seq));
    }
    world.command(Command::StopSending { peer: key(b) });
    world.allow(a, 1);
    for seq in 10..20 {
        world.say(a, 40_000 + seq, &frame(1, seq));
    }
    let heard = world.heard(listener);
    assert!(heard.iter().all(|h| h.slot == 0));
    assert_unbroken(&heard);
    assert!(heard.windows(2).all(|pair| {
        let step = pair[1].ts_48k.wrapping_sub(pair[0].ts_48k);
        (480..=3 * 960).contains(&step)
    }));
    // Each speaker hears the other only, and numbers of its own talk are no hole.
    let heard = world.heard(a);
    assert!(!heard.is_empty() && heard.iter().all(|h| h.csrc == Some(2)));
    assert_unbroken(&heard);
    let heard = world.heard(b);
    assert!(!heard.is_empty() && heard.iter().all(|h| h.csrc == Some(1)));
    assert_unbroken(&heard);
}

#[test]
fn numbers_roll_over_and_a_late_listener_starts_at_roll_over_zero() {
    let mut world = World::new();
    let speaker = world.speaker(1);
    let first = world.join(Options::default());
    for n in 0..66_000_u32 {
        world.say(speaker, (n & 0xffff) as u16, &frame(1, n as u16));
    }
    let heard = world.heard(first);
    assert_eq!(heard.len(), 66_000);
    assert_unbroken(&heard);
    world.clients[first].check();
    world.flush(first);
    let late = world.join(Options { srtp: vec![CM], ..Options::default() });
    for n in 66_000..66_010_u32 {
        world.say(speaker, (n & 0xffff) as u16, &frame(1, n as u16));
    }
    // The client's receiving context assumes roll-over counter zero: it would read nothing else.
    let heard = world.heard(late);
    assert_eq!(heard.len(), 10);
    assert_unbroken(&heard);
    assert!(heard[0].seq < 0x8000);
    assert_eq!(world.heard(first).len(), 10);
    assert_eq!(world.clients[first].unreadable + world.clients[late].unreadable, 0);
}

#[test]
fn who_may_not_send_is_not_heard_and_counted() {
    let mut world = World::new();
    let (rogue, listener) = (world.join(Options::default()), world.join(Options::default()));
    for seq in 0..5 {
        world.say(rogue, seq, &frame(1, seq));
    }
    assert_eq!(world.dropped(DropCause::NotAllowed), 5);
    world.allow(rogue, 3);
    world.say(rogue, 5, &frame(1, 5));
    assert_eq!(world.payloads(listener), [frame(1, 5)]);
    world.command(Command::StopSending { peer: key(rogue) });
    world.heard(listener);
    // So long that the roll-over counter moves on while the gate is closed.
    for n in 6..70_000_u32 {
        world.say(rogue, (n & 0xffff) as u16, &frame(1, n as u16));
    }
    assert!(world.heard(listener).is_empty());
    assert_eq!(world.dropped(DropCause::NotAllowed), 5 + 70_000 - 6);
    assert_eq!(world.peer_stats(rogue).drops.of(DropCause::NotAllowed), 5 + 70_000 - 6);
    world.allow(rogue, 3);
    world.say(rogue, (70_000 & 0xffff) as u16, &frame(1, 9));
    assert_eq!(world.payloads(listener), [frame(1, 9)]);
}

#[test]
fn a_talk_that_stops_short_ends_in_silence() {
    let mut world = World::new();
    let (speaker, listener) = (world.speaker(1), world.join(Options::default()));
    for seq in 0..5 {
        world.say(speaker, seq, &frame(1, seq));
    }
    world.heard(listener);
    world.settle(Duration::from_secs(1));
    assert_eq!(world.payloads(listener), crate::packet::END_FRAMES);
    world.settle(Duration::from_secs(5));
    assert!(world.heard(listener).is_empty());
}

#[test]
fn only_the_microphone_is_forwarded() {
    let mut world = World::new();
    let (speaker, listener) = (world.speaker(1), world.join(Options::default()));
    let unannounced = world.join(Options { announce_ssrc: false, ssrc: 77, ..Options::default() });
    world.allow(unannounced, 2);

    let stranger = world.clients[speaker].rtp(666, 1, 960, 30, &frame(1, 1));
    let sealed = world.clients[speaker].seal(&stranger);
    world.arrives(world.paths[speaker], &sealed);
    assert_eq!(world.dropped(DropCause::UnsignalledSsrc), 1);

    // Not announced: the mid must be the microphone's, and the first that tells it is the only one.
    let mut wrong_mid = world.clients[unannounced].rtp(78, 1, 960, 30, &frame(2, 1));
    wrong_mid[17] = b'1';
    let right = world.clients[unannounced].rtp(77, 1, 960, 30, &frame(2, 2));
    let second = world.clients[unannounced].rtp(79, 1, 960, 30, &frame(2, 3));
    for packet in [wrong_mid, right, second] {
        let sealed = world.clients[unannounced].seal(&packet);
        world.arrives(world.paths[unannounced], &sealed);
    }
    assert_eq!(world.dropped(DropCause::UnsignalledSsrc), 3);

    let mut other_codec = world.clients[speaker].rtp(0x1234_5678, 1, 960, 30, &frame(1, 4));
    other_codec[1] = 9;
    let sealed = world.clients[speaker].seal(&other_codec);
    world.arrives(world.paths[speaker], &sealed);
    assert_eq!(world.dropped(DropCause::NotForwardable), 1);
    assert_eq!(world.payloads(listener), [frame(2, 2)]);
}

#[test]
fn red_is_unwrapped() {
    let mut world = World::new();
    let speaker = world.join(Options { red_pt: Some(63), ..Options::default() });
    world.allow(speaker, 1);
    let listener = world.join(Options::default());
    // RFC 2198: one redundant block of 3 bytes 960 earlier, then the primary.
    let mut payload = vec![0x80 | 111, (960_u16 >> 6) as u8, ((960_u16 & 63) << 2) as u8, 3, 111];
    payload.extend_from_slice(b"old");
    payload.extend_from_slice(&frame(1, 1));
    let mut packet = world.clients[speaker].rtp(0x1234_5678, 1, 960, 30, &payload);
    packet[1] = 63;
    let sealed = world.clients[speaker].seal(&packet);
    world.arrives(world.paths[speaker], &sealed);
    assert_eq!(world.payloads(listener), [frame(1, 1)]);
}

#[test]
fn reports_go_both_ways() {
    let mut world = World::new();
    let (speaker, listener) = (world.speaker(1), world.join(Options::default()));
    for seq in (0..100).filter(|seq| seq % 10 != 5) {
        world.say(speaker, seq, &frame(1, seq));
        world.settle(Duration::ZERO);
    }
    world.settle(Duration::from_secs(6));
    // The listener: a sender report of slot 0 with what was sent to it.
    let report = world.clients[listener].reports.first().expect("a report").clone();
    let word = |at: usize| u32::from_be_bytes(report[at..at + 4].try_into().unwrap());
    assert_eq!((report[1], word(4)), (200, slot_ssrcs()[0].0));
    assert!(word(20) > 0 && word(24) > 40 * word(20));
    // The speaker: a receiver report about its microphone.
    let about = world.clients[speaker].reports.iter().find(|report| report[1] == 201);
    let about = about.expect("a report").clone();
    assert_eq!(about[0] & 31, 1);
    assert_eq!(about[8..12], 0x1234_5678_u32.to_be_bytes());
    assert!(world.peer_stats(speaker).quality.loss_up > 0.0 || about[12] > 0 || about[15] > 0);

    // What the listener reports is read: a quarter lost, 10 ms of jitter.
    let mut report = vec![0x81, 201, 0, 7, 0, 0, 0, 1];
    report.extend_from_slice(&slot_ssrcs()[0].0.to_be_bytes());
    report.extend_from_slice(&[64, 0, 0, 9, 0, 0, 0, 99]);
    report.extend_from_slice(&480_u32.to_be_bytes());
    report.extend_from_slice(&[0; 8]);
    let sealed = world.clients[listener].seal(&report);
    world.arrives(world.paths[listener], &sealed);
    let quality = world.peer_stats(listener).quality;
    assert_eq!((quality.loss_down, quality.jitter_down), (0.25, Duration::from_millis(10)));
}

#[test]
fn another_shards_speaker_is_heard_here_and_ours_is_handed_over_once() {
    let reach = Reach::default();
    let (mut here, mut there) = (World::numbered(0), World::numbered(1));
    let speaker = here.add(ROOM, &reach, Options::default());
    here.connect(speaker);
    here.allow(speaker, 5);
    here.say(speaker, 0, &frame(1, 0));
    assert!(here.relayed.is_empty(), "nobody there yet");
    let listener = there.add(ROOM, &reach, Options::default());
    there.connect(listener);
    assert_eq!(reach.others(here.index).collect::<Vec<_>>(), [1]);
    for seq in 1..6 {
        here.say(speaker, seq, &frame(1, seq));
    }
    here.command(Command::Disconnect { peer: key(speaker) });
    assert_eq!(here.relayed.len(), 6, "five packets and a farewell");
    for relayed in &here.relayed {
        there.shard.handle(there.now, Input::Relayed(relayed));
        there.drain();
        there.now += Duration::from_millis(20);
    }
    let heard = there.heard(listener);
    assert_unbroken(&heard);
    assert!(heard.iter().all(|h| h.csrc == Some(5)));
    let payloads: Vec<_> = heard.into_iter().map(|h| h.payload).collect();
    assert_eq!(payloads[..5], (1..6).map(|seq| frame(1, seq)).collect::<Vec<_>>());
    assert_eq!(payloads[5..], crate::packet::END_FRAMES);
    there.command(Command::Disconnect { peer: key(listener) });
    assert!(reach.others(0).is_empty());
}

fn report_loss(world: &mut World, n: usize, lost_256: u8) {
    let mut report = vec![0x81, 201, 0, 7, 0, 0, 0, 1];
    report.extend_from_slice(&slot_ssrcs()[0].0.to_be_bytes());
    report.extend_from_slice(&[lost_256, 0, 0, 9, 0, 0, 0, 99]);
    report.extend_from_slice(&[0; 12]);
    let sealed = world.clients[n].seal(&report);
    world.arrives(world.paths[n], &sealed);
}

#[test]
fn who_loses_packets_gets_the_previous_frame_along_and_nobody_else_does() {
    let mut world = World::new();
    let speaker = world.speaker(1);
    let red = Options { red_pt: Some(63), ..Options::default() };
    let (lossy, fine) = (world.join(red.clone()), world.join(red));
    let cannot = world.join(Options::default());
    world.say(speaker, 0, &frame(1, 0));
    world.events.clear();
    for n in [lossy, cannot] {
        report_loss(&mut world, n, 26);
    }
    let poor = world.events.iter().filter(|event| {
        matches!(event, Event::Quality { quality, .. } if quality.grade == crate::Grade::Poor)
    });
    assert_eq!(poor.count(), 2);
    for seq in 1..4 {
        world.say(speaker, seq, &frame(1, seq));
    }
    for n in [fine, cannot] {
        let heard = world.heard(n);
        assert!(heard.iter().all(|h| h.payload_type == 111));
        assert_eq!(heard.len(), 4);
    }
    let heard = world.heard(lossy);
    assert_unbroken(&heard);
    for (n, packet) in heard.iter().enumerate().skip(1) {
        assert_eq!(packet.payload_type, 63);
        let red = crate::rtp::red::Red::parse(&packet.payload).unwrap();
        assert_eq!(red.primary, frame(1, n as u16));
        let before: Vec<_> = red.redundant().map(|block| block.data.to_vec()).collect();
        assert_eq!(before, [frame(1, n as u16 - 1)]);
    }
    assert_eq!(world.peer_stats(lossy).variant, Variant::Red);
    for _ in 0..3 {
        report_loss(&mut world, lossy, 0);
    }
    world.say(speaker, 4, &frame(1, 4));
    assert_eq!(world.heard(lossy)[0].payload_type, 111);
    assert!(matches!(
        world.events.last(),
        Some(Event::Quality { quality, .. }) if quality.grade == crate::Grade::Good
    ));
}

#[test]
fn a_very_large_rooms_audience_gets_bundles_and_its_stage_does_not() {
    let mut world = World::new();
    let (speaker, guest) = (world.speaker(1), world.speaker(2));
    let audience: Vec<_> = (0..6).map(|_| world.join(Options::default())).collect();
    for seq in 0..9 {
        world.say(speaker, seq, &frame(1, seq));
    }
    assert_eq!(world.heard(guest).len(), 9);
    for listener in &audience {
        let heard = world.heard(*listener);
        assert_eq!(heard.len(), 3);
        assert_unbroken(&heard);
        assert!(heard.iter().all(|h| crate::packet::duration_48k(&h.payload) == 2880));
    }
    // On stage, the listener's stream goes on unbroken in single frames; back in the audience, in bundles.
    let promoted = audience[0];
    world.allow(promoted, 3);
    for seq in 9..12 {
        world.say(speaker, seq, &frame(1, seq));
    }
    let heard = world.heard(promoted);
    assert_eq!((heard.len(), heard[0].seq), (3, 3));
    // The room empties below three quarters of the threshold.
    for listener in &audience[3..] {
        world.command(Command::Disconnect { peer: key(*listener) });
    }
    world.heard(audience[1]);
    world.say(speaker, 12, &frame(1, 12));
    assert_eq!(world.payloads(audience[1]), [frame(1, 12)]);
}

#[test]
fn a_tap_hears_the_speakers_and_a_stuck_one_slows_nobody() {
    let mut world = World::new();
    let (sink, mut stuck) = crate::tap::tap(3);
    world.command(Command::Tap { room: ROOM, sink });
    let (sink, elsewhere) = crate::tap::tap(3);
    world.command(Command::Tap { room: RoomKey(9), sink });
    let (speaker, muted) = (world.speaker(7), world.join(Options::default()));
    let listener = world.join(Options::default());
    for seq in 0..10 {
        world.say(muted, seq, &frame(2, seq));
        world.say(speaker, seq, &frame(1, seq));
    }
    assert_eq!(world.heard(listener).len(), 10, "the listener notices nothing");
    assert_eq!((stuck.dropped(), elsewhere.dropped()), (7, 0));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut next = || runtime.block_on(stuck.next());
    for seq in 0..3 {
        let taken = next().unwrap();
        assert_eq!(taken.opus, frame(1, seq).into());
        assert_eq!((taken.speaker, taken.seq, taken.ts_48k), (7, seq, u32::from(seq) * 960));
        assert_eq!(taken.level_minus_dbov, Some(30));
    }
    world.say(speaker, 10, &frame(1, 10));
    assert_eq!(next().unwrap().seq, 10);
    world.command(Command::CloseRoom { room: ROOM });
    assert_eq!(next(), None);
    drop(elsewhere);
    let other = world.add(RoomKey(9), &Reach::default(), Options::default());
    world.connect(other);
    world.allow(other, 1);
    world.say(other, 0, &frame(1, 0));
    assert!(world.shard.taps.is_empty(), "who listens no more is forgotten");
}
