//! Coming, going and moving.

use super::*;

fn restart(world: &mut World, n: usize) -> Credentials {
    let credentials = Credentials::generate(0);
    let (reply, mut done) = oneshot::channel();
    world.clients[n].ufrag = "newu".to_owned();
    world.command(Command::RestartIce {
        peer: key(n),
        credentials: credentials.clone(),
        their_ufrag: "newu".to_owned(),
        reply,
    });
    done.try_recv().unwrap().unwrap();
    credentials
}

#[test]
fn close_notify_works_in_both_directions() {
    let mut world = World::new();
    let (leaving, sent_away) = (world.join(Options::default()), world.join(Options::default()));
    world.events.clear();
    world.clients[leaving].close(world.now);
    world.settle(Duration::from_millis(50));
    assert_eq!(
        world.events,
        [Event::Closed { peer: key(leaving), reason: CloseReason::PeerClosed }]
    );
    world.events.clear();
    world.command(Command::Disconnect { peer: key(sent_away) });
    assert!(world.clients[sent_away].closed);
    assert_eq!(world.events, [Event::Closed { peer: key(sent_away), reason: CloseReason::Asked }]);
    let stats = world.shard.stats();
    assert_eq!((stats.peers, stats.connected, stats.rooms.len()), (0, 0, 0));
    assert!(world.shard.by_path.is_empty() && world.shard.by_ufrag.is_empty());
}

#[test]
fn the_end_of_a_room_ends_its_peers_and_nobody_elses() {
    let mut world = World::new();
    let (a, b) = (world.join(Options::default()), world.join(Options::default()));
    let elsewhere = world.add(RoomKey(2), &Reach::default(), Options::default());
    world.connect(elsewhere);
    let (speaker, late) = (world.speaker(1), world.join(Options::default()));
    world.say(speaker, 0, b"\x78last words");
    world.command(Command::CloseRoom { room: ROOM });
    world.heard(late);
    world.say(speaker, 1, b"\x78too late");
    assert!(world.heard(late).is_empty());
    world.settle(Duration::ZERO);
    assert!(world.clients[a].closed && world.clients[b].closed);
    assert!(!world.clients[elsewhere].closed);
    assert_eq!(world.shard.stats().peers, 1);
}

#[test]
fn a_silent_peer_is_gone_after_the_consent_time_and_one_that_checks_is_not() {
    let mut world = World::new();
    let (silent, alive) = (world.join(Options::default()), world.join(Options::default()));
    world.events.clear();
    for second in 0..40 {
        if second == 29 {
            assert!(world.events.is_empty());
        }
        if second % 5 == 0 {
            world.clients[alive].check();
        }
        world.settle(Duration::from_secs(1));
    }
    assert_eq!(world.events, [Event::Closed { peer: key(silent), reason: CloseReason::Silent }]);
    assert!(world.clients[silent].closed, "it is told, should it hear it");
}

#[test]
fn who_never_finishes_the_handshake_is_gone_in_time() {
    let mut world = World::new();
    let absent = world.add(ROOM, &Reach::default(), Options::default());
    let checks_only = world.add(ROOM, &Reach::default(), Options::default());
    for _ in 0..31 {
        world.clients[checks_only].check();
        world.settle(Duration::from_secs(1));
    }
    let mut closed = world.events.clone();
    closed.sort_by_key(|event| format!("{event:?}"));
    let gone = |n| Event::Closed { peer: key(n), reason: CloseReason::HandshakeTimeout };
    assert_eq!(closed, [gone(absent), gone(checks_only)]);
    assert_eq!(world.shard.stats().peers, 0);
}

#[test]
fn a_peer_moves_by_a_nominated_check_and_by_nothing_else() {
    let mut world = World::new();
    let (speaker, listener) = (world.speaker(1), world.join(Options::default()));
    world.say(speaker, 0, b"\x78before");
    let elsewhere = address(200);
    let old = world.paths[listener];

    // Media from a new address moves nothing and is not heard.
    world.clients[speaker].speak(1, 960, 30, b"\x78injected");
    let stolen = world.clients[speaker].outgoing.pop_front().unwrap();
    world.arrives(elsewhere, &stolen);
    assert_eq!(world.dropped(DropCause::UnknownPath), 1);

    // A check without nomination makes the address known, but it is not used yet.
    let username =
        format!("{}:{}", world.clients[listener].their_ufrag, world.clients[listener].ufrag);
    let password = world.clients[listener].their_password.clone();
    let plain = world.clients[listener].check_with(&username, &password, false);
    world.arrives(elsewhere, &plain);
    assert_eq!(world.astray, 1, "answered where it came from");
    world.say(speaker, 2, b"\x78to the old address");
    assert_eq!(world.payloads(listener).len(), 2);

    let nominated = world.clients[listener].check_with(&username, &password, true);
    world.arrives(elsewhere, &nominated);
    world.paths[listener] = elsewhere;
    world.say(speaker, 3, b"\x78to the new address");
    assert_eq!(world.payloads(listener), [b"\x78to the new address"]);
    assert!(world.shard.by_path.contains_key(&old), "what is under way is still taken");
}

