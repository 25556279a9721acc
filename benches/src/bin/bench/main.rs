//! All benchmarks: what `make bench` runs. The server is a process of its own and ends with the run.

mod browser;
mod budgets;
mod fanout;
mod growth;
#[path = "../../../../tests/support/postgres.rs"]
mod postgres;

use std::error::Error;
use std::io::Write;
use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use palco_benches::accounting;
use palco_benches::floor::{self, Floor};
use palco_benches::load::{self, Options, Report, online};
use palco_benches::micro;
use palco_benches::server::Server;
use palco_benches::table::{Grid, Row, heading};

/// Measures the release server, each figure beside its floor
#[derive(Parser)]
struct Arguments {
    /// The server's binary
    #[arg(long, default_value = "target/release/palco")]
    program: PathBuf,
    /// Audiences to measure, one after another
    #[arg(long, value_delimiter = ',', default_value = "500,5000")]
    listeners: Vec<usize>,
    /// How long the audio of each is measured, in seconds
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Only the figures that have budgets, at these audiences; several parts may be chosen, and all run if none is
    #[arg(long)]
    budgets: bool,
    /// Only how cost grows with listeners and with speakers, 5 s each
    #[arg(long)]
    growth: bool,
    /// Only bundling, and several packets at once to each listener
    #[arg(long)]
    bundling: bool,
    /// Only notices: a host with 100,000 followers, 20,000 of them online, goes live
    #[arg(long)]
    fanout: bool,
    /// Notices out of PostgreSQL, which is started for it, instead of SQLite
    #[arg(long)]
    postgres: bool,
    /// Be the devices of the measurement of notices, in a process of their own
    #[arg(long, hide = true, requires = "server")]
    devices: Option<usize>,
    #[arg(long, hide = true)]
    server: Option<SocketAddrV4>,
    /// Only the web client: its first load, and a busy room of 10,000 listeners. About three minutes
    #[arg(long)]
    browser: bool,
    /// Only the parts of a packet's way, alone
    #[arg(long)]
    parts: bool,
    /// Print every run's whole report too
    #[arg(long)]
    reports: bool,
    /// Print Markdown, as docs/performance.md has it
    #[arg(long)]
    markdown: bool,
    /// Print JSON instead of tables
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
}

/// What a forwarded frame of 32 kbit/s measures on the wire, until a run has measured it.
const DATAGRAM_BYTES: usize = 119;
/// How long each way of the floor is measured, before and after a run each.
const FLOOR: Duration = Duration::from_millis(1500);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    if let (Some(count), Some(server)) = (arguments.devices, arguments.server) {
        return online::be_devices(server, count);
    }
    let all = !(arguments.budgets
        || arguments.growth
        || arguments.bundling
        || arguments.fanout
        || arguments.browser
        || arguments.parts);
    let mut bench = Bench { arguments, rows: Vec::new(), grids: Vec::new() };
    if !bench.arguments.json {
        bench.say(&accounting::machine())?;
    }
    if all || bench.arguments.budgets {
        bench.budgets()?;
    }
    if all || bench.arguments.growth {
        bench.growth()?;
    }
    if all || bench.arguments.bundling {
        bench.bundling()?;
        bench.bursts()?;
    }
    if all || bench.arguments.fanout {
        bench.fanout()?;
    }
    if all || bench.arguments.browser {
        bench.browser()?;
    }
    if all || bench.arguments.parts {
        bench.parts()?;
    }
    if bench.arguments.json {
        let found = serde_json::json!({ "figures": bench.rows, "growth": bench.grids });
        bench.say(&format!("{found:#}"))?;
    }
    Ok(())
}

struct Bench {
    arguments: Arguments,
    rows: Vec<Row>,
    grids: Vec<Grid>,
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

    /// Begins a table of rows.
    fn table(&self, title: &str) -> std::io::Result<()> {
        let Arguments { json, markdown, .. } = self.arguments;
        if json {
            return Ok(());
        }
        let title = if markdown { format!("\n### {title}\n") } else { format!("\n{title}") };
        self.say(&format!("{title}\n{}", heading(markdown)))
    }

    fn row(&mut self, row: Row) -> std::io::Result<()> {
        let Arguments { json, markdown, .. } = self.arguments;
        if !json {
            self.say(&if markdown { row.markdown() } else { row.to_string() })?;
        }
        self.rows.push(row);
        Ok(())
    }

    /// Begins a grid; `line` adds to the one begun last.
    fn grid(
        &mut self,
        title: &'static str,
        columns: &'static [&'static str],
    ) -> std::io::Result<()> {
        let grid = Grid::new(title, columns);
        if !self.arguments.json {
            self.say(&grid.heading(self.arguments.markdown))?;
        }
        self.grids.push(grid);
        Ok(())
    }

    fn line(&mut self, figures: &[f64]) -> std::io::Result<()> {
        let Arguments { json, markdown, .. } = self.arguments;
        let text = self.grids.last_mut().map(|grid| grid.line(figures, markdown));
        if json { Ok(()) } else { self.say(&text.unwrap_or_default()) }
    }

    fn server(&self, options: &[&str]) -> Result<Server, Box<dyn Error>> {
        Server::start(&self.arguments.program, options)
    }

    /// A fresh server with these options, and what the load generator finds there.
    fn load(&self, serve: &[&str], options: &Options) -> Result<Report, Box<dyn Error>> {
        let server = self.server(serve)?;
        let report = load::run(&Options {
            server: server.address,
            pid: Some(server.pid()),
            ..options.clone()
        })?;
        self.whole(&report)?;
        Ok(report)
    }

    /// The same, and the floor: measured before and after, because the machine's neighbours come and go.
    fn between_floors(
        &self,
        serve: &[&str],
        options: &Options,
    ) -> Result<(Floor, Report), Box<dyn Error>> {
        let floor = || floor::measure(options.listeners, options.per_port, DATAGRAM_BYTES, FLOOR);
        let before = floor()?;
        let report = self.load(serve, options)?;
        Ok((before.mean(floor()?), report))
    }

    fn whole(&self, report: &Report) -> std::io::Result<()> {
        if self.arguments.reports { self.say(&report.to_string()) } else { Ok(()) }
    }

    fn parts(&mut self) -> Result<(), Box<dyn Error>> {
        self.table("The parts alone")?;
        for part in micro::measure() {
            self.row(
                Row::new(format!("{} / {}", part.name, part.floor), part.ns, "ns")
                    .floor(part.floor_ns),
            )?;
        }
        Ok(())
    }
}
