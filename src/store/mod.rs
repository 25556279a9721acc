//! The database: people, rooms, schedules, notices. SQLite in the data directory, or PostgreSQL.
//!
//! One set of SQL for both, over sqlx's `Any` driver: TEXT and BIGINT columns, `$1` parameters, ids and times as
//! text and integers. SQLite has one writer at a time: all writing goes through a pool of one connection, in
//! transactions that take the write lock at once, so that none fails half-way for want of it. Readers have a pool of
//! their own and, in WAL mode, wait for nobody.
//!
//! Live rooms do not need the database. It being away costs a request a clear error, `storage_unavailable`; so does its
//! hanging, after a while ([`deadline`]).

mod accounts;
mod deadline;
mod export;
mod jobs;
mod notices;
mod operators;
mod outbox;
mod people;
mod rooms;
mod schedule;
mod sessions;
mod telling;

#[cfg(test)]
mod tests;

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use palco_protocol::{ErrorCode, RoomId, UserId, http::TakenField};
use sqlx::{
    AssertSqlSafe, Executor, Row,
    any::{AnyPoolOptions, AnyRow},
    migrate::Migrator,
};
use tokio::sync::Notify;

pub(crate) use accounts::{Account, NewAccount, ProfileChange};
use deadline::{Pool, Tx};
pub(crate) use jobs::{PushJob, WebhookJob};
pub(crate) use notices::Backlog;
pub(crate) use operators::{Done, Once};
pub(crate) use outbox::Cause;
pub(crate) use people::PeopleList;
pub(crate) use rooms::{HistoryRow, NewRoom};
pub(crate) use telling::{Progress, Reach, Recipient, Telling};

static MIGRATIONS: Migrator = sqlx::migrate!("src/store/migrations");

/// What a database is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Examined {
    /// Not there yet.
    Missing,
    /// As this version wants it.
    Current,
    /// So many migrations are to be run.
    Behind(usize),
    /// A newer version has changed it.
    Ahead,
}
pub(crate) use schedule::{Narrowed, Plan, PlanList, Planned};

/// How long a request waits for SQLite's write lock before it is told so: another writer is rarely as slow.
const PATIENCE: Duration = Duration::from_secs(5);
/// The same for a connection to PostgreSQL. One that is away is asked again and again for so long.
const POSTGRES_PATIENCE: Duration = Duration::from_secs(2);
/// How long a check of health waits.
const CHECK: Duration = Duration::from_secs(2);
/// More readers than cores would only take turns.
const READERS: u32 = 4;
/// Connections to PostgreSQL.
const POSTGRES_CONNECTIONS: u32 = 16;

/// What every SQLite connection is told: write-ahead log, wait for a lock, keep what was promised even when the
/// machine loses power (`synchronous = FULL`), check references.
const SQLITE_PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 5000; \
    PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;";

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// Somebody else has it already.
    #[error("taken already: {0:?}")]
    Taken(TakenField),
    /// The database is away, locked or full.
    #[error("the database is unavailable: {0}")]
    Unavailable(sqlx::Error),
    /// The rules say no.
    #[error("refused: {}", .0.as_str())]
    Refused(ErrorCode),
    /// A bug: a statement or a row that cannot be.
    #[error("the database does not hold what it should: {0}")]
    Broken(String),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(cause) if cause.is_unique_violation() => {
                // PostgreSQL names the constraint, SQLite the column in its message; neither the value.
                match cause.constraint().unwrap_or_else(|| cause.message()) {
                    name if name.contains("handle") => Self::Taken(TakenField::Handle),
                    name if name.contains("email") => Self::Taken(TakenField::Email),
                    name => Self::Broken(format!("there are two of {name}")),
                }
            }
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::TypeNotFound { .. }
            | sqlx::Error::AnyDriverError(_) => Self::Broken(error.to_string()),
            error => Self::Unavailable(error),
        }
    }
}

