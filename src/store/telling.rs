//! Telling people of what the outbox holds: whom, in batches, each once.

use palco_protocol::{
    NoticeId, RoomKind, UserId,
    http::{NoticePreferences, Wanted},
};
use sqlx::{Any, Row, any::AnyRow, query::Query};
use uuid::Uuid;

use super::{Cause, Store, StoreError, Stored, Tx, count, json, user_id};

/// A notice that is not told to everybody yet.
#[derive(Debug, Clone)]
pub(crate) struct Telling {
    pub(crate) id: NoticeId,
    pub(crate) cause: Cause,
    pub(crate) created_at_ms: i64,
    /// How far it was told: to everybody up to this one. `None` before it is begun.
    pub(crate) reached: Option<UserId>,
}

/// How far a notice is told once a batch is written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Progress {
    /// As before.
    Same,
    /// To everybody up to this one.
    To(UserId),
    /// To everybody.
    Done,
}

/// What is known of somebody who is to be told.
#[derive(Debug, Clone)]
pub(crate) struct Recipient {
    pub(crate) preferences: NoticePreferences,
    /// Of whoever did it, if they follow them.
    pub(crate) wanted: Option<Wanted>,
    /// Counted notices that might disturb, in the last hour.
    pub(crate) recent: u64,
}

/// How somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    Not,
    /// Kept, and nobody is disturbed.
    Quietly,
    Loudly,
    /// Loudly, and it does not count against the limit.
    Uncounted,
}

impl Store {
    /// The oldest notice that is not begun, else the oldest that is not told to everybody.
    pub(crate) async fn next_telling(&self) -> Stored<Option<Telling>> {
        let row = sqlx::query(
            "SELECT id, cause, created_at_ms, stage, reached FROM notice WHERE stage < 2 ORDER BY stage, id LIMIT 1",
        )
        .fetch_optional(&self.read)
        .await?;
        let Some(row) = row else { return Ok(None) };
        match telling(&row) {
            Err(StoreError::Broken(cause)) => {
                // One that cannot be read must not hold up the others.
                tracing::error!(cause, "a notice cannot be told: this is a bug");
                let mut tx = self.begin().await?;
                progress(&mut tx, row.try_get("id")?, Progress::Done).await?;
                tx.commit().await?;
                Ok(None)
            }
            told => told.map(Some),
        }
    }

    /// All that are begun and not told to everybody.
    async fn begun(&self) -> Stored<Vec<Telling>> {
        let rows = sqlx::query(
            "SELECT id, cause, created_at_ms, stage, reached FROM notice WHERE stage = 1 ORDER BY stage, id",
        )
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(telling).collect()
    }

    /// Those concerned whose id is after one and not after another, in the order of ids.
    pub(crate) async fn audience(
        &self,
        cause: &Cause,
        after: UserId,
        to: UserId,
        most: usize,
    ) -> Stored<Vec<UserId>> {
        let (statement, of, planned) = match cause {
            Cause::Live { host, room } => {
                let row = sqlx::query("SELECT kind FROM room WHERE id = $1")
                    .bind(room.to_string())
                    .fetch_optional(&self.read)
                    .await?;
                let kind: Option<String> = row.map(|row| row.try_get("kind")).transpose()?;
                match kind.as_deref() {
                    Some("open") => (FOLLOWERS, host.to_string(), Some(room)),
                    Some("social") => (FRIENDS, host.to_string(), Some(room)),
                    _ => return Ok(Vec::new()),
                }
            }
            Cause::Scheduled { host, access, plan } => match access {
                RoomKind::Open => (FOLLOWERS, host.to_string(), Some(&plan.id)),
                RoomKind::Social => (FRIENDS, host.to_string(), Some(&plan.id)),
                RoomKind::Closed => return Ok(Vec::new()),
            },
            Cause::Cancelled { plan, .. } | Cause::Late { plan, .. } => {
                (GOING, plan.id.to_string(), None)
            }
            Cause::Reminder { plan, .. } => (GOING_OR_HOSTING, plan.id.to_string(), None),
            Cause::Invited { user, .. }
            | Cause::InvitedToPlan { user, .. }
            | Cause::HostGone { user, .. }
            | Cause::Pinged { user, .. }
            | Cause::Followed { user, .. } => {
                return Ok((after < *user && *user <= to).then_some(*user).into_iter().collect());
            }
        };
        let query = sqlx::query(statement)
            .bind(of)
            .bind(after.to_string())
            .bind(to.to_string())
            .bind(i64::try_from(most).unwrap_or(i64::MAX));
        let query = match planned {
            Some(room) => query.bind(room.to_string()),
            None => query,
        };
        let rows = query.fetch_all(&self.read).await?;
        rows.iter().map(|row| user_id(row, "id")).collect()
    }

