//! Floods of strangers at the real program: what they may cost, and that people come in meanwhile.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use palco_client::Server as Address;
use palco_protocol::{ClientMessage, RoomId};
use tokio::{io::AsyncWriteExt, net::TcpStream, task::JoinSet};

use super::limits::Directory;
use crate::{
    house::{Guest, SOON, number_of},
    spawned::Spawned,
};

/// Of each kind of stranger, at a time.
const STRANGERS: usize = 40;
/// What all of them together have tried when the flood ends.
const ATTEMPTS: u64 = 4_000;
/// Connections that only hold what they have.
const IDLE: usize = 400;
/// What the flood may take of memory at its worst: the two password hashes at a time that there are, 19 MiB each, and a
/// few dozen KiB for each connection.
const MEMORY_KIB: u64 = 96 * 1024;

/// A line of the process's status, in KiB.
fn memory_kib(server: &Spawned, line: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("it runs");
    let found = status.lines().find_map(|each| each.strip_prefix(line)).expect("a process");
    found.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// The processor's time that it took so far, of all its threads.
fn cpu(server: &Spawned) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", server.pid())).expect("it runs");
    // Behind the name, which is in brackets: fields 14 and 15, in hundredths of a second (proc(5)).
    let (_, fields) = stat.rsplit_once(") ").expect("a name");
    let ticks =
        fields.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().expect("ticks"));
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

/// The sum over a metric's lines.
async fn metric(address: &Address, name: &str) -> u64 {
    let page = address.http("GET", "/metrics", None, None).await.expect("metrics");
    let page = String::from_utf8_lossy(&page.body).into_owned();
    let lines = page.lines().filter(|line| line.starts_with(name));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

/// What a stranger does, over and over.
#[derive(Debug, Clone, Copy)]
enum Stranger {
    /// A socket with a forged token.
    Forger,
    /// A socket that joins before it says who it is.
    Early(RoomId),
    /// Requests without a name, and guesses at passwords.
    Asker(usize),
}

impl Stranger {
    async fn tries(self, address: &Address) {
        match self {
            Self::Forger => {
                let Ok(socket) = address.open_socket().await else { return };
                let hello = r#"{"id":1,"type":"hello","token":"forged"}"#;
                let _ = socket.send_text(hello).await;
            }
            Self::Early(room) => {
                let Ok(socket) = address.open_socket().await else { return };
                let join = format!(r#"{{"id":1,"type":"join","room":"{room}","offer":""}}"#);
                let _ = socket.send_text(&join).await;
            }
            Self::Asker(n) => {
                let guess = format!(r#"{{"login":"nobody_{n}","password":"a-guess"}}"#);
                let (path, body) = [
                    ("rooms", "{}".to_owned()),
                    ("session", guess),
                    ("rooms", "[".repeat(16_000)),
                    ("nowhere", "x".repeat(100_000)),
                ][n % 4]
                    .clone();
                let path = format!("/api/v1/{path}");
                let _ = address.http("POST", &path, None, Some(body.into_bytes())).await;
            }
        }
    }
}

#[expect(clippy::print_stdout, reason = "the figures of docs/measurements.md")]
fn report(tried: u64, more_kib: u64, took: Duration) {
    let each = took.as_micros() / u128::from(tried);
    println!(
        "flood: {tried} attempts, {more_kib} KiB more at the worst, {each} us of processor each"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_strangers_takes_bounded_memory_and_people_come_in_meanwhile() {
    let data = Directory::new("flood");
    let server = Spawned::start(&data.0, &[]).await;
    let address = server.address.clone();
    let comes = async |name: &str, room: Option<RoomId>| {
        let guest = address.guest(name).await.expect("a guest");
        let room = match room {
            Some(room) => room,
            None => address.create_room(&guest.token, "A room").await.expect("a room").id,
        };
        let client = address.connect(&guest.token).await.expect("hello");
        Guest::enter(guest.token, client, room).await
    };
    let host = comes("Host", None).await;
    host.ask(ClientMessage::Unmute).await.expect("unmuted");
    let _speaking = host.media.play_tone(440.0).expect("a tone");
    let (room, number) = (host.room(), number_of(&host.snapshot, host.id()));
    let witness = comes("Witness", Some(room)).await;
    witness.hears(number, 440.0).await;
    let (before_kib, before_cpu) = (memory_kib(&server, "VmRSS:"), cpu(&server));

    let mut idle = Vec::new();
    for n in 0..IDLE {
        let mut stream = TcpStream::connect(witness.client.remote()).await.expect("connected");
        let head = ["", "GET /api/v1/rooms HT", "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nX: "];
        stream.write_all(head[n % 3].as_bytes()).await.expect("sent");
        idle.push(stream);
    }
    let (tried, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let mut flood = JoinSet::new();
    for n in 0..3 * STRANGERS {
        let (address, tried, over) = (address.clone(), Arc::clone(&tried), Arc::clone(&over));
        flood.spawn(async move {
            let mut turn = n;
            while !over.load(Ordering::Relaxed) {
                let kinds = [Stranger::Forger, Stranger::Early(room), Stranger::Asker(turn / 3)];
                kinds[n % 3].tries(&address).await;
                tried.fetch_add(1, Ordering::Relaxed);
                turn += 3;
            }
        });
    }
    let (mut people, mut came) = (Vec::new(), 2);
    while tried.load(Ordering::Relaxed) < ATTEMPTS || people.len() < 3 {
        let person = comes("Real", Some(room)).await;
        person.hears(number, 440.0).await;
        person.ask(ClientMessage::Ping).await.expect("answered");
        came += 1;
        people.push(person);
        // More would find this test's own clients short of processor.
        if people.len() > 3 {
            people.remove(0).client.close().await;
        }
    }
    // Who only tried has no media connection.
    let peers = metric(&address, "palco_media_peers{").await;
    assert!(peers <= came, "{peers} media connections of {came} people");
    over.store(true, Ordering::Relaxed);
    while let Some(stranger) = flood.join_next().await {
        stranger.expect("no panic");
    }
    let tried = tried.load(Ordering::Relaxed);
    let more_kib = memory_kib(&server, "VmHWM:").saturating_sub(before_kib);
    report(tried, more_kib, cpu(&server).saturating_sub(before_cpu));
    assert!(more_kib < MEMORY_KIB, "{more_kib} KiB more at the worst");
    let gone = async {
        while metric(&address, "palco_sockets ").await > 2 + people.len() as u64 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(SOON, gone).await.expect("nothing of the flood is left");
    drop(idle);
    let heard = witness.media.packets_from(number);
    witness.media.wait_for_packets(number, heard + 25, SOON).await.expect("audio goes on");
}
