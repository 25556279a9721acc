//! The load generator: listeners and speakers over real HTTP, WebSocket, ICE, DTLS and SRTP, in a process of their
//! own and light enough that the server is what saturates.
//!
//! ```text
//!  load ── stage, signalling   what happens, step by step
//!   └─ world                   one thread, one epoll, all sockets
//!       ├─ client ── websocket      each client's signalling (pure)
//!       └─ media                    shared UDP ports, pacing, consent, reports
//!           ├─ transport               ICE, DTLS, keys (pure)
//!           ├─ speaker ── voice        real Opus on time (pure)
//!           └─ meter                   loss, latency, gaps from headers (pure)
//! ```
//!
//! Nothing of the server's own code is used on the way of a packet: what both get wrong alike would not be seen.

mod client;
pub mod crowd;
pub mod first_audio;
mod http;
mod media;
mod meter;
pub mod online;
mod report;
mod sdp;
mod signalling;
mod speaker;
mod stage;
mod transport;
mod voice;
mod websocket;
mod world;

use std::error::Error;
use std::net::SocketAddrV4;
use std::time::Duration;

use clap::Args;
use palco_protocol::http::{CreateGuest, CreateRoom, Guest, RoomCreated};

use crate::accounting::{Usage, machine_busy};
use client::Client;
use http::Http;
pub(crate) use media::addresses;
pub use report::{Audio, Quantiles, Report, Server, Signalling};
use world::World;

/// Before the window opens: slots are won, ages are learnt, caches are warm.
const WARM_UP: Duration = Duration::from_millis(1500);
/// After it closes: what is on its way arrives.
const DRAIN: Duration = Duration::from_millis(400);
/// The server's last work for the joins.
const SETTLE: Duration = Duration::from_millis(1500);
/// How long the server's idle use is measured.
const IDLE: Duration = Duration::from_secs(2);
/// Joins that make no progress for this long are given up.
const STALL: Duration = Duration::from_secs(30);

/// What to do to a server.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// The server's HTTP address
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub server: SocketAddrV4,
    /// The server's process, for its CPU and memory
    #[arg(long)]
    pub pid: Option<u32>,
    /// Listeners
    #[arg(long, default_value_t = 500)]
    pub listeners: usize,
    /// People on stage who all speak, the host among them
    #[arg(long, default_value_t = 1)]
    pub speakers: usize,
    /// How long audio is measured, in seconds
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// Joins under way at a time
    #[arg(long, default_value_t = 32)]
    pub concurrency: usize,
    /// Listeners that share a UDP port, each at an address of its own; 1 gives each a socket
    #[arg(long, default_value_t = 500)]
    pub per_port: usize,
    /// Offer RED and report a tenth lost, so that the server sends it
    #[arg(long)]
    pub red: bool,
    /// Tell by the kernel's stamps when packets left the server, apart from when they were read
    #[arg(long)]
    pub stamps: bool,
    /// Speakers talk while listeners join
    #[arg(long)]
    pub talk_during_joins: bool,
    /// Join with an offer but connect no media; measure stage events to all
    #[arg(long)]
    pub signalling_only: bool,
    /// Measure stage events with media too
    #[arg(long)]
    pub stage_events: bool,
    /// All listeners lose their sockets and resume at once
    #[arg(long)]
    pub stampede: bool,
}

/// Runs it against a server that serves.
///
/// # Errors
/// If the server cannot be reached, or refuses the room or somebody on stage. Listeners that fail are counted.
pub fn run(options: &Options) -> Result<Report, Box<dyn Error>> {
    crate::sys::raise_open_files()?;
    let speakers = options.speakers.max(1);
    let mut world = open(options, speakers)?;
    if options.red {
        world.media.offer_red();
    }
    if options.stamps {
        world.media.stamp_arrivals()?;
    }
    let usage = || options.pid.map(Usage::of).transpose();
    stage::fill(&mut world, speakers, !options.signalling_only)?;

    let mut report = Report { listeners: options.listeners, speakers, ..Report::default() };
    let empty = usage()?;
    if options.talk_during_joins {
        world.media.speak(true, world.now());
        world.pass(WARM_UP)?;
        world.media.open_window(speakers);
    }
    join_all(&mut world, speakers, options.concurrency)?;
    let joined = (speakers..world.clients.len()).filter(|client| world.is_settled(*client)).count();
    entered(&world, speakers, &mut report);
    let after_joins = usage()?;
    world.pass(SETTLE)?;
    let full = usage()?;
    if !options.talk_during_joins {
        world.pass(IDLE)?;
    }
    let idle = usage()?;

    if !options.signalling_only && !options.talk_during_joins {
        world.media.speak(true, world.now());
        world.pass(WARM_UP)?;
        world.media.open_window(speakers);
    }
    let mut server = Server::default();
    if !options.signalling_only {
        report.audio =
            Some(listen(&mut world, options, &mut report, &mut server, speakers, joined)?);
    }
    let after = usage()?;
    if options.signalling_only || options.stage_events || options.stampede {
        let measured = signalling::measure(
            &mut world,
            speakers,
            options.listeners,
            options.pid,
            options.stampede,
        )?;
        report.signalling = Some(measured);
    }

    if let (Some(empty), Some(joins), Some(full), Some(idle), Some(after)) =
        (empty, after_joins, full, idle, after)
    {
        server.joins(joins.since(&empty), joined);
        server.idle_cores = idle.since(&full).cores();
        server.resident_kib = [empty.resident_kib, full.resident_kib, after.resident_kib];
        let added = full.resident_kib.max(after.resident_kib).saturating_sub(empty.resident_kib);
        server.kib_per_listener = added as f64 / joined.max(1) as f64;
        report.server = Some(server);
    }
    report.joined = joined;
    report.failures = std::mem::take(&mut world.failures);
    Ok(report)
}

