//! What is sent to other servers, and tried again until it is taken: web pushes and webhooks.

use std::sync::atomic::Ordering;

use palco_protocol::{NoticeId, RoomId, UserId, http::PushSubscription};
use serde_json::{Value, json};
use sqlx::{Row, any::AnyRow};
use uuid::Uuid;

use super::{Store, Stored, Tx, notices::notice_id, telling::telling, utc_ms};
use crate::{secrets::hashed, store::Telling};

/// Browsers of one account.
const SUBSCRIPTIONS_MAX: i64 = 10;
/// Webhooks that may wait: a receiver that is away for an hour. Newer ones are dropped.
const WEBHOOKS_MAX: i64 = 10_000;

/// A web push to be sent.
pub(crate) struct PushJob {
    /// The subscription's id.
    pub(crate) subscription: String,
    pub(crate) to: PushSubscription,
    pub(crate) notice: NoticeId,
    pub(crate) attempts: i64,
}

/// A webhook to be sent.
pub(crate) struct WebhookJob {
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) attempts: i64,
}

impl Store {
    /// The same endpoint again replaces what was known of it, whosever it was: a browser has one user at a time.
    pub(crate) async fn subscribe(&self, person: UserId, to: &PushSubscription) -> Stored<()> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO push_subscription (id, account_id, endpoint, p256dh, auth, created_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO UPDATE SET account_id = excluded.account_id, \
             p256dh = excluded.p256dh, auth = excluded.auth, created_at_ms = excluded.created_at_ms",
        )
        .bind(hashed(&to.endpoint))
        .bind(person.to_string())
        .bind(&to.endpoint)
        .bind(&to.keys.p256dh)
        .bind(&to.keys.auth)
        .bind(utc_ms())
        .execute(&mut tx)
        .await?;
        sqlx::query(
            "DELETE FROM push_subscription WHERE account_id = $1 AND id NOT IN \
             (SELECT id FROM push_subscription WHERE account_id = $1 ORDER BY created_at_ms DESC, id LIMIT $2)",
        )
        .bind(person.to_string())
        .bind(SUBSCRIPTIONS_MAX)
        .execute(&mut tx)
        .await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn unsubscribe(&self, person: UserId, endpoint: &str) -> Stored<()> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM push_subscription WHERE id = $1 AND account_id = $2")
            .bind(hashed(endpoint))
            .bind(person.to_string())
            .execute(&mut tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Pushes whose time has come.
    pub(crate) async fn due_pushes(&self, now_ms: i64, most: i64) -> Stored<Vec<PushJob>> {
        let rows = sqlx::query(
            "SELECT subscription_id, endpoint, p256dh, auth, notice_id, attempts FROM push_job \
             JOIN push_subscription ON id = subscription_id WHERE due_at_ms <= $1 ORDER BY due_at_ms LIMIT $2",
        )
        .bind(now_ms)
        .bind(most)
        .fetch_all(&self.read)
        .await?;
        let job = |row: &AnyRow| {
            Ok(PushJob {
                subscription: row.try_get("subscription_id")?,
                to: PushSubscription {
                    endpoint: row.try_get("endpoint")?,
                    keys: palco_protocol::http::PushKeys {
                        p256dh: row.try_get("p256dh")?,
                        auth: row.try_get("auth")?,
                    },
                },
                notice: notice_id(row, "notice_id")?,
                attempts: row.try_get("attempts")?,
            })
        };
        rows.iter().map(job).collect()
    }

    /// The notice of a push, if it is still kept.
    pub(crate) async fn told(&self, notice: NoticeId) -> Stored<Option<Telling>> {
        let row = sqlx::query(
            "SELECT id, cause, created_at_ms, stage, reached FROM notice WHERE id = $1",
        )
        .bind(notice.to_string())
        .fetch_optional(&self.read)
        .await?;
        row.as_ref().map(telling).transpose()
    }

    /// Sent, or given up.
    pub(crate) async fn end_push(&self, job: &PushJob) -> Stored<()> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM push_job WHERE subscription_id = $1 AND notice_id = $2")
            .bind(&job.subscription)
            .bind(job.notice.to_string())
            .execute(&mut tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// The push service knows this subscription no more.
    pub(crate) async fn forget_subscription(&self, job: &PushJob) -> Stored<()> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM push_subscription WHERE id = $1")
            .bind(&job.subscription)
            .execute(&mut tx)
            .await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn push_later(&self, job: &PushJob, due_at_ms: i64) -> Stored<()> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "UPDATE push_job SET attempts = attempts + 1, due_at_ms = $3 \
             WHERE subscription_id = $1 AND notice_id = $2",
        )
        .bind(&job.subscription)
        .bind(job.notice.to_string())
        .bind(due_at_ms)
        .execute(&mut tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Webhooks whose time has come, oldest first.
    pub(crate) async fn due_webhooks(&self, now_ms: i64, most: i64) -> Stored<Vec<WebhookJob>> {
        let rows = sqlx::query(
            "SELECT id, body, attempts FROM webhook_job WHERE due_at_ms <= $1 ORDER BY due_at_ms, id LIMIT $2",
        )
        .bind(now_ms)
        .bind(most)
        .fetch_all(&self.read)
        .await?;
        let job = |row: &AnyRow| {
            Ok(WebhookJob {
                id: row.try_get("id")?,
                body: row.try_get("body")?,
                attempts: row.try_get("attempts")?,
            })
        };
        rows.iter().map(job).collect()
    }

    /// Taken, or given up.
    pub(crate) async fn end_webhook(&self, job: &WebhookJob) -> Stored<()> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM webhook_job WHERE id = $1").bind(&job.id).execute(&mut tx).await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn webhook_later(&self, job: &WebhookJob, due_at_ms: i64) -> Stored<()> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE webhook_job SET attempts = attempts + 1, due_at_ms = $2 WHERE id = $1")
            .bind(&job.id)
            .bind(due_at_ms)
            .execute(&mut tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// What is due later is due now.
    pub(crate) async fn hasten_jobs(&self, now_ms: i64) -> Stored<()> {
        let mut tx = self.begin().await?;
        for statement in [
            "UPDATE push_job SET due_at_ms = $1 WHERE due_at_ms > $1",
            "UPDATE webhook_job SET due_at_ms = $1 WHERE due_at_ms > $1",
        ] {
            sqlx::query(statement).bind(now_ms).execute(&mut tx).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Queues a webhook in the transaction of what it tells.
    pub(super) async fn put_webhook(
        &self,
        tx: &mut Tx,
        kind: &str,
        room: RoomId,
        data: &Value,
    ) -> Stored<()> {
        let (id, now) = (Uuid::now_v7().to_string(), utc_ms());
        let body = json!({ "id": id, "type": kind, "room": room, "at_ms": now, "data": data });
        let queued = sqlx::query(
            "INSERT INTO webhook_job (id, body, due_at_ms) SELECT $1, $2, $3 \
         WHERE (SELECT COUNT(*) FROM webhook_job) < $4",
        )
        .bind(id)
        .bind(body.to_string())
        .bind(now)
        .bind(WEBHOOKS_MAX)
        .execute(&mut *tx)
        .await?;
        if queued.rows_affected() == 0 {
            self.unsent.webhooks.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(kind, "a webhook is dropped: too many wait");
        }
        Ok(())
    }
}

/// The webhook of something that a room's history keeps, if it has one.
pub(super) fn webhook_type(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "joined" => "participant.joined",
        "left" => "participant.left",
        "stage_updated" | "stage_left" => "stage.changed",
        "room_ended" => "room.ended",
        _ => return None,
    })
}
