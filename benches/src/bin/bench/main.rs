//! All benchmarks, one table: what `make bench` runs. The server is a process of its own and ends with the run.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use palco_benches::accounting;
use palco_benches::floor::{self, Floor};
use palco_benches::load::{self, Options, Report, first_audio};
use palco_benches::micro;
use palco_benches::server::Server;
use palco_benches::table::{Budget, Row, heading};

/// Measures the release server, each figure beside its floor
#[derive(Parser)]
struct Arguments {
    /// The server's binary
    #[arg(long, default_value = "target/release/palco")]
    program: PathBuf,
    /// Audiences to measure, one after another
    #[arg(long, value_delimiter = ',', default_value = "500,1000,2000,5000")]
    listeners: Vec<usize>,
    /// How long the audio of each is measured, in seconds
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Only the audiences
    #[arg(long)]
    audiences_only: bool,
    /// Print every run's whole report too
    #[arg(long)]
    reports: bool,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// What a forwarded frame of 32 kbit/s measures on the wire, until a run has measured it.
const DATAGRAM_BYTES: usize = 119;
/// Until fifty listeners have joined, settled and hear: then others join.
const UNTIL_HEARD: Duration = Duration::from_secs(6);
/// How long each way of the floor is measured, before and after a run each.
const FLOOR: Duration = Duration::from_millis(1500);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let mut bench = Bench { arguments, rows: Vec::new() };
    if !bench.arguments.json {
        bench.say(&format!("{}\n\n{}", accounting::machine(), heading()))?;
    }
    let handshake_ms = micro::handshake_ms();
    for listeners in bench.arguments.listeners.clone() {
        bench.audience(listeners, handshake_ms)?;
    }
    if !bench.arguments.audiences_only {
        bench.sockets_of_their_own()?;
        bench.signalling(1000, handshake_ms)?;
        bench.while_others_join(1000)?;
        bench.first_audio()?;
        bench.parts()?;
    }
    if bench.arguments.json {
        let rows = serde_json::to_string_pretty(&bench.rows)?;
        bench.say(&rows)?;
    }
    Ok(())
}

struct Bench {
    arguments: Arguments,
    rows: Vec<Row>,
}

/// The load generator's options as its command line has them by default.
fn options(listeners: usize) -> Options {
    #[derive(Parser)]
    struct Defaults {
        #[command(flatten)]
        options: Options,
    }
    Options { listeners, ..Defaults::parse_from(["load"]).options }
}

