//! The transactional outbox: what is to be made known is written in the same transaction as what caused it.

use palco_protocol::{RoomId, UserId};
use serde::{Deserialize, Serialize};
use sqlx::{Any, Transaction};
use uuid::Uuid;

use super::{Store, Stored, utc_ms};

/// Something that others are to know of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Cause {
    /// To the host's followers: a room is live.
    Live { host: UserId, room: RoomId },
    /// To one person: let into a closed room, or asked to come to an open one.
    Invited { user: UserId, by: UserId, room: RoomId },
    /// To one person: somebody on stage whom they follow calls them.
    Pinged { user: UserId, by: UserId, room: RoomId },
    /// To one person: a new follower.
    Followed { user: UserId, by: UserId },
}

/// Writes a cause into the transaction that causes it.
pub(crate) async fn put(tx: &mut Transaction<'_, Any>, cause: &Cause) -> Stored<()> {
    sqlx::query("INSERT INTO outbox (id, body, created_at_ms) VALUES ($1, $2, $3)")
        .bind(Uuid::now_v7().to_string())
        .bind(serde_json::to_string(cause)?)
        .bind(utc_ms())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

impl Store {
    /// Writes a cause that changes nothing else.
    pub(crate) async fn announce(&self, cause: &Cause) -> Stored<()> {
        let mut tx = self.begin().await?;
        put(&mut tx, cause).await?;
        Ok(tx.commit().await?)
    }
}
