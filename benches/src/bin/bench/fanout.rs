//! Notices at scale: a host with very many followers goes live beside a room in which somebody speaks.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest;
use palco_benches::accounting::Usage;
use palco_benches::load::online::{self, Online, Told};
use palco_benches::load::{self, Options, Report};
use palco_benches::server::Server;
use palco_benches::table::{Budget, Row};
use sqlx::{Connection, Executor, SqliteConnection};

use super::{Bench, options};

const FOLLOWERS: usize = 100_000;
const ONLINE: usize = 20_000;
/// Who listens to the room beside.
const AUDIENCE: usize = 200;
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
        let count = ONLINE.min(online::most()?);
        self.table(&format!("Notices: {FOLLOWERS} followers, {count} of them online"))?;
        let name = format!("palco-bench-fanout-{}", std::process::id());
        let place = Place(std::env::temp_dir().join(name));
        std::fs::create_dir_all(&place.0)?;
        // Once, so that it makes its tables.
        drop(Server::start_in(&self.arguments.program, &place.0, &[])?);
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(people(&place.0))?;

        let server = Server::start_in(&self.arguments.program, &place.0, &[])?;
        let empty = Usage::of(server.pid())?;
        let tokens = (1..=count).map(token).collect();
        let mut online = Online::come(server.address, tokens)?;
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
            let mut told = online.go_live(&token(0))?;
            for _ in 1..TIMES {
                told = online.go_live(&token(0))?;
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
        self.row(Row::new("  to a device, p50", ms(told.after.quantile(0.5)), "ms"))?;
        let row = Row::new("  to a device, p99", ms(told.after.quantile(0.99)), "ms");
        self.row(row.budget(Budget::AtMost(1_000.0)))?;
        self.row(Row::new("  to the last device", ms(told.after.longest()), "ms"))
            .map_err(Into::into)
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

/// Of somebody's session. The host is 0.
fn token(number: usize) -> String {
    format!("palco_s_{number:064x}")
}

/// The host, its followers, and sessions of those who will be online. Their ids are scattered, as are those of people
/// who came over the years.
async fn people(data: &Path) -> Result<(), Box<dyn Error>> {
    let path = format!("sqlite://{}", data.join("palco.db").display());
    let mut database = SqliteConnection::connect(&path).await?;
    let mut tx = database.begin().await?;
    // An odd factor modulo a power of two: no id twice.
    tx.execute(sqlx::query(sqlx::AssertSqlSafe(format!(
        "WITH RECURSIVE number (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < {FOLLOWERS}) \
         INSERT INTO account (id, handle, name, name_folded, password, created_at_ms) \
         SELECT printf('019a0000-0000-7000-8000-%012x', (n * 2654435761) % 281474976710656), 'p' || n, 'P', 'p', '', 0 \
         FROM number"
    ))))
    .await?;
    tx.execute(
        "INSERT INTO follow (follower_id, followed_id, created_at_ms) \
         SELECT id, (SELECT id FROM account WHERE handle = 'p0'), 0 FROM account WHERE handle <> 'p0'",
    )
    .await?;
    for number in 0..=ONLINE {
        let hash = digest::digest(&digest::SHA256, token(number).as_bytes());
        let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        sqlx::query(
            "INSERT INTO session (secret, account_id, created_at_ms, expires_at_ms) \
             SELECT $1, id, 0, 9000000000000 FROM account WHERE handle = $2",
        )
        .bind(hash)
        .bind(format!("p{number}"))
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await?;
    Ok(database.close().await?)
}
