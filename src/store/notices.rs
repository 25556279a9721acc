//! Notices: who is told of a cause, what each wants to hear, and everybody's list.

use palco_protocol::{
    NoticeId, RoomId, RoomKind, UserId,
    http::{NoticePreferences, NoticeRoom, Notification, Unread, Wanted},
};
use sqlx::{QueryBuilder, Row, any::AnyRow};
use uuid::Uuid;

use super::{
    Account, Cause, Store, StoreError, Stored, accounts::account_columns, count, user_id, utc_ms,
};

/// Notices of a page of a list.
const PAGE: i64 = 50;
/// A count of unread notices that is shown as "more".
const UNREAD_MAX: i64 = 100;
/// How long a notice is kept.
const KEPT_MS: i64 = 30 * 24 * 3_600_000;

/// A notice that not everybody was told of yet.
pub(crate) struct Pending {
    pub(crate) id: NoticeId,
    pub(crate) cause: Cause,
    pub(crate) created_at_ms: i64,
    /// Everybody up to this account was told.
    pub(crate) reached: String,
}

/// Somebody to be told.
pub(crate) struct Recipient {
    pub(crate) user: UserId,
    pub(crate) wanted: Wanted,
    pub(crate) preferences: NoticePreferences,
    /// Notices that were meant to disturb them in the last hour.
    pub(crate) loud: u64,
}

/// Who a cause concerns, as the source of a statement over `$1`.
fn concerned(cause: &Cause, kind: Option<RoomKind>) -> Option<(&'static str, UserId)> {
    const FOLLOWERS: &str =
        "SELECT follower_id AS id, wanted FROM follow WHERE followed_id = $1 AND follower_id > $2";
    const MUTUAL: &str = "SELECT follower_id AS id, wanted FROM follow WHERE followed_id = $1 AND follower_id > $2 \
         AND EXISTS (SELECT 1 FROM follow AS back WHERE back.follower_id = $1 \
         AND back.followed_id = follow.follower_id)";
    const GOING: &str = "SELECT DISTINCT account_id AS id, '\"all\"' AS wanted FROM scheduled_person \
         WHERE scheduled_id = $1 AND account_id > $2 AND part IN ('going', 'host', 'co_host')";
    const ONE: &str = "SELECT id, '\"all\"' AS wanted FROM account WHERE id = $1 AND id > $2";
    Some(match cause {
        Cause::Live { host, .. } | Cause::Scheduled { host, .. } => match kind? {
            RoomKind::Open => (FOLLOWERS, *host),
            RoomKind::Social => (MUTUAL, *host),
            RoomKind::Closed => return None,
        },
        Cause::Cancelled { plan, .. } | Cause::Late { plan, .. } | Cause::Reminder { plan, .. } => {
            (GOING, UserId(plan.id.0))
        }
        Cause::Invited { user, .. }
        | Cause::InvitedToPlan { user, .. }
        | Cause::Pinged { user, .. }
        | Cause::Followed { user, .. } => (ONE, *user),
    })
}

/// The least id of a notice that happened after `utc_ms` (RFC 9562, section 5.7: the time comes first).
fn id_after(utc_ms: i64) -> String {
    let millis = u64::try_from(utc_ms).unwrap_or(0);
    let bytes = u128::from(millis) << 80;
    Uuid::from_u128(bytes).to_string()
}

impl Store {
    /// The oldest notice that waits.
    pub(crate) async fn pending_notice(&self) -> Stored<Option<Pending>> {
        let row = sqlx::query(
            "SELECT id, cause, created_at_ms, reached FROM notice WHERE stage < 2 ORDER BY id LIMIT 1",
        )
        .fetch_optional(&self.read)
        .await?;
        row.map(|row| {
            Ok(Pending {
                id: notice_id(&row, "id")?,
                cause: super::json(&row, "cause")?,
                created_at_ms: row.try_get("created_at_ms")?,
                reached: row.try_get("reached")?,
            })
        })
        .transpose()
    }

    /// How many notices wait to be told.
    pub(crate) async fn notices_waiting(&self) -> Stored<u64> {
        let row = sqlx::query("SELECT COUNT(*) AS waiting FROM notice WHERE stage < 2")
            .fetch_one(&self.read)
            .await?;
        count(&row, "waiting")
    }

    /// The next people to be told, by id; fewer than `size` are the last.
    pub(crate) async fn recipients(&self, notice: &Pending, size: usize) -> Stored<Vec<Recipient>> {
        let kind = self.kind_of(&notice.cause).await?;
        let Some((source, subject)) = concerned(&notice.cause, kind) else { return Ok(Vec::new()) };
        let statement = format!(
            "SELECT page.id, page.wanted, preferences, (SELECT COUNT(*) FROM notification \
             WHERE account_id = page.id AND notice_id >= $4 AND loud = 1) AS loud FROM ({source} \
             AND NOT EXISTS (SELECT 1 FROM block WHERE (blocker_id = $5 AND blocked_id = {id}) \
             OR (blocker_id = {id} AND blocked_id = $5)) ORDER BY id LIMIT $3) AS page \
             LEFT JOIN notice_setting ON notice_setting.account_id = page.id ORDER BY page.id",
            id = id_column(source),
        );
        // Put together from the literals above.
        let rows = sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(subject.to_string())
            .bind(&notice.reached)
            .bind(i64::try_from(size).unwrap_or(i64::MAX))
            .bind(id_after(utc_ms() - 3_600_000))
            .bind(notice.cause.by().to_string())
            .fetch_all(&self.read)
            .await?;
        rows.iter().map(recipient).collect()
    }

