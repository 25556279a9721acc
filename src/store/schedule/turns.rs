//! What a plan's time brings: reminders, and the word that a room starts late. Each once for each planned time, whatever
//! the clock does and however often the server starts.

use palco_protocol::{RoomId, UserId};
use sqlx::Row;

use super::{Cause, Store, Stored, lock, outbox};
use crate::store::{room_id, user_id};

/// How long ahead people are reminded.
pub(crate) const REMIND_MS: i64 = 15 * 60 * 1_000;
/// A room that was not started for so long after its time is late.
pub(crate) const LATE_MS: i64 = 5 * 60 * 1_000;
/// After this, a room that starts late is no news.
const STALE_MS: i64 = 60 * 60 * 1_000;

/// A planned room that was not started yet, and of which times people were told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) id: RoomId,
    pub(crate) host: UserId,
    pub(crate) title: String,
    pub(crate) starts_at_ms: i64,
    pub(crate) reminded_for_ms: Option<i64>,
    pub(crate) late_for_ms: Option<i64>,
}

/// What people are to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Reminder,
    Late,
}

impl Pending {
    /// What is due now, if anything.
    pub(crate) fn due(&self, now_ms: i64) -> Option<Turn> {
        let until_ms = self.starts_at_ms - now_ms;
        let told = |of: Option<i64>| of == Some(self.starts_at_ms);
        if (1..=REMIND_MS).contains(&until_ms) && !told(self.reminded_for_ms) {
            Some(Turn::Reminder)
        } else if (-STALE_MS..=-LATE_MS).contains(&until_ms) && !told(self.late_for_ms) {
            Some(Turn::Late)
        } else {
            None
        }
    }
}

impl Store {
    /// Puts what is due into the outbox. Answers how much that was.
    pub(crate) async fn take_turns(&self, now_ms: i64) -> Stored<usize> {
        let mut told = 0;
        for plan in self.pending(now_ms).await? {
            if let Some(turn) = plan.due(now_ms) {
                told += usize::from(self.take_turn(&plan, turn).await?);
            }
        }
        Ok(told)
    }

    /// Those whose time is near, or was not long ago.
    async fn pending(&self, now_ms: i64) -> Stored<Vec<Pending>> {
        let rows = sqlx::query(
            "SELECT scheduled.id AS id, host_id, title, starts_at_ms, reminded_for_ms, late_for_ms FROM scheduled \
             JOIN account ON account.id = host_id WHERE starts_at_ms BETWEEN $1 AND $2 AND cancelled_at_ms IS NULL \
             AND suspended_at_ms IS NULL AND NOT EXISTS (SELECT 1 FROM room WHERE room.id = scheduled.id) \
             ORDER BY starts_at_ms, scheduled.id",
        )
        .bind(now_ms - STALE_MS)
        .bind(now_ms + REMIND_MS)
        .fetch_all(&self.read)
        .await?;
        let pending = rows.iter().map(|row| {
            Ok(Pending {
                id: room_id(row, "id")?,
                host: user_id(row, "host_id")?,
                title: row.try_get("title")?,
                starts_at_ms: row.try_get("starts_at_ms")?,
                reminded_for_ms: row.try_get("reminded_for_ms")?,
                late_for_ms: row.try_get("late_for_ms")?,
            })
        });
        pending.collect()
    }

    /// False if somebody else did it, or the plan changed meanwhile.
    async fn take_turn(&self, plan: &Pending, turn: Turn) -> Stored<bool> {
        let by = plan.host;
        let told = outbox::Plan {
            id: plan.id,
            title: plan.title.clone(),
            starts_at_ms: plan.starts_at_ms,
        };
        let (column, cause) = match turn {
            Turn::Reminder => ("reminded_for_ms", Cause::Reminder { by, plan: told, live: false }),
            Turn::Late => ("late_for_ms", Cause::Late { by, plan: told, moved: None }),
        };
        let mut tx = self.begin().await?;
        lock(&mut tx, plan.id).await?;
        let statement = format!(
            "UPDATE scheduled SET {column} = $2 WHERE id = $1 AND starts_at_ms = $2 AND cancelled_at_ms IS NULL \
             AND ({column} IS NULL OR {column} <> $2) AND NOT EXISTS (SELECT 1 FROM room WHERE room.id = $1)"
        );
        let taken = sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(plan.id.to_string())
            .bind(plan.starts_at_ms)
            .execute(&mut tx)
            .await?;
        if taken.rows_affected() == 0 {
            return Ok(false);
        }
        outbox::put(&mut tx, &cause).await?;
        tx.commit().await?;
        Ok(true)
    }
}
