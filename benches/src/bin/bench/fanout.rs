//! Notices at scale: a host with very many followers goes live beside a room in which somebody speaks.

use std::error::Error;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use aws_lc_rs::digest;
use palco_benches::accounting::Usage;
use palco_benches::load::online::{self, Devices, Told, token};
use palco_benches::load::{self, Options, Report};
use palco_benches::server::Server;
use palco_benches::table::{Budget, Row};
use sqlx::{AnyConnection, Connection, Executor};

use super::postgres::Postgres;
use super::{Bench, options};

const FOLLOWERS: usize = 100_000;
const ONLINE: usize = 20_000;
/// Who listens to the room beside.
const AUDIENCE: usize = 100;
/// How long round trips are measured: longer than the host takes to go live so often.
const TRIPS: Duration = Duration::from_secs(6);
/// How often the host goes live: the figures are the last time's, when all is warm.
const TIMES: usize = 2;

/// A data directory that goes with the value.
struct Place(PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Bench {
    pub(super) fn fanout(&mut self) -> Result<(), Box<dyn Error>> {
        let name = format!("palco-bench-fanout-{}", std::process::id());
        let place = Place(std::env::temp_dir().join(name));
        std::fs::create_dir_all(&place.0)?;
        let postgres = self.arguments.postgres.then(Postgres::start);
        let (database, url) = match &postgres {
            Some(postgres) => ("PostgreSQL", postgres.database()),
            None => ("SQLite", format!("sqlite://{}", place.0.join("palco.db").display())),
        };
        let database_url = ["--database-url", &url];
        let database_options = if postgres.is_some() { &database_url[..] } else { &[] };
        let start = || Server::start_in(&self.arguments.program, &place.0, database_options);
        online::open_files()?;
        // Once, so that it makes its tables.
        drop(start()?);
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(people(&url))?;

        let server = start()?;
        let count = ONLINE.min(online::most(server.pid(), AUDIENCE)?);
        self.table(&format!("Notices: {FOLLOWERS} followers, {count} of them online, {database}"))?;
        let empty = Usage::of(server.pid())?;
        let mut devices = Command::new(std::env::current_exe()?);
        devices.args(["--server", &server.address.to_string(), "--devices", &count.to_string()]);
        let mut devices = Devices::come(devices)?;
        let idle = Usage::of(server.pid())?;
        let memory = idle.resident_kib.saturating_sub(empty.resident_kib) as f64 / count as f64;
        self.row(Row::new("memory of a device that is online", memory, "KiB"))?;

        let room = Options { server: server.address, seconds: 10, ..options(AUDIENCE) };
        let alone = load::run(&room)?;
        let trips = || {
            online::round_trips(server.address, token(0), TRIPS).map_err(|error| error.to_string())
        };
        let undisturbed = trips()?;
        let beside = std::thread::scope(|scope| -> Result<_, Box<dyn Error>> {
            let room = scope.spawn(|| load::run(&room).map_err(|error| error.to_string()));
            // The room is entered and warm after some four seconds; it is measured for ten.
            std::thread::sleep(Duration::from_secs(6));
            let trips = scope.spawn(trips);
            let before = Usage::of(server.pid())?;
            let mut told = devices.go_live()?;
            for _ in 1..TIMES {
                told = devices.go_live()?;
            }
            let spent = Usage::of(server.pid())?.since(&before);
            let trips = trips.join().map_err(|_| "the probe panicked")??;
            let room = room.join().map_err(|_| "the load generator panicked")??;
            Ok((told, spent.us_each((TIMES * FOLLOWERS) as u64), room, trips))
        });
        let (told, us_each, beside, disturbed) = beside?;
        self.told(&told)?;
        self.row(Row::new("  server CPU per follower, the room beside included", us_each, "µs"))?;
        let grown = Usage::of(server.pid())?.resident_kib.saturating_sub(idle.resident_kib);
        self.row(Row::new("  server memory it grew by", grown as f64 / 1024.0, "MiB"))?;
        self.room("the room alone", &alone)?;
        self.room("the room meanwhile", &beside)?;
        for (when, trips) in [("alone", undisturbed), ("meanwhile", disturbed)] {
            let ms = |share| trips.quantile(share).as_secs_f64() * 1_000.0;
            self.row(Row::new(format!("a request and its answer, {when}: p50"), ms(0.5), "ms"))?;
            self.row(Row::new("  p99", ms(0.99), "ms"))?;
        }
        Ok(())
    }

    fn told(&mut self, told: &Told) -> Result<(), Box<dyn Error>> {
        let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
        let missed = (told.missed + told.twice) as f64;
        let row = Row::new("host goes live: devices not told, or twice", missed, "");
        self.row(row.budget(Budget::AtMost(0.0)))?;
        self.row(Row::new("  to a device, p50", ms(told.p50), "ms"))?;
        let row = Row::new("  to a device, p99", ms(told.p99), "ms");
        self.row(row.budget(Budget::AtMost(1_000.0)))?;
        self.row(Row::new("  to the last device", ms(told.last), "ms")).map_err(Into::into)
    }

    fn room(&mut self, what: &str, report: &Report) -> Result<(), Box<dyn Error>> {
        let Some(audio) = &report.audio else { return Ok(()) };
        let loss = audio.loss_percent.unwrap_or(f64::NAN);
        self.row(Row::new(format!("{what}: loss"), loss, "%"))?;
        self.row(Row::new("  added latency p99", audio.latency_ms.p99, "ms"))?;
        self.row(Row::new("  added latency p99.9", audio.latency_ms.p999, "ms"))?;
        Ok(())
    }
}

/// The host, its followers, and sessions of those who will be online. Their ids are scattered, as are those of people
/// who came over the years.
async fn people(url: &str) -> Result<(), Box<dyn Error>> {
    sqlx::any::install_default_drivers();
    let mut database = AnyConnection::connect(url).await?;
    let mut tx = database.begin().await?;
    // An odd factor modulo a power of two: no id twice.
    let id = |number: usize| {
        let scattered = number as u64 * 2_654_435_761 % (1 << 48);
        format!("019a0000-0000-7000-8000-{scattered:012x}")
    };
    let account = |number| format!("('{}', 'p{number}', 'P', 'p', '', 0)", id(number));
    let follow = |number| format!("('{}', '{}', 0)", id(number), id(0));
    let session = |number| {
        let hash = digest::digest(&digest::SHA256, token(number).as_bytes());
        let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("('{hash}', '{}', 0, 9000000000000)", id(number))
    };
    let accounts = (0..=FOLLOWERS).map(account);
    insert(&mut tx, "account (id, handle, name, name_folded, password, created_at_ms)", accounts)
        .await?;
    let follows = (1..=FOLLOWERS).map(follow);
    insert(&mut tx, "follow (follower_id, followed_id, created_at_ms)", follows).await?;
    let sessions = (0..=ONLINE).map(session);
    insert(&mut tx, "session (secret, account_id, created_at_ms, expires_at_ms)", sessions).await?;
    tx.commit().await?;
    if url.starts_with("postgres") {
        // Which it does by itself in time.
        database.execute("ANALYZE").await?;
    }
    Ok(database.close().await?)
}

async fn insert(
    database: &mut AnyConnection,
    into: &str,
    rows: impl Iterator<Item = String>,
) -> Result<(), sqlx::Error> {
    let rows: Vec<String> = rows.collect();
    for some in rows.chunks(1_000) {
        let statement = format!("INSERT INTO {into} VALUES {}", some.join(", "));
        database.execute(sqlx::query(sqlx::AssertSqlSafe(statement))).await?;
    }
    Ok(())
}
