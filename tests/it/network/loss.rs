//! Packets that do not come, come late, twice, or in another order.

use std::{collections::BTreeSet, time::Duration};

use palco_client::{HeardCounts, PacketRecord};
use palco_sfu::stats::DropCause;

use super::{Entry, enter, heard, pass, play};
use crate::{
    house::{Guest, House, SOON},
    impair::{Conditions, Done, Network, Way},
};

/// Twelve seconds of speech.
const PACKETS: u64 = 600;
/// Enough for the last hole to be noticed: more than the client's buffer holds.
const AFTERWARDS: u64 = 20;

/// Lost packets by the sequence numbers that came.
#[derive(Debug, Default, PartialEq, Eq)]
struct Holes {
    lost: u64,
    /// In holes of more than 100 ms, which the client leaves silent.
    too_long: u64,
    /// The others that came again, with the next packet.
    came_again: u64,
}

fn holes(records: &[PacketRecord]) -> Holes {
    let mut holes = Holes::default();
    for pair in records.windows(2) {
        let missing = u64::from(pair[1].sequence.wrapping_sub(pair[0].sequence) - 1);
        holes.lost += missing;
        match missing {
            0..=5 => holes.came_again += u64::from(missing > 0 && pair[1].redundant),
            _ => holes.too_long += missing,
        }
    }
    holes
}

/// Lets so many packets pass in this direction under these conditions, and some more under good ones.
async fn endure(network: &Network, way: Way, conditions: Conditions, packets: u64) -> Done {
    network.set(way, Conditions { media_packets: packets, ..conditions });
    pass(network, way, packets + AFTERWARDS).await;
    Done { packets, ..network.done(way) }
}

#[expect(clippy::print_stderr, reason = "the figures of docs/measurements.md")]
fn report(name: &str, done: Done, counts: HeardCounts) {
    let Done { packets, lost, duplicated, reordered } = done;
    let HeardCounts { concealed_frames, recovered_frames, late, .. } = counts;
    eprintln!(
        "{name:24} packets {packets:4}, lost {lost:3}, doubled {duplicated:3}, overtaken {reordered:3} | concealed \
         {concealed_frames:3}, recovered {recovered_frames:3}, late {late}"
    );
}