    /// Writes that these were told, some of them loudly, and how far the notice has reached. Telling one twice is
    /// written once.
    pub(crate) async fn notified(
        &self,
        notice: NoticeId,
        told: &[(UserId, bool)],
        reached: UserId,
    ) -> Stored<()> {
        let mut tx = self.begin().await?;
        if !told.is_empty() {
            let mut statement =
                QueryBuilder::new("INSERT INTO notification (account_id, notice_id, loud) ");
            statement.push_values(told, |mut row, (user, loud)| {
                row.push_bind(user.to_string())
                    .push_bind(notice.to_string())
                    .push_bind(i64::from(*loud));
            });
            statement.push(" ON CONFLICT DO NOTHING");
            statement.build().execute(&mut *tx).await?;
        }
        sqlx::query("UPDATE notice SET stage = 1, reached = $2 WHERE id = $1")
            .bind(notice.to_string())
            .bind(reached.to_string())
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Everybody was told.
    pub(crate) async fn notice_done(&self, notice: NoticeId) -> Stored<()> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE notice SET stage = 2 WHERE id = $1")
            .bind(notice.to_string())
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Old notices are forgotten, a bounded number at a time: nobody waits long for the writer.
    pub(crate) async fn forget_old_notices(&self) -> Stored<()> {
        let before = id_after(utc_ms() - KEPT_MS);
        let mut tx = self.begin().await?;
        for statement in [
            "DELETE FROM notification WHERE (account_id, notice_id) IN \
             (SELECT account_id, notice_id FROM notification WHERE notice_id < $1 LIMIT 10000)",
            "DELETE FROM notice WHERE id < $1",
        ] {
            sqlx::query(statement).bind(&before).execute(&mut *tx).await?;
        }
        Ok(tx.commit().await?)
    }

    /// A notice as people are shown it; `None` if whoever did it is gone.
    pub(crate) async fn notification(
        &self,
        id: NoticeId,
        cause: &Cause,
        created_at_ms: i64,
    ) -> Stored<Option<Notification>> {
        let Some(by) = self.account(cause.by()).await? else { return Ok(None) };
        Ok(Some(Notification {
            id,
            kind: cause.kind(),
            by: by.person(),
            room: self.room_of(cause).await?,
            created_at_ms,
            read: false,
        }))
    }

    /// A page of somebody's list, newest first, before `before`; and whether there is more.
    pub(crate) async fn notifications(
        &self,
        user: UserId,
        before: Option<NoticeId>,
    ) -> Stored<(Vec<Notification>, bool)> {
        let rows = sqlx::query(concat!(
            "SELECT notice_id, cause, notice.created_at_ms AS happened_at_ms, read_at_ms, ",
            account_columns!(),
            " FROM notification JOIN notice ON notice.id = notice_id JOIN account ON account.id = by_id \
             WHERE account_id = $1 AND notice_id < $2 ORDER BY notice_id DESC LIMIT $3"
        ))
        .bind(user.to_string())
        // Greater than every id.
        .bind(before.map_or_else(|| "g".to_owned(), |id| id.to_string()))
        .bind(PAGE + 1)
        .fetch_all(&self.read)
        .await?;
        let size = usize::try_from(PAGE).unwrap_or(usize::MAX);
        let mut page = Vec::with_capacity(rows.len().min(size));
        for row in rows.iter().take(size) {
            let cause: Cause = super::json(row, "cause")?;
            page.push(Notification {
                id: notice_id(row, "notice_id")?,
                kind: cause.kind(),
                by: Account::read(row)?.person(),
                room: self.room_of(&cause).await?,
                created_at_ms: row.try_get("happened_at_ms")?,
                read: row.try_get::<Option<i64>, _>("read_at_ms")?.is_some(),
            });
        }
        Ok((page, rows.len() > size))
    }

    pub(crate) async fn unread(&self, user: UserId) -> Stored<Unread> {
        let row = sqlx::query(
            "SELECT (SELECT COUNT(*) FROM (SELECT 1 AS one FROM notification WHERE account_id = $1 \
             AND read_at_ms IS NULL LIMIT $2) AS counted) AS unread, \
             (SELECT MAX(notice_id) FROM notification WHERE account_id = $1) AS newest",
        )
        .bind(user.to_string())
        .bind(UNREAD_MAX)
        .fetch_one(&self.read)
        .await?;
        let newest: Option<String> = row.try_get("newest")?;
        Ok(Unread {
            unread: u32::try_from(count(&row, "unread")?).unwrap_or(u32::MAX),
            newest: newest.map(|id| parsed(&id)).transpose()?,
        })
    }

    /// Up to and with one, or all.
    pub(crate) async fn read_notices_up_to(
        &self,
        user: UserId,
        up_to: Option<NoticeId>,
    ) -> Stored<()> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "UPDATE notification SET read_at_ms = $3 \
             WHERE account_id = $1 AND notice_id <= $2 AND read_at_ms IS NULL",
        )
        .bind(user.to_string())
        .bind(up_to.map_or_else(|| "g".to_owned(), |id| id.to_string()))
        .bind(utc_ms())
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn read_notices(&self, user: UserId, ids: &[NoticeId]) -> Stored<()> {
        let mut tx = self.begin().await?;
        for id in ids {
            sqlx::query(
                "UPDATE notification SET read_at_ms = $3 \
                 WHERE account_id = $1 AND notice_id = $2 AND read_at_ms IS NULL",
            )
            .bind(user.to_string())
            .bind(id.to_string())
            .bind(utc_ms())
            .execute(&mut *tx)
            .await?;
        }
        Ok(tx.commit().await?)
    }

