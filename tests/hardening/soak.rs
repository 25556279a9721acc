//! People come and go for a long time, and the server holds no more than before.
//!
//! `make soak SOAK_S=600` runs it for ten minutes and prints what it found; `make test` runs it for one. The server is a
//! process of its own, and is looked at after each round, when the same people are in it as after the round before.
//! Fitted over the rounds after the warm-up (a line, least squares), each count may grow by its allowance and no more.

use std::{
    fmt::Write as _,
    fs,
    time::{Duration, Instant},
};

use palco_client::{Media, Server as Address};
use palco_protocol::{ClientMessage, HandPolicy, Reaction, RoomId, SpeakerNumber};

use super::limits::Directory;
use crate::{
    house::{Guest, SOON, number_of},
    spawned::Spawned,
};

/// Of the time, until tables, pools and the allocator have their size.
const WARM_UP: f64 = 0.4;
/// Who comes in a round.
const VISITORS: usize = 6;
/// What the fit may find over the time that is measured: (once, for noise; for each hour).
const MEMORY_KIB: (f64, f64) = (6_144.0, 8_192.0);
const DESCRIPTORS: (f64, f64) = (3.0, 1.0);
const TASKS: (f64, f64) = (3.0, 1.0);

/// The server after a round.
#[derive(Debug, Clone, Copy)]
struct Sample {
    at_s: f64,
    memory_kib: f64,
    descriptors: f64,
    tasks: f64,
}

async fn sample(server: &Spawned, since: Instant) -> Sample {
    let of = |file: &str| fs::read_to_string(format!("/proc/{}/{file}", server.pid()));
    let status = of("status").expect("it runs");
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process");
    let memory = memory.trim().trim_end_matches(" kB").parse().expect("a number");
    let descriptors = fs::read_dir(format!("/proc/{}/fd", server.pid())).expect("it runs").count();
    let page = server.address.http("GET", "/metrics", None, None).await.expect("metrics");
    let page = String::from_utf8_lossy(&page.body).into_owned();
    let tasks = page.lines().find_map(|line| line.strip_prefix("palco_tasks ")).expect("tasks");
    Sample {
        at_s: since.elapsed().as_secs_f64(),
        memory_kib: memory,
        descriptors: descriptors as f64,
        tasks: tasks.parse().expect("a number"),
    }
}

/// By how much a second, by least squares.
fn slope(samples: &[Sample], of: impl Fn(&Sample) -> f64) -> f64 {
    let n = samples.len() as f64;
    let mean = |value: &dyn Fn(&Sample) -> f64| samples.iter().map(value).sum::<f64>() / n;
    let (at, value) = (mean(&|sample| sample.at_s), mean(&|sample| of(sample)));
    let product = |sample: &Sample| (sample.at_s - at) * (of(sample) - value);
    let square = |sample: &Sample| (sample.at_s - at).powi(2);
    samples.iter().map(product).sum::<f64>() / samples.iter().map(square).sum::<f64>()
}

async fn comes(address: &Address, name: &str, room: RoomId) -> Guest {
    let guest = address.guest(name).await.expect("a guest");
    let client = address.connect(&guest.token).await.expect("hello");
    Guest::enter(guest.token, client, room).await
}

/// One visitor's stay: hears, writes, raises a hand, and leaves or is lost. Gives back the connection of whoever ends
/// nothing themself and would keep it up for ever.
async fn stay(address: Address, n: usize, host: SpeakerNumber, room: RoomId) -> Option<Media> {
    let visitor = comes(&address, &format!("Visitor {n}"), room).await;
    visitor.media.wait_for_packets(host, 5, SOON).await.expect("the host is heard");
    visitor.ask(ClientMessage::Chat { text: "hello".to_owned() }).await.expect("a line");
    visitor.ask(ClientMessage::React { reaction: Reaction::Clap }).await.expect("a reaction");
    match n % 3 {
        0 => visitor.ask(ClientMessage::Leave).await.expect("left"),
        // Gone without a word: the grace ends it, and the server their media.
        1 => {
            drop(visitor.client);
            return Some(visitor.media);
        }
        _ => {
            visitor.ask(ClientMessage::RaiseHand).await.expect("a raised hand");
            visitor.ask(ClientMessage::LowerHand).await.expect("lowered");
            visitor.client.close().await;
        }
    }
    visitor.media.close().await.expect("closed");
    None
}

/// Ann comes on stage, speaks, and goes.
async fn turn(address: &Address, host: &mut Guest) {
    let mut speaker = comes(address, "Ann", host.room()).await;
    let number = speaker.brought_on_stage_by(host).await;
    speaker.ask(ClientMessage::Unmute).await.expect("unmuted");
    let speaking = speaker.media.play_tone(880.0).expect("a tone");
    host.media.wait_for_packets(number, 10, SOON).await.expect("they are heard");
    speaking.stop();
    speaker.ask(ClientMessage::Leave).await.expect("left");
    speaker.client.close().await;
    speaker.media.close().await.expect("closed");
}