async fn listen_through_loss(
    house: &House,
    host: &Guest,
    seed: u64,
    red: bool,
    conditions: Conditions,
) -> HeardCounts {
    let entry = Entry { red, ..Entry::seed(seed) };
    let (listener, network) = enter(house, "Listener", Some(host.room()), entry).await;
    pass(&network, Way::Down, AFTERWARDS).await;
    let done = endure(&network, Way::Down, conditions, PACKETS).await;
    let (counts, records) = heard(&listener);
    let name = format!(
        "loss {} %{}{}",
        conditions.loss_percent,
        if conditions.burst > 1 { " in bursts" } else { "" },
        if red { ", RED" } else { "" },
    );
    report(&name, done, counts);

    let Holes { lost, too_long, came_again } = holes(&records);
    assert_eq!(lost, done.lost, "{name}: every hole is the network's");
    assert_eq!(counts.lost, lost, "{name}");
    assert_eq!(counts.recovered_frames, came_again, "{name}: what came again was used");
    assert_eq!(
        counts.concealed_frames,
        lost - too_long - came_again,
        "{name}: each lost frame is filled once"
    );
    assert_eq!((counts.late, counts.undecodable), (0, 0), "{name}");
    assert!(red || records.iter().all(|packet| !packet.redundant), "{name}");
    // Whatever was lost, it is still the tone.
    let number = super::number_of(&listener.snapshot, host.id());
    listener.hears(number, 440.0).await;
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn audio_goes_on_through_loss_and_redundancy_fills_the_holes() {
    let house = House::open().await;
    let host = house.host("Host").await;
    play(&host).await;
    // One listener without and one with RED, who lose the same packets.
    let through = async |loss_percent, burst, seed| {
        let conditions = Conditions { loss_percent, burst, ..Conditions::default() };
        let (plain, red) = tokio::join!(
            listen_through_loss(&house, &host, seed, false, conditions),
            listen_through_loss(&house, &host, seed, true, conditions),
        );
        assert_eq!(plain.lost, red.lost);
        assert_eq!(plain.recovered_frames, 0, "who takes no RED gets none");
        assert!(red.concealed_frames <= plain.concealed_frames, "{red:?} {plain:?}");
        (plain, red)
    };
    // Seeds by which the 600 packets lose their share.
    let (_, (plain_5, red_5), (plain_20, red_20), _) =
        tokio::join!(through(1, 1, 16), through(5, 1, 10), through(20, 1, 8), through(10, 4, 8));
    // By chance alone: two in a row are lost in 4 % of all, one in 20 %.
    assert!(red_20.concealed_frames * 2 < plain_20.concealed_frames, "{red_20:?} {plain_20:?}");
    assert!(red_5.concealed_frames < plain_5.concealed_frames, "{red_5:?} {plain_5:?}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_doubled_and_overtaken_packets_on_the_way_down_are_played_once() {
    let house = House::open().await;
    let host = house.host("Host").await;
    let number = play(&host).await;
    let through = async |name: &'static str, conditions| {
        let (listener, network) = enter(&house, name, Some(host.room()), Entry::seed(7)).await;
        pass(&network, Way::Down, AFTERWARDS).await;
        let done = endure(&network, Way::Down, conditions, PACKETS / 2).await;
        let (counts, records) = heard(&listener);
        report(name, done, counts);
        let came: BTreeSet<_> = records.iter().map(|packet| packet.timestamp_48k).collect();
        assert_eq!(counts.packets, records.len() as u64);
        assert_eq!(counts.packets - counts.late, came.len() as u64, "{name}: each is played once");
        assert_eq!((counts.lost, counts.concealed_frames), (0, 0), "{name}");
        listener.hears(number, 440.0).await;
        done
    };
    let jitter = Conditions { jitter: Duration::from_millis(100), ..Conditions::default() };
    let doubled = Conditions { duplicate_percent: 30, ..Conditions::default() };
    let overtaken = Conditions { reorder_percent: 20, ..Conditions::default() };
    let (_, doubled, overtaken) = tokio::join!(
        through("jitter 100 ms", jitter),
        through("doubled 30 %", doubled),
        through("overtaken 20 %", overtaken),
    );
    assert!(doubled.duplicated > 50 && overtaken.reordered > 30, "{doubled:?} {overtaken:?}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_speakers_doubled_and_overtaken_packets_are_forwarded_once_and_fill_their_holes() {
    let house = House::open().await;
    let (host, network) = enter(&house, "Host", None, Entry::seed(11)).await;
    let number = play(&host).await;
    let listener = house.listener("Listener", host.room()).await;
    listener.hears(number, 440.0).await;
    let refused = house.dropped(DropCause::Unopened).await;
    let bad = Conditions { duplicate_percent: 30, reorder_percent: 20, ..Conditions::default() };
    let done = endure(&network, Way::Up, bad, PACKETS / 2).await;
    listener.media.wait_for_packets(number, AFTERWARDS, SOON).await.expect("audio goes on");
    let (counts, records) = heard(&listener);
    report("speaker, both", done, counts);
    assert!(done.duplicated > 50 && done.reordered > 30, "{done:?}");
    let refused = house.dropped(DropCause::Unopened).await - refused;
    assert_eq!(
        refused, done.duplicated,
        "the second of each is a replay (RFC 3711, section 3.3.2)"
    );
    let sequences: BTreeSet<_> = records.iter().map(|packet| packet.sequence).collect();
    assert_eq!(sequences.len(), records.len(), "none is forwarded twice");
    let expected = HeardCounts { packets: counts.packets, ..HeardCounts::default() };
    assert_eq!(counts, expected, "no hole is left, nothing comes too late");
    listener.hears(number, 440.0).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_speakers_losses_are_holes_and_nothing_more() {
    let house = House::open().await;
    let (host, network) = enter(&house, "Host", None, Entry::seed(13)).await;
    let number = play(&host).await;
    let listener = house.listener("Listener", host.room()).await;
    listener.hears(number, 440.0).await;
    let bad = Conditions { loss_percent: 20, ..Conditions::default() };
    let done = endure(&network, Way::Up, bad, PACKETS / 2).await;
    listener.media.wait_for_packets(number, AFTERWARDS, SOON).await.expect("audio goes on");
    let (counts, records) = heard(&listener);
    report("speaker, loss 20 %", done, counts);
    let holes = holes(&records);
    assert_eq!((counts.lost, holes.lost), (done.lost, done.lost));
    assert_eq!(counts.concealed_frames, done.lost - holes.too_long);
    listener.hears(number, 440.0).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_percent_loss_in_both_directions_does_not_keep_anybody_out() {
    let house = House::open().await;
    let host = house.host("Host").await;
    let number = play(&host).await;
    let bad = Conditions { loss_percent: 20, ..Conditions::default() };
    let mut joining = tokio::task::JoinSet::new();
    let house = std::sync::Arc::new(house);
    for seed in 100..108 {
        let (house, room) = (std::sync::Arc::clone(&house), host.room());
        joining.spawn(async move {
            let entry = Entry { while_joining: bad, ..Entry::seed(seed) };
            // Connected or panicked.
            let (guest, _network) = enter(&house, "Guest", Some(room), entry).await;
            guest.media.wait_for_packets(number, 50, SOON).await.expect("audio");
        });
    }
    while let Some(joined) = joining.join_next().await {
        joined.expect("they are in, and hear");
    }
    let house = std::sync::Arc::into_inner(house).expect("all are done");
    house.close().await;
}