#[test]
fn a_plain_check_moves_a_peer_whose_route_is_silent() {
    let mut world = World::new();
    let (speaker, listener) = (world.speaker(1), world.join(Options::default()));
    let client = &world.clients[listener];
    let username = format!("{}:{}", client.their_ufrag, client.ufrag);
    let (old, password) = (world.paths[listener], client.their_password.clone());
    let mut seq = 0;
    // Whether the next audio goes to this address.
    let mut sent_to = |world: &mut World, path| {
        world.paths[listener] = path;
        world.say(speaker, seq, b"\x78audio");
        seq += 1;
        world.payloads(listener).contains(&b"\x78audio".to_vec())
    };
    let check = |world: &mut World, path, nominate| {
        let check = world.clients[listener].check_with(&username, &password, nominate);
        world.arrives(path, &check);
    };
    assert!(sent_to(&mut world, old));

    // Nominated once: another path that shows up while the route is in use does not move it,
    check(&mut world, old, true);
    world.settle(Duration::from_millis(990));
    check(&mut world, address(201), false);
    assert!(sent_to(&mut world, old));
    // and does when nothing comes by the route any more.
    world.settle(Duration::from_millis(10));
    check(&mut world, address(202), false);
    assert!(sent_to(&mut world, address(202)));

    // Who nominates by every check is believed so only when two of them are missing.
    check(&mut world, address(202), true);
    world.settle(Duration::from_secs(1));
    check(&mut world, address(202), true);
    world.settle(Duration::from_millis(5_990));
    check(&mut world, address(203), false);
    assert!(sent_to(&mut world, address(202)));
    world.settle(Duration::from_millis(10));
    check(&mut world, address(203), false);
    assert!(sent_to(&mut world, address(203)));
}

#[test]
fn many_addresses_of_one_peer_take_bounded_room() {
    let mut world = World::new();
    let n = world.join(Options::default());
    for at in 0..50 {
        world.paths[n] = address(300 + at);
        world.clients[n].check();
        world.flush(n);
    }
    assert_eq!(world.shard.by_path.len(), 4);
    assert_eq!(world.clients[n].checks_answered, 51);
}

#[test]
fn an_ice_restart_keeps_the_session_and_voids_the_former_credentials() {
    let mut world = World::new();
    let (speaker, listener) = (world.speaker(1), world.join(Options::default()));
    world.say(speaker, 0, b"\x78one");
    let old_check = {
        let client = &world.clients[listener];
        let username = format!("{}:{}", client.their_ufrag, client.ufrag);
        client.check_with(&username, &client.their_password, true)
    };
    let credentials = restart(&mut world, listener);
    // Until the first check with the new ones, the former are valid.
    world.arrives(world.paths[listener], &old_check);
    assert_eq!(world.clients[listener].checks_answered, 2);
    world.clients[listener].their_ufrag = credentials.ufrag_str().to_owned();
    world.clients[listener].their_password = credentials.password_str().to_owned();
    world.clients[listener].check();
    world.flush(listener);
    assert_eq!(world.clients[listener].checks_answered, 3);
    world.arrives(world.paths[listener], &old_check);
    assert_eq!(world.dropped(DropCause::StunUnknownUfrag), 1);
    world.say(speaker, 1, b"\x78two");
    assert_eq!(world.payloads(listener), [b"\x78one", b"\x78two"]);
}

#[test]
fn an_address_that_changes_owner_belongs_to_who_proved_it_last() {
    let mut world = World::new();
    let (first, second) = (world.join(Options::default()), world.join(Options::default()));
    let shared = address(400);
    for n in [first, second] {
        world.paths[n] = shared;
        world.clients[n].check();
        world.flush(n);
        world.paths[n] = address(n);
    }
    let owner = world.shard.by_path[&shared];
    assert_eq!(world.shard.peers.get(owner).unwrap().key, key(second));
    world.command(Command::Disconnect { peer: key(first) });
    assert_eq!(world.shard.by_path.get(&shared), Some(&owner));
}