impl From<ErrorCode> for StoreError {
    fn from(code: ErrorCode) -> Self {
        Self::Refused(code)
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<StoreError> for ErrorCode {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken(_) => Self::Taken,
            StoreError::Refused(code) => code,
            StoreError::Unavailable(cause) => {
                tracing::warn!(%cause, "the database is unavailable");
                Self::StorageUnavailable
            }
            StoreError::Broken(cause) => {
                tracing::error!(cause, "the database does not hold what it should: this is a bug");
                Self::Internal
            }
        }
    }
}

pub(crate) type Stored<T> = Result<T, StoreError>;

/// The database behind one server. Clones share its connections.
#[derive(Clone)]
pub(crate) struct Store {
    read: Pool,
    write: Pool,
    /// What happens in rooms is queued for a webhook.
    webhooks: bool,
    /// Something may be waiting in the outbox.
    rung: Arc<Notify>,
    /// What was not sent, and never will be.
    unsent: Arc<Unsent>,
    /// The statement that begins a writing transaction.
    begin: &'static str,
}

/// What other servers were to be told and were not, since the start.
#[derive(Debug, Default)]
pub(crate) struct Unsent {
    /// Given up, or refused by the push service.
    pub(crate) pushes: AtomicU64,
    /// Given up, or too many waited.
    pub(crate) webhooks: AtomicU64,
}

impl Store {
    /// Opens the database that `url` names, or the one in the data directory, and brings its tables up to date. Each
    /// question to it then has this patience.
    pub(crate) async fn open(url: Option<&str>, data: &Path, patience: Duration) -> Stored<Self> {
        let place = Place::of(url, data)?;
        // Without deadlines: a migration takes as long as there are rows.
        let alone = place.options().max_connections(1).connect(&place.url).await?;
        let migrated = MIGRATIONS.run(&alone).await;
        migrated.map_err(|error| StoreError::Unavailable(error.into()))?;
        alone.close().await;
        Self::connect(&place, patience).await
    }

    /// Looks at a database without creating or changing anything.
    pub(crate) async fn examine(
        url: Option<&str>,
        data: &Path,
        patience: Duration,
    ) -> Stored<Examined> {
        if url.is_none() && !data.join("palco.db").exists() {
            return Ok(Examined::Missing);
        }
        let store = Self::connect(&Place::of(url, data)?, patience).await?;
        let applied = sqlx::query("SELECT version FROM _sqlx_migrations").fetch_all(&store.read);
        let applied = match applied.await {
            Ok(rows) => rows.iter().map(|row| row.try_get("version")).collect::<Result<_, _>>()?,
            // A database that nobody has used yet.
            Err(sqlx::Error::Database(_)) => Vec::<i64>::new(),
            Err(error) => return Err(error.into()),
        };
        let ours: Vec<i64> = MIGRATIONS.iter().map(|migration| migration.version).collect();
        let missing = ours.iter().filter(|version| !applied.contains(version)).count();
        let examined = if applied.iter().any(|version| !ours.contains(version)) {
            Examined::Ahead
        } else if missing > 0 {
            Examined::Behind(missing)
        } else {
            let mut tx = store.begin().await?;
            sqlx::query("UPDATE account SET id = id WHERE id = ''").execute(&mut tx).await?;
            tx.rollback().await?;
            Examined::Current
        };
        store.close().await;
        Ok(examined)
    }

    async fn connect(place: &Place, patience: Duration) -> Stored<Self> {
        let (read, write, begin) = if place.postgres {
            let limits = format!(
                "SET statement_timeout = {0}; SET idle_in_transaction_session_timeout = {0}",
                patience.as_millis()
            );
            let options = place.options().max_connections(POSTGRES_CONNECTIONS);
            let options = options.after_connect(move |connection, _| {
                let limits = AssertSqlSafe(limits.clone());
                Box::pin(async move { connection.execute(limits).await.map(drop) })
            });
            let pool = Pool::open(options, &place.url, patience).await?;
            (pool.clone(), pool, "BEGIN")
        } else {
            // The writer first: it creates the file and sets its journal mode.
            let one = place.options().max_connections(1);
            let write = Pool::open(one, &place.url, patience).await?;
            let some = place.options().max_connections(READERS);
            (Pool::open(some, &place.url, patience).await?, write, "BEGIN IMMEDIATE")
        };
        Ok(Self {
            read,
            write,
            webhooks: false,
            rung: Arc::default(),
            unsent: Arc::default(),
            begin,
        })
    }

