//! People's lists of notices, and what they want to be told of.

use palco_protocol::{
    NoticeId, Person, UserId,
    http::{NoticePreferences, NoticeRoom, Notification, Unread},
};
use sqlx::{Row, any::AnyRow};
use uuid::Uuid;

use super::{
    Account, Cause, Store, StoreError, Stored, Telling, accounts::account_columns, count, json,
    people::VISIBLE, user_id, utc_ms,
};

/// Notices in a page.
const PAGE: i64 = 50;
/// So many unread ones are counted; it stands for more.
const COUNTED: i64 = 100;
/// Accounts whose old notices are forgotten in one transaction.
const SWEPT: i64 = 500;

/// What waits to be done, and since when.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Backlog {
    pub(crate) notices: u64,
    pub(crate) oldest_at_ms: Option<i64>,
    pub(crate) pushes: u64,
    pub(crate) webhooks: u64,
}

impl Store {
    /// A notice as people are told of it; `None` if whoever did it has no account any more.
    pub(crate) async fn notification(&self, telling: &Telling) -> Stored<Option<Notification>> {
        let Some(by) = self.account(telling.cause.by()).await? else { return Ok(None) };
        let title = match telling.cause.room() {
            Some(room) => {
                let row = sqlx::query("SELECT title FROM room WHERE id = $1")
                    .bind(room.to_string())
                    .fetch_optional(&self.read)
                    .await?;
                row.map(|row| row.try_get("title")).transpose()?
            }
            None => None,
        };
        let (id, at) = (telling.id, telling.created_at_ms);
        Ok(Some(notification(id, &telling.cause, by.person(), title, at, false)))
    }