/// How long listeners took to get in.
fn entered(world: &World, first: usize, report: &mut Report) {
    let times = || world.clients[first..].iter().map(|client| client.times);
    let since = |at: Option<Duration>, start: Duration| at.map(|at| at.saturating_sub(start));
    let signalled = times().filter_map(|times| since(times.signalled, times.started));
    report.signalled_ms = Quantiles::of_all(signalled);
    let connected =
        Quantiles::of_all(times().filter_map(|times| since(times.connected, times.started)));
    report.connected_ms = (connected.max > 0.0).then_some(connected);
}

/// Guests for everybody, a room of the first one's, and a world of clients that are still offline.
fn open(options: &Options, speakers: usize) -> Result<World, Box<dyn Error>> {
    let mut http = Http::connect(options.server)?;
    let clients = (0..speakers + options.listeners).map(|number| {
        let name = if number < speakers {
            format!("Speaker {number}")
        } else {
            format!("Listener {number}")
        };
        http.post::<Guest>("/api/v1/guests", None, &CreateGuest { name })
    });
    let guests = clients.collect::<Result<Vec<_>, _>>()?;
    let host = guests.first().map(|guest| guest.token.clone());
    let room = CreateRoom { title: "Load".to_owned(), ..CreateRoom::default() };
    let room: RoomCreated = http.post("/api/v1/rooms", host.as_deref(), &room)?;
    let clients = guests.into_iter().enumerate();
    let clients =
        clients.map(|(number, guest)| Client::new(guest.person.id, guest.token, number < speakers));
    World::new(
        options.server,
        room.id,
        clients.collect(),
        options.per_port,
        !options.signalling_only,
    )
}

/// Joins all listeners, some at a time.
fn join_all(world: &mut World, first: usize, concurrency: usize) -> Result<(), Box<dyn Error>> {
    let mut next = first;
    let mut under_way: Vec<usize> = Vec::new();
    let mut progress_at = world.now();
    while next < world.clients.len() || !under_way.is_empty() {
        while under_way.len() < concurrency.max(1) && next < world.clients.len() {
            world.start(next)?;
            under_way.push(next);
            next += 1;
        }
        world.turn(Duration::from_millis(10))?;
        let before = under_way.len();
        under_way.retain(|client| !world.is_settled(*client) && !world.is_offline(*client));
        if under_way.len() < before {
            progress_at = world.now();
        } else if world.now() > progress_at + STALL {
            return Err(
                format!("{} joins stalled for {} s", under_way.len(), STALL.as_secs()).into()
            );
        }
    }
    Ok(())
}

/// Measures the open window for the time wanted, and ends the audio.
fn listen(
    world: &mut World,
    options: &Options,
    report: &mut Report,
    server: &mut Server,
    first: usize,
    joined: usize,
) -> Result<Audio, Box<dyn Error>> {
    let usage = || options.pid.map(Usage::of).transpose();
    let (start, packets) = (world.now(), world.media.meter.packets);
    let machine_before = machine_busy()?;
    let (before, own_before) = (usage()?, Usage::of(std::process::id())?);
    world.pass(Duration::from_secs(options.seconds))?;
    let (after, own_after) = (usage()?, Usage::of(std::process::id())?);
    let machine = machine_busy()?.saturating_sub(machine_before);
    let packets = world.media.meter.packets - packets;
    let seconds = (world.now() - start).as_secs_f64();
    world.media.meter.close();
    world.pass(DRAIN)?;
    world.media.speak(false, world.now());

    if let Some((before, after)) = before.zip(after) {
        server.audio(after.since(&before), packets, joined);
    }
    let own = own_after.since(&own_before);
    report.own_cores = Some(own.cores());
    report.own_us_per_packet = Some(own.us_each(packets));
    let ours = own.cpu
        + before.zip(after).map_or(Duration::ZERO, |(before, after)| after.since(&before).cpu);
    report.others_cores = Some(machine.saturating_sub(ours).as_secs_f64() / seconds);
    let meter = &world.media.meter;
    let expected = meter.frames_counted() * joined as u64;
    // While listeners join, not all of them could have heard every frame.
    let countable = report.speakers <= sdp::SLOTS && !options.talk_during_joins && !meter.bundled;
    let loss = |delivered: u64| 100.0 * (1.0 - delivered as f64 / expected.max(1) as f64);
    Ok(Audio {
        seconds,
        frames: meter.frames_counted(),
        packets,
        loss_percent: countable.then(|| loss(meter.delivered)),
        most_streams: world.media.receptions(first).map(|r| r.heard().count()).max().unwrap_or(0),
        holes: meter::Meter::holes(world.media.receptions(first)),
        latency_ms: Quantiles::of(&meter.latency),
        longest_gap_ms: meter.longest_gap.as_secs_f64() * 1e3,
        stamped: options.stamps.then(|| {
            let gap_ms = meter.longest_stamped_gap.as_secs_f64() * 1e3;
            (Quantiles::of(&meter.stamped_latency), gap_ms)
        }),
        samples_intact: meter.samples_intact,
        samples_other: meter.samples_unknown,
        undecryptable: meter.undecryptable,
        datagram_bytes: world.media.datagram_len().unwrap_or_default(),
        unsent: world.media.unsent,
        latest_send_ms: world.media.latest_send.as_secs_f64() * 1e3,
    })
}