    /// Writes that these people are told, as far as each wants it, and how far the notice is told then. Returns those
    /// who were not told before, and whether it may disturb them. `push`: those with closed browsers are pushed to.
    pub(crate) async fn tell(
        &self,
        telling: &Telling,
        people: &[UserId],
        reach: impl Fn(&Recipient) -> Reach,
        progress_then: Progress,
        push: bool,
    ) -> Stored<Vec<(UserId, bool)>> {
        let reached = self.reach(telling, people, reach).await?;
        let mut tx = self.begin().await?;
        let mut told = Vec::with_capacity(reached.len());
        for (how, loud) in [(Reach::Quietly, 0), (Reach::Loudly, 1), (Reach::Uncounted, 2)] {
            let them: Vec<UserId> =
                reached.iter().filter(|it| it.1 == how).map(|it| it.0).collect();
            let new = insert(&mut tx, telling.id, &them, loud).await?;
            if push && loud > 0 {
                queue_pushes(&mut tx, telling.id, &new).await?;
            }
            told.extend(new.into_iter().map(|user| (user, loud > 0)));
        }
        progress(&mut tx, telling.id.to_string(), progress_then).await?;
        tx.commit().await?;
        Ok(told)
    }

    async fn reach(
        &self,
        telling: &Telling,
        people: &[UserId],
        reach: impl Fn(&Recipient) -> Reach,
    ) -> Stored<Vec<(UserId, Reach)>> {
        if people.is_empty() {
            return Ok(Vec::new());
        }
        // A reminder is for its own host, too; what hangs on the one it is for, for them.
        let own = matches!(telling.cause, Cause::Reminder { .. } | Cause::HostGone { .. });
        let statement = format!(
            "SELECT account.id, preferences, wanted, (SELECT COUNT(*) FROM notification \
             WHERE account_id = account.id AND notice_id > $2 AND loud = 1) AS recent FROM account \
             LEFT JOIN notice_setting ON notice_setting.account_id = account.id \
             LEFT JOIN follow ON follower_id = account.id AND followed_id = $1 \
             WHERE account.id IN ({}) AND suspended_at_ms IS NULL AND (account.id <> $1 OR $3 = 1) \
             AND NOT EXISTS (SELECT 1 FROM block WHERE (blocker_id = $1 AND blocked_id = account.id) \
             OR (blocker_id = account.id AND blocked_id = $1)) ORDER BY account.id",
            places(4, people.len())
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(telling.cause.by().to_string())
            .bind(an_hour_before(telling.id).to_string())
            .bind(i64::from(own))
            .persistent(false);
        let rows = bind_all(query, people).fetch_all(&self.read).await?;
        let recipient = |row: &AnyRow| {
            let preferences: Option<String> = row.try_get("preferences")?;
            let wanted: Option<String> = row.try_get("wanted")?;
            let recipient = Recipient {
                preferences: preferences
                    .map_or(Ok(NoticePreferences::default()), |text| serde_json::from_str(&text))?,
                wanted: wanted.map(|text| serde_json::from_str(&text)).transpose()?,
                recent: count(row, "recent")?,
            };
            Ok((user_id(row, "id")?, reach(&recipient)))
        };
        rows.iter().map(recipient).collect()
    }

    /// Tells somebody who has just come of what others are being told, so that they learn it in order.
    pub(crate) async fn catch_up(
        &self,
        user: UserId,
        reach: impl Fn(&Telling, &Recipient) -> Reach,
        push: bool,
    ) -> Stored<()> {
        let before = UserId(Uuid::from_u128(user.0.as_u128().saturating_sub(1)));
        for telling in self.begun().await? {
            let concerned = self.audience(&telling.cause, before, user, 1).await?;
            self.tell(&telling, &concerned, |it| reach(&telling, it), Progress::Same, push).await?;
        }
        Ok(())
    }
}

/// Not of those who host the planned room `$5`, or said yes to it: they are told of it by themselves.
macro_rules! others {
    () => {
        "NOT EXISTS (SELECT 1 FROM scheduled_person AS part WHERE part.account_id = follower_id \
         AND part.scheduled_id = $5 AND part.part <> 'invited')"
    };
}
/// Statements of an audience: `$1` whose, after `$2`, to `$3`, at most `$4`.
const FOLLOWERS: &str = concat!(
    "SELECT follower_id AS id FROM follow WHERE followed_id = $1 AND follower_id > $2 AND follower_id <= $3 AND ",
    others!(),
    " ORDER BY follower_id LIMIT $4"
);
/// Followers who are followed back.
const FRIENDS: &str = concat!(
    "SELECT follower_id AS id FROM follow WHERE followed_id = $1 AND follower_id > $2 AND follower_id <= $3 AND EXISTS \
     (SELECT 1 FROM follow AS back WHERE back.follower_id = $1 AND back.followed_id = follow.follower_id) AND ",
    others!(),
    " ORDER BY follower_id LIMIT $4"
);
const GOING: &str = "SELECT account_id AS id FROM scheduled_person \
     WHERE scheduled_id = $1 AND part = 'going' AND account_id > $2 AND account_id <= $3 \
     ORDER BY account_id LIMIT $4";
const GOING_OR_HOSTING: &str = "SELECT DISTINCT account_id AS id FROM scheduled_person \
     WHERE scheduled_id = $1 AND part <> 'invited' AND account_id > $2 AND account_id <= $3 \
     ORDER BY account_id LIMIT $4";

pub(super) fn telling(row: &AnyRow) -> Stored<Telling> {
    let id: String = row.try_get("id")?;
    let broken = |what: &str| StoreError::Broken(format!("{what} is no id"));
    let begun = row.try_get::<i64, _>("stage")? > 0;
    let reached: String = row.try_get("reached")?;
    let reached = match reached.as_str() {
        "" => UserId(Uuid::nil()),
        text => text.parse().map_err(|_| broken("reached"))?,
    };
    Ok(Telling {
        id: id.parse().map_err(|_| broken("id"))?,
        cause: json(row, "cause")?,
        created_at_ms: row.try_get("created_at_ms")?,
        reached: begun.then_some(reached),
    })
}

/// The first id of an hour before another.
fn an_hour_before(id: NoticeId) -> NoticeId {
    const HOUR_MS: u128 = 60 * 60 * 1_000;
    // A UUIDv7 begins with 48 bits of milliseconds (RFC 9562, section 5.7).
    let ms = (id.0.as_u128() >> 80).saturating_sub(HOUR_MS);
    NoticeId(Uuid::from_u128(ms << 80))
}

/// `$4, $5, $6`
fn places(first: usize, count: usize) -> String {
    let places = (first..first + count).map(|place| format!("${place}"));
    places.collect::<Vec<_>>().join(", ")
}

type AnyQuery<'q> = Query<'q, Any, sqlx::any::AnyArguments>;

fn bind_all<'q>(query: AnyQuery<'q>, people: &[UserId]) -> AnyQuery<'q> {
    people.iter().fold(query, |query, person| query.bind(person.to_string()))
}