    /// A page of somebody's notices before `before`, newest first; and whether there is more.
    pub(crate) async fn notifications(
        &self,
        person: UserId,
        before: Option<NoticeId>,
    ) -> Stored<(Vec<Notification>, bool)> {
        let statement = format!(
            concat!(
                "SELECT notice.id AS notice_id, cause, notice.created_at_ms AS noticed_at_ms, read_at_ms, \
                 room.title AS title, ",
                account_columns!(),
                " FROM notification JOIN notice ON notice.id = notice_id JOIN account ON account.id = by_id \
                 LEFT JOIN room ON room.id = room_id \
                 WHERE notification.account_id = $1 AND notice_id < $2 AND {} ORDER BY notice_id DESC LIMIT $3"
            ),
            VISIBLE
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(person.to_string())
            .bind(before.unwrap_or(NoticeId(Uuid::max())).to_string())
            .bind(PAGE + 1)
            .fetch_all(&self.read)
            .await?;
        let size = usize::try_from(PAGE).unwrap_or(usize::MAX);
        let read = |row: &AnyRow| {
            let cause: Cause = json(row, "cause")?;
            let by = Account::read(row)?.person();
            let seen = row.try_get::<Option<i64>, _>("read_at_ms")?.is_some();
            let at = row.try_get("noticed_at_ms")?;
            Ok(notification(
                notice_id(row, "notice_id")?,
                &cause,
                by,
                row.try_get("title")?,
                at,
                seen,
            ))
        };
        let page = rows.iter().take(size).map(read).collect::<Stored<_>>()?;
        Ok((page, rows.len() > size))
    }

    pub(crate) async fn unread(&self, person: UserId) -> Stored<Unread> {
        let statement = format!(
            "SELECT (SELECT COUNT(*) FROM (SELECT 1 AS one FROM notification \
             JOIN notice ON notice.id = notice_id JOIN account ON account.id = by_id \
             WHERE notification.account_id = $1 AND read_at_ms IS NULL AND {VISIBLE} LIMIT $2) AS waiting) AS unread, \
             (SELECT MAX(notice_id) FROM notification WHERE account_id = $1) AS newest",
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(person.to_string())
            .bind(COUNTED)
            .fetch_one(&self.read)
            .await?;
        let newest: Option<String> = row.try_get("newest")?;
        let broken = |_| StoreError::Broken("newest is no id".to_owned());
        Ok(Unread {
            unread: u32::try_from(count(&row, "unread")?).unwrap_or(u32::MAX),
            newest: newest.map(|text| text.parse().map_err(broken)).transpose()?,
        })
    }

    /// These are seen: one and all before it, and some by themselves.
    pub(crate) async fn mark_read(
        &self,
        person: UserId,
        up_to: Option<NoticeId>,
        ids: &[NoticeId],
    ) -> Stored<()> {
        let mut tx = self.begin().await?;
        let now = utc_ms();
        if let Some(last) = up_to {
            sqlx::query(
                "UPDATE notification SET read_at_ms = $2 \
                 WHERE account_id = $1 AND read_at_ms IS NULL AND notice_id <= $3",
            )
            .bind(person.to_string())
            .bind(now)
            .bind(last.to_string())
            .execute(&mut tx)
            .await?;
        }
        for id in ids {
            sqlx::query(
                "UPDATE notification SET read_at_ms = $2 \
                 WHERE account_id = $1 AND read_at_ms IS NULL AND notice_id = $3",
            )
            .bind(person.to_string())
            .bind(now)
            .bind(id.to_string())
            .execute(&mut tx)
            .await?;
        }
        Ok(tx.commit().await?)
    }

    pub(crate) async fn notice_preferences(&self, person: UserId) -> Stored<NoticePreferences> {
        let row = sqlx::query("SELECT preferences FROM notice_setting WHERE account_id = $1")
            .bind(person.to_string())
            .fetch_optional(&self.read)
            .await?;
        row.map_or_else(|| Ok(NoticePreferences::default()), |row| json(&row, "preferences"))
    }

    pub(crate) async fn set_notice_preferences(
        &self,
        person: UserId,
        preferences: &NoticePreferences,
    ) -> Stored<()> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO notice_setting (account_id, preferences) VALUES ($1, $2) \
             ON CONFLICT (account_id) DO UPDATE SET preferences = excluded.preferences",
        )
        .bind(person.to_string())
        .bind(serde_json::to_string(preferences)?)
        .execute(&mut tx)
        .await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn backlog(&self) -> Stored<Backlog> {
        let row = sqlx::query(
            "SELECT (SELECT COUNT(*) FROM notice WHERE stage < 2) AS notices, \
             (SELECT MIN(created_at_ms) FROM notice WHERE stage < 2) AS oldest, \
             (SELECT COUNT(*) FROM push_job) AS pushes, (SELECT COUNT(*) FROM webhook_job) AS webhooks",
        )
        .fetch_one(&self.read)
        .await?;
        Ok(Backlog {
            notices: count(&row, "notices")?,
            oldest_at_ms: row.try_get("oldest")?,
            pushes: count(&row, "pushes")?,
            webhooks: count(&row, "webhooks")?,
        })
    }

    /// Forgets what some accounts, those after one, were told before `oldest`. Returns where to go on; at the end the
    /// notices themselves are forgotten.
    pub(crate) async fn forget_notices(
        &self,
        oldest: NoticeId,
        after: UserId,
    ) -> Stored<Option<UserId>> {
        let row = sqlx::query(
            "SELECT MAX(id) AS last FROM (SELECT id FROM account WHERE id > $1 ORDER BY id LIMIT $2) AS batch",
        )
        .bind(after.to_string())
        .bind(SWEPT)
        .fetch_one(&self.read)
        .await?;
        let mut tx = self.begin().await?;
        let last = match row.try_get::<Option<String>, _>("last")? {
            Some(_) => Some(user_id(&row, "last")?),
            None => None,
        };
        match last {
            Some(last) => {
                sqlx::query(
                    "DELETE FROM notification WHERE account_id > $1 AND account_id <= $2 AND notice_id < $3",
                )
                .bind(after.to_string())
                .bind(last.to_string())
                .bind(oldest.to_string())
                .execute(&mut tx)
                .await?;
            }
            None => {
                sqlx::query("DELETE FROM notice WHERE id < $1 AND stage = 2")
                    .bind(oldest.to_string())
                    .execute(&mut tx)
                    .await?;
            }
        }
        tx.commit().await?;
        Ok(last)
    }
}

pub(super) fn notice_id(row: &AnyRow, column: &str) -> Stored<NoticeId> {
    let text: String = row.try_get(column)?;
    text.parse().map_err(|_| StoreError::Broken(format!("{column} is no id")))
}

/// A planned room's title is the cause's own: it is not on record before it is live. So is a person who is gone.
fn notification(
    id: NoticeId,
    cause: &Cause,
    by: Person,
    title: Option<String>,
    created_at_ms: i64,
    read: bool,
) -> Notification {
    let by = cause.gone().unwrap_or(by);
    let plan = cause.plan();
    let room = cause.room().map(|room| NoticeRoom {
        id: room,
        title: plan.map(|plan| plan.title.clone()).or(title).unwrap_or_default(),
        path: format!("/r/{room}"),
        starts_at_ms: plan.map(|plan| plan.starts_at_ms),
    });
    Notification { id, kind: cause.kind(), by, room, created_at_ms, read }
}
