//! Many at once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use palco_sfu::{Config, Event, PeerKey};

mod support;

use support::client::Options;
use support::{PATIENCE, Plane};

/// Below the usual limit of 1,024 descriptors.
const CROWD: u64 = 900;

/// Long enough not to be taken for a DTX frame.
fn word(seq: u16) -> Vec<u8> {
    [&b"\x78"[..], &seq.to_be_bytes(), b"speech"].concat()
}

#[test]
fn a_crowd_joins_at_once_and_a_running_talk_loses_nothing() {
    let mut plane = Plane::start(Config::default());
    let mut speaker = plane.speaker(1, 1, 42);
    let mut listener = plane.join(1, 2, Options::default());
    // Until the gate is open.
    let mut seq = 0;
    while listener.client.heard.is_empty() {
        speaker.say(seq, b"\x78hello");
        seq += 1;
        listener.turn();
    }
    let joined = AtomicBool::new(false);
    let (said, heard) = std::thread::scope(|scope| {
        let talk = scope.spawn(|| {
            let first = seq;
            while !joined.load(Ordering::Relaxed) {
                speaker.say(seq, &word(seq));
                seq += 1;
                let next = Instant::now() + Duration::from_millis(20);
                while Instant::now() < next {
                    listener.turn();
                }
            }
            let last = word(seq - 1);
            listener.until("the last word", |client| {
                client.heard.iter().any(|heard| heard.payload == last)
            });
            let heard: Vec<_> = listener.payloads();
            ((first..seq).collect::<Vec<_>>(), heard)
        });
        let start = Instant::now();
        let mut crowd: Vec<_> =
            (0..CROWD).map(|n| plane.offer(1, 100 + n, Options::default()).unwrap()).collect();
        for caller in &mut crowd {
            caller.client.check();
            caller.flush();
        }
        for caller in &mut crowd {
            caller.client.start_dtls(Instant::now());
            caller.flush();
        }
        while crowd.iter().any(|caller| !caller.client.connected) {
            for caller in &mut crowd {
                if !caller.client.connected {
                    caller.pump();
                }
            }
            assert!(start.elapsed() < PATIENCE, "a crowd of {CROWD} joining");
        }
        joined.store(true, Ordering::Relaxed);
        talk.join().unwrap()
    });
    let words: Vec<u16> = heard
        .iter()
        .filter_map(|payload| payload[1..3].try_into().ok().map(u16::from_be_bytes))
        .filter(|word| said.contains(word))
        .collect();
    assert_eq!(words, said);
    for _ in 0..CROWD {
        assert!(matches!(plane.event(), Event::Connected { .. }));
    }
    let stats = plane.wait(plane.handle.stats());
    assert_eq!(stats.connected() as u64, CROWD + 2);
    assert!(plane.wait(plane.handle.peer_stats(PeerKey(100))).is_some());
}
