//! What operators keep: API keys of other products. And answers given, for requests that come twice.

use palco_protocol::{RoomId, UserId, http::ApiKey};
use sqlx::{Row, any::AnyRow};

use super::{Store, Stored, Tx, utc_ms};

/// How long an answer is kept for the same request.
const ANSWERS_KEPT_MS: i64 = 24 * 60 * 60 * 1_000;

/// In the place of an answer's status.
const MADE: i64 = 0;

/// A request that was done, and what it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Done {
    /// The keyed hash of what was asked.
    pub(crate) request: String,
    pub(crate) status: i64,
    /// Sealed; of what was made and not answered yet, its id.
    pub(crate) body: String,
}

/// A creation whose request may come again.
#[derive(Debug, Clone)]
pub(crate) struct Once {
    pub(crate) caller: UserId,
    pub(crate) key: String,
    /// The keyed hash of what was asked.
    pub(crate) request: String,
}

impl Once {
    /// Notes what was made, in the transaction that makes it: the answer is kept by another, which may never come.
    pub(super) async fn made(&self, tx: &mut Tx, what: RoomId) -> Stored<()> {
        let done = Done { request: self.request.clone(), status: MADE, body: what.to_string() };
        keep(tx, self.caller, &self.key, &done).await
    }
}

impl Done {
    /// What was made, of a request that was not answered.
    pub(crate) fn made(&self) -> Option<RoomId> {
        (self.status == MADE).then(|| self.body.parse().ok())?
    }
}

impl Store {
    pub(crate) async fn create_api_key(&self, id: &str, name: &str) -> Stored<ApiKey> {
        let created_at_ms = utc_ms();
        let mut tx = self.begin().await?;
        sqlx::query("INSERT INTO api_key (id, name, created_at_ms) VALUES ($1, $2, $3)")
            .bind(id)
            .bind(name)
            .bind(created_at_ms)
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(ApiKey { id: id.to_owned(), name: name.to_owned(), created_at_ms })
    }

    pub(crate) async fn api_key(&self, id: &str) -> Stored<Option<ApiKey>> {
        let row = sqlx::query("SELECT id, name, created_at_ms FROM api_key WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.read)
            .await?;
        row.as_ref().map(api_key).transpose()
    }

    pub(crate) async fn api_keys(&self) -> Stored<Vec<ApiKey>> {
        let rows =
            sqlx::query("SELECT id, name, created_at_ms FROM api_key ORDER BY created_at_ms, id")
                .fetch_all(&self.read)
                .await?;
        rows.iter().map(api_key).collect()
    }

    /// False if there is no such key.
    pub(crate) async fn delete_api_key(&self, id: &str) -> Stored<bool> {
        let mut tx = self.begin().await?;
        let done =
            sqlx::query("DELETE FROM api_key WHERE id = $1").bind(id).execute(&mut tx).await?;
        tx.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    /// What somebody's request with this key was answered within the last day.
    pub(crate) async fn done_before(&self, caller: UserId, key: &str) -> Stored<Option<Done>> {
        let row = sqlx::query(
            "SELECT request, status, body FROM idempotency \
             WHERE caller_id = $1 AND key = $2 AND created_at_ms > $3",
        )
        .bind(caller.to_string())
        .bind(key)
        .bind(utc_ms() - ANSWERS_KEPT_MS)
        .fetch_optional(&self.read)
        .await?;
        row.map(|row| {
            Ok(Done {
                request: row.try_get("request")?,
                status: row.try_get("status")?,
                body: row.try_get("body")?,
            })
        })
        .transpose()
    }

    /// Keeps an answer; those older than a day go.
    pub(crate) async fn remember_done(&self, caller: UserId, key: &str, done: &Done) -> Stored<()> {
        let mut tx = self.begin().await?;
        keep(&mut tx, caller, key, done).await?;
        Ok(tx.commit().await?)
    }
}

async fn keep(tx: &mut Tx, caller: UserId, key: &str, done: &Done) -> Stored<()> {
    sqlx::query("DELETE FROM idempotency WHERE created_at_ms <= $1")
        .bind(utc_ms() - ANSWERS_KEPT_MS)
        .execute(&mut *tx)
        .await?;
    sqlx::query(
        "INSERT INTO idempotency (caller_id, key, request, status, body, created_at_ms) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (caller_id, key) DO UPDATE SET status = $4, body = $5",
    )
    .bind(caller.to_string())
    .bind(key)
    .bind(&done.request)
    .bind(done.status)
    .bind(&done.body)
    .bind(utc_ms())
    .execute(&mut *tx)
    .await?;
    Ok(())
}

fn api_key(row: &AnyRow) -> Stored<ApiKey> {
    Ok(ApiKey {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        created_at_ms: row.try_get("created_at_ms")?,
    })
}