/// Until the server has only those who stay.
async fn settled(server: &Spawned, room: RoomId) {
    let settled = async {
        loop {
            let page = server.address.http("GET", "/metrics", None, None).await.expect("metrics");
            let page = String::from_utf8_lossy(&page.body).into_owned();
            let sum = |name: &str| -> u64 {
                let lines = page.lines().filter(|line| line.starts_with(name));
                lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
            };
            let live = server.address.room(room).await.expect("live");
            let peers = sum("palco_media_peers{");
            if (peers, sum("palco_sockets "), live.counts.listeners) == (2, 2, 1) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(SOON * 2, settled).await.expect("all visitors are gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_come_and_go_and_the_server_stays_as_it_was() {
    let seconds = std::env::var("SOAK_S").map_or(60, |s| s.parse().expect("seconds"));
    let data = Directory::new("soak");
    let server = Spawned::start(&data.0, &["--reconnect-grace-s", "1"]).await;
    let guest = server.address.guest("Host").await.expect("a guest");
    let room = server.address.create_room(&guest.token, "A room").await.expect("a room").id;
    let client = server.address.connect(&guest.token).await.expect("hello");
    let mut host = Guest::enter(guest.token, client, room).await;
    host.ask(ClientMessage::Unmute).await.expect("unmuted");
    let _speaking = host.media.play_tone(440.0).expect("a tone");
    let number = number_of(&host.snapshot, host.id());
    let witness = comes(&server.address, "Witness", room).await;
    witness.hears(number, 440.0).await;

    let (began, mut samples) = (Instant::now(), Vec::new());
    // A moderator may act so often and no more: each round takes them a second at least.
    let mut rounds = tokio::time::interval(Duration::from_secs(1));
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while began.elapsed() < Duration::from_secs(seconds) {
        rounds.tick().await;
        let mut visitors = tokio::task::JoinSet::new();
        for n in 0..VISITORS {
            visitors.spawn(stay(server.address.clone(), n, number, room));
        }
        turn(&server.address, &mut host).await;
        let mut lost = Vec::new();
        while let Some(stayed) = visitors.join_next().await {
            lost.extend(stayed.expect("a visitor's stay"));
        }
        if samples.len() % 8 == 0 {
            for policy in [HandPolicy::Off, HandPolicy::Everyone] {
                host.ask(ClientMessage::SetHandPolicy { policy }).await.expect("a policy");
            }
        }
        settled(&server, room).await;
        for media in lost {
            media.close().await.expect("closed");
        }
        samples.push(sample(&server, began).await);
    }
    witness.hears(number, 440.0).await;
    report(&samples);
}

#[expect(clippy::print_stdout, reason = "a soak is run for its report")]
fn report(samples: &[Sample]) {
    let total = samples.last().map_or(0.0, |last| last.at_s);
    let measured: Vec<_> = samples.iter().copied().filter(|s| s.at_s >= total * WARM_UP).collect();
    assert!(measured.len() >= 5, "{} rounds are too few to say anything", samples.len());
    let span = total * (1.0 - WARM_UP);
    let mut table = format!(
        "soak: {} rounds of {} visitors in {total:.0} s, {} of them measured\n\
         | count | first | last | slope an hour | over the time | allowed |\n|---|---|---|---|---|---|\n",
        samples.len(),
        VISITORS + 1,
        measured.len(),
    );
    let mut grew = Vec::new();
    type Row = (&'static str, fn(&Sample) -> f64, (f64, f64));
    let rows: [Row; 3] = [
        ("memory, KiB", |sample| sample.memory_kib, MEMORY_KIB),
        ("descriptors", |sample| sample.descriptors, DESCRIPTORS),
        ("tasks", |sample| sample.tasks, TASKS),
    ];
    for (name, of, (once, an_hour)) in rows {
        let slope = slope(&measured, of);
        let (growth, allowed) = (slope * span, once + an_hour * span / 3_600.0);
        let (first, last) = (of(&measured[0]), of(&measured[measured.len() - 1]));
        let an_hour = slope * 3_600.0;
        writeln!(
            table,
            "| {name} | {first} | {last} | {an_hour:.1} | {growth:.1} | {allowed:.1} |"
        )
        .expect("a string takes all");
        if growth > allowed {
            grew.push(name);
        }
    }
    println!("{table}");
    assert!(grew.is_empty(), "{grew:?} grew:\n{table}");
}