    pub(crate) async fn notice_preferences(&self, user: UserId) -> Stored<NoticePreferences> {
        let row = sqlx::query("SELECT preferences FROM notice_setting WHERE account_id = $1")
            .bind(user.to_string())
            .fetch_optional(&self.read)
            .await?;
        row.map_or_else(|| Ok(NoticePreferences::default()), |row| super::json(&row, "preferences"))
    }

    pub(crate) async fn set_notice_preferences(
        &self,
        user: UserId,
        preferences: &NoticePreferences,
    ) -> Stored<()> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO notice_setting (account_id, preferences) VALUES ($1, $2) \
             ON CONFLICT (account_id) DO UPDATE SET preferences = excluded.preferences",
        )
        .bind(user.to_string())
        .bind(serde_json::to_string(preferences)?)
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Of the room that a cause makes known to followers.
    async fn kind_of(&self, cause: &Cause) -> Stored<Option<RoomKind>> {
        match cause {
            Cause::Scheduled { access, .. } => Ok(Some(*access)),
            Cause::Live { room, .. } => {
                let row = sqlx::query("SELECT kind FROM room WHERE id = $1")
                    .bind(room.to_string())
                    .fetch_optional(&self.read)
                    .await?;
                let kind = |row: AnyRow| -> Stored<RoomKind> {
                    let name: String = row.try_get("kind")?;
                    Ok(serde_json::from_value(name.into())?)
                };
                row.map(kind).transpose()
            }
            _ => Ok(None),
        }
    }

    async fn room_of(&self, cause: &Cause) -> Stored<Option<NoticeRoom>> {
        let shown = |id: RoomId, title: String, starts_at_ms: Option<i64>| NoticeRoom {
            id,
            title,
            path: format!("/r/{id}"),
            starts_at_ms,
        };
        Ok(match cause {
            Cause::Followed { .. } => None,
            Cause::Live { room, .. } | Cause::Invited { room, .. } | Cause::Pinged { room, .. } => {
                let row = sqlx::query("SELECT title FROM room WHERE id = $1")
                    .bind(room.to_string())
                    .fetch_optional(&self.read)
                    .await?;
                let title = row.map(|row| row.try_get("title")).transpose()?;
                Some(shown(*room, title.unwrap_or_default(), None))
            }
            Cause::Scheduled { plan, .. }
            | Cause::Cancelled { plan, .. }
            | Cause::Late { plan, .. }
            | Cause::Reminder { plan, .. }
            | Cause::InvitedToPlan { plan, .. } => {
                Some(shown(plan.id, plan.title.clone(), Some(plan.starts_at_ms)))
            }
        })
    }
}

/// What a source of recipients calls them inside.
fn id_column(source: &str) -> &'static str {
    if source.contains("follower_id") {
        "follow.follower_id"
    } else if source.contains("scheduled_person") {
        "account_id"
    } else {
        "account.id"
    }
}

fn recipient(row: &AnyRow) -> Stored<Recipient> {
    let preferences: Option<String> = row.try_get("preferences")?;
    let preferences = preferences.map(|text| serde_json::from_str(&text)).transpose()?;
    Ok(Recipient {
        user: user_id(row, "id")?,
        wanted: super::json(row, "wanted")?,
        preferences: preferences.unwrap_or_default(),
        loud: count(row, "loud")?,
    })
}

fn notice_id(row: &AnyRow, column: &str) -> Stored<NoticeId> {
    let text: String = row.try_get(column)?;
    parsed(&text)
}

fn parsed(text: &str) -> Stored<NoticeId> {
    text.parse().map_err(|_| StoreError::Broken("a notice's id is none".to_owned()))
}