#[test]
fn a_flight_lost_on_the_way_is_sent_again_by_the_shards_timer() {
    let mut world = World::new();
    let n = world.add(ROOM, &Reach::default(), Options::default());
    world.clients[n].check();
    world.flush(n);
    world.clients[n].start_dtls(world.now);
    // What the server answers to the first hello goes nowhere.
    let path = std::mem::replace(&mut world.paths[n], address(999));
    let hello = world.clients[n].outgoing.pop_front().unwrap();
    world.arrives(path, &hello);
    world.shard.handle(world.now, Input::Timeout);
    world.drain();
    assert_eq!(world.astray, 1);
    world.paths[n] = path;
    world.settle(Duration::from_millis(500));
    assert!(world.clients[n].connected);
}

#[test]
fn a_full_shard_and_a_used_key_are_refused() {
    let mut world = World::new();
    for _ in 0..100 {
        world.add(ROOM, &Reach::default(), Options::default());
    }
    for (n, refused) in [(5, ConnectError::AlreadyConnected), (100, ConnectError::Busy)] {
        let offer = Offer::parse(&Client::new(Options::default()).offer()).unwrap();
        let peer = Box::new(NewPeer {
            key: key(n),
            room: ROOM,
            reach: Reach::default(),
            credentials: Credentials::generate(0),
            offer,
        });
        let (reply, mut answer) = oneshot::channel();
        world.command(Command::Connect { peer, reply });
        let error = answer.try_recv().unwrap().unwrap_err();
        assert_eq!(error.to_string(), refused.to_string());
    }
}

#[test]
fn a_lost_connection_falls_back_on_what_else_was_proved() {
    let mut world = World::new();
    let (speaker, listener) = (world.speaker(1), world.join(Options::default()));
    let udp = world.paths[listener];
    let tcp = Path::Tcp(5, udp.address());
    world.paths[listener] = tcp;
    world.clients[listener].check();
    world.flush(listener);
    world.say(speaker, 0, b"\x78over the connection");
    assert_eq!(world.payloads(listener).len(), 1);
    world.shard.handle(world.now, Input::Lost { path: tcp });
    world.drain();
    assert!(!world.shard.knows(tcp));
    world.paths[listener] = udp;
    world.say(speaker, 1, b"\x78over the datagrams");
    assert_eq!(world.payloads(listener), [b"\x78over the datagrams"]);
    world.command(Command::Disconnect { peer: key(listener) });
    assert_eq!(world.hung_up, [udp]);
}

#[test]
fn audio_goes_before_handshakes_that_wait_and_they_take_turns_of_one_step() {
    let mut world = World::new();
    let (speaker, listener) = (world.speaker(1), world.join(Options::default()));
    let joining: Vec<_> =
        (0..20).map(|_| world.add(ROOM, &Reach::default(), Options::default())).collect();
    for n in &joining {
        world.clients[*n].check();
        world.clients[*n].start_dtls(world.now);
        world.flush(*n);
    }
    assert_eq!(world.shard.handshakes.len(), 20);
    for left in (0..20).rev() {
        world.say(speaker, 20 - left, b"\x78at once");
        assert_eq!(world.payloads(listener), [b"\x78at once"]);
        world.shard.handle(world.now, Input::Timeout);
        world.drain();
        assert_eq!(world.shard.handshakes.len(), left as usize);
    }
}

#[test]
fn the_end_of_a_large_room_takes_turns_with_the_others() {
    let mut world = World::new();
    let (speaker, listener) = (world.speaker(1), world.join(Options::default()));
    for _ in 0..50 {
        world.add(RoomKey(2), &Reach::default(), Options::default());
    }
    world.command(Command::CloseRoom { room: RoomKey(2) });
    for (seq, left) in [52, 36, 20, 4, 2].into_iter().enumerate() {
        assert_eq!(world.shard.stats().peers, left);
        world.say(speaker, seq as u16, b"\x78meanwhile");
        assert_eq!(world.heard(listener).len(), 1);
        world.shard.handle(world.now, Input::Timeout);
        world.drain();
    }
}

#[test]
fn invented_profiles_are_bounded_and_make_room_when_they_leave() {
    let mut world = World::new();
    let odd = |n: u8| Options {
        opus_pt: 96 + n % 32,
        level_ext: 1 + n / 32,
        mid_ext: 14,
        ..Options::default()
    };
    let first = world.join(odd(0));
    for n in 1..64 {
        world.join(odd(n));
    }
    let refused = world.add(ROOM, &Reach::default(), odd(64));
    world.clients[refused].check();
    world.clients[refused].start_dtls(world.now);
    world.settle(Duration::from_millis(100));
    let reason = CloseReason::TooManyProfiles;
    assert_eq!(world.events.last(), Some(&Event::Closed { peer: key(refused), reason }));
    world.join(odd(1));
    world.command(Command::Disconnect { peer: key(first) });
    world.join(odd(64));
}