/// Those to whom it is new.
async fn insert(
    tx: &mut Tx,
    notice: NoticeId,
    people: &[UserId],
    loud: i64,
) -> Stored<Vec<UserId>> {
    if people.is_empty() {
        return Ok(Vec::new());
    }
    let statement = format!(
        "INSERT INTO notification (account_id, notice_id, loud) SELECT id, $1, $2 FROM account WHERE id IN ({}) \
         ON CONFLICT DO NOTHING RETURNING account_id",
        places(3, people.len())
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(notice.to_string())
        .bind(loud)
        .persistent(false);
    let rows = bind_all(query, people).fetch_all(&mut *tx).await?;
    rows.iter().map(|row| user_id(row, "account_id")).collect()
}

async fn queue_pushes(tx: &mut Tx, notice: NoticeId, people: &[UserId]) -> Stored<()> {
    if people.is_empty() {
        return Ok(());
    }
    let statement = format!(
        "INSERT INTO push_job (subscription_id, notice_id, due_at_ms) \
         SELECT id, $1, $2 FROM push_subscription WHERE account_id IN ({}) ON CONFLICT DO NOTHING",
        places(3, people.len())
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(notice.to_string())
        .bind(super::utc_ms())
        .persistent(false);
    bind_all(query, people).execute(&mut *tx).await?;
    Ok(())
}

async fn progress(tx: &mut Tx, notice: String, then: Progress) -> Stored<()> {
    let (stage, reached) = match then {
        Progress::Same => return Ok(()),
        Progress::To(person) => (1, person.to_string()),
        Progress::Done => (2, String::new()),
    };
    sqlx::query("UPDATE notice SET stage = $2, reached = $3 WHERE id = $1")
        .bind(notice)
        .bind(stage)
        .bind(reached)
        .execute(&mut *tx)
        .await?;
    Ok(())
}