    /// A transaction that may write.
    async fn begin(&self) -> Stored<Tx> {
        Ok(self.write.begin(self.begin).await?)
    }

    /// The same, queueing webhooks or not.
    pub(crate) fn with_webhooks(self, webhooks: bool) -> Self {
        Self { webhooks, ..self }
    }

    /// What was not sent, for those who gave it up and those who count.
    pub(crate) fn unsent(&self) -> &Unsent {
        &self.unsent
    }

    /// A cause was committed.
    pub(crate) fn ring(&self) {
        self.rung.notify_one();
    }

    /// Waits for the next ring.
    pub(crate) async fn rung(&self) {
        self.rung.notified().await;
    }

    /// Whether the database answers, and soon: who asks does not wait as long as who wants something of it.
    pub(crate) async fn check(&self) -> Stored<()> {
        let answer = sqlx::query("SELECT 1").execute(&self.read);
        let answer = tokio::time::timeout(CHECK, answer).await;
        answer.map_err(|_| StoreError::Unavailable(sqlx::Error::PoolTimedOut))??;
        Ok(())
    }

    /// Waits for what is under way and closes the files.
    pub(crate) async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

/// Where a database is.
struct Place {
    url: String,
    postgres: bool,
}

impl Place {
    fn of(url: Option<&str>, data: &Path) -> Stored<Self> {
        sqlx::any::install_default_drivers();
        if let Some(url) = url {
            return Ok(Self { url: url.to_owned(), postgres: true });
        }
        let path = std::path::absolute(data.join("palco.db"))
            .map_err(|error| StoreError::Unavailable(error.into()))?;
        let path = path.to_str().ok_or_else(|| {
            StoreError::Broken("the data directory's path is not UTF-8".to_owned())
        })?;
        let url = format!("sqlite://{}?mode=rwc", path.replace('%', "%25").replace('?', "%3F"));
        Ok(Self { url, postgres: false })
    }

    fn options(&self) -> AnyPoolOptions {
        if self.postgres {
            return AnyPoolOptions::new().acquire_timeout(POSTGRES_PATIENCE);
        }
        AnyPoolOptions::new().acquire_timeout(PATIENCE).after_connect(|connection, _| {
            Box::pin(async move { connection.execute(SQLITE_PRAGMAS).await.map(drop) })
        })
    }
}

/// Now, in the store's unit.
pub(crate) fn utc_ms() -> i64 {
    let since_epoch = std::time::SystemTime::now()
        .duration_since(std::time::SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

/// A column that holds a user's id.
fn user_id(row: &AnyRow, column: &str) -> Stored<UserId> {
    let text: String = row.try_get(column)?;
    text.parse().map_err(|_| StoreError::Broken(format!("{column} is no id")))
}

/// A column that holds a room's id.
fn room_id(row: &AnyRow, column: &str) -> Stored<RoomId> {
    let text: String = row.try_get(column)?;
    text.parse().map_err(|_| StoreError::Broken(format!("{column} is no id")))
}

/// A column that holds JSON.
fn json<T: serde::de::DeserializeOwned>(row: &AnyRow, column: &str) -> Stored<T> {
    let text: String = row.try_get(column)?;
    Ok(serde_json::from_str(&text)?)
}

/// A count, which is never negative.
fn count(row: &AnyRow, column: &str) -> Stored<u64> {
    let number: i64 = row.try_get(column)?;
    Ok(u64::try_from(number).unwrap_or(0))
}

/// Text to search for, as a pattern of LIKE that begins with it; its own wildcards are escaped with `\`.
fn prefix_pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 1);
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}
