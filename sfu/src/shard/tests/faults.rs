//! Bad input and bugs: one peer pays, the others hear on.

use super::*;
use proptest::prelude::*;

/// Runs `attack` between two packets of a running talk; both must arrive, and nothing else.
fn untouched(world: &mut World, speaker: usize, listener: usize, attack: impl FnOnce(&mut World)) {
    world.heard(listener);
    let seq = world.peer_stats(speaker).received.packets as u16;
    world.say(speaker, seq, b"\x78before the attack");
    attack(world);
    world.say(speaker, seq + 1, b"\x78after the attack");
    assert_eq!(world.payloads(listener), [&b"\x78before the attack"[..], b"\x78after the attack"]);
}

#[test]
fn garbage_and_wrong_credentials_get_no_answer_and_disturb_nobody() {
    let mut world = World::new();
    let (speaker, listener) = (world.speaker(1), world.join(Options::default()));
    let client = Client::new(Options::default());
    let victim = &world.clients[listener];
    let good = format!("{}:{}", victim.their_ufrag, victim.ufrag);
    let wrong_password = client.check_with(&good, "not-the-password-of-anyone", true);
    let wrong_peer =
        client.check_with(&format!("{}:else", victim.their_ufrag), &victim.their_password, true);
    let wrong_ufrag = client.check_with("AAAAAAAA:cufr", &victim.their_password, true);
    let mut hello = Client::new(Options::default());
    hello.start_dtls(world.now);
    let hello = hello.outgoing.pop_front().unwrap();
    let garbage: [&[u8]; 7] =
        [&[], &[0], &[0; 20], &[70; 50], &[128, 111], &[255; 1400], &[22; 200]];
    untouched(&mut world, speaker, listener, |world| {
        let stranger = address(500);
        world.arrives(stranger, &wrong_password);
        world.arrives(world.paths[listener], &wrong_password);
        world.arrives(stranger, &wrong_peer);
        world.arrives(stranger, &wrong_ufrag);
        world.arrives(stranger, &hello);
        for bytes in garbage {
            world.arrives(stranger, bytes);
            world.arrives(world.paths[speaker], bytes);
            world.arrives(world.paths[listener], bytes);
        }
        world.settle(Duration::ZERO);
        assert_eq!(world.astray, 0, "a stranger gets no answer");
        assert_eq!(world.clients[listener].checks_answered, 1);
    });
    assert_eq!(world.dropped(DropCause::StunWrongCredentials), 3);
    assert_eq!(world.dropped(DropCause::StunUnknownUfrag), 1);
    assert_eq!(world.dropped(DropCause::StunMalformed), 6);
    // Three kinds of stray media and the ClientHello of somebody who has not proved the address.
    assert_eq!(world.dropped(DropCause::UnknownPath), 3);
}

#[test]
fn another_certificate_than_the_offered_one_is_sent_away() {
    let mut world = World::new();
    let (speaker, listener) = (world.speaker(1), world.join(Options::default()));
    let liar = world.add(
        ROOM,
        &Reach::default(),
        Options { lie_about_certificate: true, ..Options::default() },
    );
    untouched(&mut world, speaker, listener, |world| {
        world.clients[liar].check();
        world.clients[liar].start_dtls(world.now);
        world.settle(Duration::from_millis(100));
    });
    assert!(world.heard(liar).is_empty());
    assert!(world.clients[liar].closed);
    assert_eq!(
        world.events.last(),
        Some(&Event::Closed { peer: key(liar), reason: CloseReason::WrongFingerprint })
    );
    assert_eq!(world.shard.stats().wrong_fingerprints, 1);
}