impl Bench {
    fn say(&self, text: &str) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{text}")?;
        out.flush()
    }

    fn row(&mut self, row: Row) -> std::io::Result<()> {
        if !self.arguments.json {
            self.say(&row.to_string())?;
        }
        self.rows.push(row);
        Ok(())
    }

    fn server(&self) -> Result<Server, Box<dyn Error>> {
        Server::start(&self.arguments.program)
    }

    /// A fresh server, and what the load generator finds there.
    fn load(&self, options: &Options) -> Result<Report, Box<dyn Error>> {
        let server = self.server()?;
        let report = load::run(&Options {
            server: server.address,
            pid: Some(server.pid()),
            ..options.clone()
        })?;
        self.whole(&report)?;
        Ok(report)
    }

    /// The same, and the floor: measured before and after, because the machine's neighbours come and go.
    fn between_floors(&self, options: &Options) -> Result<(Floor, Report), Box<dyn Error>> {
        let floor = || floor::measure(options.listeners, options.per_port, DATAGRAM_BYTES, FLOOR);
        let before = floor()?;
        let report = self.load(options)?;
        Ok((before.mean(floor()?), report))
    }

    fn whole(&self, report: &Report) -> std::io::Result<()> {
        if self.arguments.reports { self.say(&report.to_string()) } else { Ok(()) }
    }

    fn audience(&mut self, listeners: usize, handshake_ms: f64) -> Result<(), Box<dyn Error>> {
        let options = Options { seconds: self.arguments.seconds, ..options(listeners) };
        let (floor, report) = self.between_floors(&options)?;
        self.packets(&format!("{listeners} listeners"), &report, floor)?;
        let Some(server) = &report.server else { return Ok(()) };
        let (kib, join) = (server.kib_per_listener, server.ms_per_join);
        self.row(
            Row::new("  server memory per listener", kib, "KiB").budget(Budget::AtMost(24.0)),
        )?;
        self.row(
            Row::new("  server CPU per join", join, "ms")
                .floor(handshake_ms)
                .budget(Budget::AtMost(1.5)),
        )
        .map_err(Into::into)
    }

    fn packets(&mut self, who: &str, report: &Report, floor: Floor) -> Result<(), Box<dyn Error>> {
        let missing = (report.listeners - report.joined) as f64;
        self.row(Row::new(format!("{who}: not joined"), missing, "").budget(Budget::AtMost(0.0)))?;
        let (Some(server), Some(audio)) = (&report.server, &report.audio) else { return Ok(()) };
        if let (Some(us), Some(cores)) = (server.us_per_packet, server.cores) {
            let packet =
                Row::new("  server CPU per forwarded packet", us, "µs").floor(floor.sendto_us);
            self.row(packet.budget(Budget::TimesFloor(1.25)))?;
            self.row(
                Row::new("  the floor with sendmmsg", floor.sendmmsg_us, "µs")
                    .floor(floor.sendto_us),
            )?;
            self.row(Row::new("  cores busy: the server", cores, ""))?;
            let (own, others) = (report.own_cores, report.others_cores);
            self.row(Row::new("  cores busy: this process", own.unwrap_or(f64::NAN), ""))?;
            self.row(Row::new("  cores busy: others' work", others.unwrap_or(f64::NAN), ""))?;
        }
        if floor.received_share < 0.999 {
            self.row(Row::new(
                "  the floor's packets that arrived",
                floor.received_share * 100.0,
                "%",
            ))?;
        }
        let latency = audio.latency_ms;
        self.row(
            Row::new("  loss", audio.loss_percent.unwrap_or(f64::NAN), "%")
                .budget(Budget::AtMost(0.0)),
        )?;
        self.row(Row::new("  added latency p50", latency.p50, "ms"))?;
        self.row(Row::new("  added latency p99", latency.p99, "ms").budget(Budget::AtMost(20.0)))?;
        self.row(Row::new("  added latency p99.9", latency.p999, "ms"))?;
        self.row(Row::new(
            "  the load process's own lateness, longest",
            audio.latest_send_ms,
            "ms",
        ))?;
        Ok(())
    }

    /// Each listener a socket of its own, as a kernel sees them that are not ours.
    fn sockets_of_their_own(&mut self) -> Result<(), Box<dyn Error>> {
        let options = Options { per_port: 1, seconds: self.arguments.seconds, ..options(500) };
        let (floor, report) = self.between_floors(&options)?;
        self.packets("500 listeners, a socket each", &report, floor)
    }

    /// Listeners without media: what is signalling's, and by difference what is the media plane's.
    fn signalling(&mut self, listeners: usize, handshake_ms: f64) -> Result<(), Box<dyn Error>> {
        let with = self.load(&Options { seconds: 1, ..options(listeners) })?;
        let report =
            self.load(&Options { signalling_only: true, stampede: true, ..options(listeners) })?;
        if let Some(signalling) = &report.signalling {
            let event = signalling.stage_event_ms;
            self.row(Row::new(
                format!("stage event to {listeners} WebSockets p50"),
                event.p50,
                "ms",
            ))?;
            self.row(Row::new("  p99", event.p99, "ms"))?;
            self.row(Row::new(
                "  server CPU for each",
                signalling.us_per_event.unwrap_or(f64::NAN),
                "µs",
            ))?;
            let missing = signalling.stage_events_missing as f64;
            self.row(Row::new("  missing", missing, "").budget(Budget::AtMost(0.0)))?;
            if let Some(stampede) = signalling.stampede_ms {
                let row = Row::new("  all reconnect at once, p99", stampede.p99, "ms");
                self.row(row.budget(Budget::AtMost(15_000.0)))?;
                let lost = (listeners - signalling.resumed) as f64;
                self.row(Row::new("  not resumed", lost, "").budget(Budget::AtMost(0.0)))?;
            }
        }
        let (Some(with), Some(without)) = (with.server, report.server) else { return Ok(()) };
        self.row(Row::new(
            "memory of a listener's WebSocket and session",
            without.kib_per_listener,
            "KiB",
        ))?;
        let media = with.kib_per_listener - without.kib_per_listener;
        self.row(
            Row::new("memory of a listener's media, by difference", media, "KiB")
                .budget(Budget::AtMost(8.0)),
        )?;
        let media = with.ms_per_join - without.ms_per_join;
        let row = Row::new("CPU of a join's ICE and DTLS, by difference", media, "ms")
            .floor(handshake_ms);
        self.row(row.budget(Budget::AtMost(0.6))).map_err(Into::into)
    }

    /// What listeners of one room hear while many join another: handshakes must not hold up audio.
    fn while_others_join(&mut self, others: usize) -> Result<(), Box<dyn Error>> {
        let server = self.server()?;
        let joining = Options { server: server.address, seconds: 1, ..options(others) };
        let hearing = Options { server: server.address, seconds: 6, ..options(50) };
        // Two threads of this process: neither waits for the other, as one alone would for its own handshakes.
        let (report, joined) = std::thread::scope(|scope| {
            let joining = scope.spawn(|| {
                std::thread::sleep(UNTIL_HEARD);
                load::run(&joining).map(|report| report.joined).map_err(|error| error.to_string())
            });
            (load::run(&hearing), joining.join())
        });
        let joined = joined.map_err(|_| "the joining load panicked")??;
        let report = report?;
        self.whole(&report)?;
        let Some(audio) = &report.audio else { return Ok(()) };
        self.row(Row::new(
            format!("audio while {others} others join: added latency p99"),
            audio.latency_ms.p99,
            "ms",
        ))?;
        self.row(Row::new("  p99.9", audio.latency_ms.p999, "ms"))?;
        self.row(Row::new("  longest", audio.latency_ms.max, "ms"))?;
        self.row(Row::new(
            "  the load process's own lateness, longest",
            audio.latest_send_ms,
            "ms",
        ))?;
        let missing = (others - joined) as f64;
        self.row(Row::new("  others not joined", missing, "").budget(Budget::AtMost(0.0)))?;
        Ok(())
    }

    fn first_audio(&mut self) -> Result<(), Box<dyn Error>> {
        let server = self.server()?;
        let waits = first_audio::measure(&Options { server: server.address, ..options(50) })?;
        let row = Row::new("accept_invite to first audio at a listener p50", waits.p50, "ms");
        self.row(row.budget(Budget::AtMost(150.0)))?;
        self.row(Row::new("  p99", waits.p99, "ms"))?;
        Ok(())
    }

    fn parts(&mut self) -> Result<(), Box<dyn Error>> {
        for part in micro::measure() {
            self.row(
                Row::new(format!("{} / {}", part.name, part.floor), part.ns, "ns")
                    .floor(part.floor_ns),
            )?;
        }
        Ok(())
    }
}