#[test]
fn forged_and_replayed_media_is_dropped_and_the_call_goes_on() {
    let mut world = World::new();
    let (speaker, listener) = (world.speaker(1), world.join(Options::default()));
    world.clients[speaker].speak(0, 0, 30, b"\x78good");
    let good = world.clients[speaker].outgoing[0].clone();
    world.flush(speaker);
    untouched(&mut world, speaker, listener, |world| {
        let path = world.paths[speaker];
        world.arrives(path, &good);
        for n in 0..100_000_u32 {
            let mut bad = good.clone();
            bad[2..4].copy_from_slice(&(n as u16).to_be_bytes());
            bad[30..34].copy_from_slice(&n.to_be_bytes());
            world.arrives(path, &bad);
        }
    });
    assert_eq!(world.dropped(DropCause::Unopened), 100_001);
}

#[test]
fn a_panic_costs_one_peer() {
    // The panic's message would only clutter the test's output.
    std::panic::set_hook(Box::new(|_| {}));
    let mut world = World::new();
    let (speaker, listener) = (world.speaker(1), world.join(Options::default()));
    let cursed = world.join(Options::default());
    untouched(&mut world, speaker, listener, |world| {
        world.shard.panic_on = Some(key(cursed));
        world.arrives(world.paths[cursed], &[128, 111, 0, 0]);
    });
    assert_eq!(
        world.events.last(),
        Some(&Event::Closed { peer: key(cursed), reason: CloseReason::Fault })
    );
    assert_eq!((world.shard.stats().peers, world.dropped(DropCause::Fault)), (2, 1));
}

#[test]
fn a_flood_of_handshake_datagrams_is_bounded() {
    let mut world = World::new();
    let n = world.add(ROOM, &Reach::default(), Options::default());
    world.clients[n].check();
    world.flush(n);
    let mut hello = Client::new(Options::default());
    hello.start_dtls(world.now);
    let hello = hello.outgoing.pop_front().unwrap();
    for _ in 0..100 {
        world.arrives(world.paths[n], &hello);
    }
    assert_eq!(world.dropped(DropCause::DtlsQueueFull), 92);
    world.settle(Duration::from_millis(50));
    // Another hello was half-way: the client's own wins over it.
    world.clients[n].start_dtls(world.now);
    world.settle(Duration::from_secs(1));
    assert!(world.clients[n].connected);
}

/// Bytes that get past the first glance of one protocol or another.
fn datagrams() -> impl Strategy<Value = Vec<u8>> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..300);
    let led_by = |first: &'static [u8]| bytes().prop_map(move |rest| [first, &rest].concat());
    prop_oneof![
        bytes(),
        led_by(&[0, 1]),
        led_by(&[22, 0xfe, 0xfd, 0, 0]),
        led_by(&[22, 0xfe, 0xfd, 0, 1]),
        led_by(&[21, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 26]),
        led_by(&[0x90, 111]),
        led_by(&[0x80, 200]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn no_datagram_makes_a_shard_panic(
        noise in proptest::collection::vec((0_usize..4, datagrams()), 1..200),
        sealed in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<u8>(), 12..200)), 1..100),
    ) {
        let mut world = World::new();
        let (speaker, listener) = (world.speaker(1), world.join(Options::default()));
        let half_way = world.add(ROOM, &Reach::default(), Options::default());
        world.clients[half_way].check();
        world.flush(half_way);
        for (n, datagram) in noise {
            world.arrives(address(n), &datagram);
            world.shard.handle(world.now, Input::Timeout);
            world.drain();
        }
        // And what opens: any payload, extension and report of somebody who holds keys.
        for (is_report, mut clear) in sealed {
            clear[0] = 0x80 | clear[0] & 0x3f;
            clear[1] = if is_report { 200 + clear[1] % 5 } else { 111 };
            clear[8..12].copy_from_slice(&0x1234_5678_u32.to_be_bytes());
            // Not all that is thought of can be sealed by a client that checks its own headers.
            if let Some(datagram) = world.clients[speaker].try_seal(&clear) {
                world.arrives(world.paths[speaker], &datagram);
            }
        }
        prop_assert_eq!(world.dropped(DropCause::Fault), 0);
        prop_assert!(world.shard.by_key.contains_key(&key(listener)));
    }
}
