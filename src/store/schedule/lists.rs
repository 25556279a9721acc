//! Planned rooms as somebody sees them.

use std::collections::HashMap;

use palco_protocol::{
    RoomId, RoomKind, UserId,
    http::{Scheduled, ScheduledState},
};
use sqlx::{Row, any::AnyRow};

use super::{CUT_SHORT, OVERDUE_MS};
use crate::store::{
    Account, Store, StoreError, Stored, accounts::account_columns, count, json, people::VISIBLE,
    room_id,
};

/// Plans of a page.
const PAGE: i64 = 20;
/// Plans that the hallway chooses from: those of followed hosts, then the soonest.
const CANDIDATES: i64 = 100;

/// Whose planned rooms to list.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PlanList {
    All,
    HostedBy(UserId),
    GoingOf(UserId),
}

/// What a search asks for; empty is anything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Narrowed {
    /// In lower case.
    pub(crate) text: String,
    pub(crate) topic: String,
    pub(crate) language: String,
}

/// A planned room, with what calendars want to know.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) shown: Scheduled,
    pub(crate) sequence: i64,
    pub(crate) changed_at_ms: i64,
}

/// `$1` is the viewer, `$2` the time after which a room may still be started.
const SELECT: &str = "SELECT scheduled.id AS id, scheduled.title AS title, scheduled.description AS description, \
    scheduled.topics AS topics, scheduled.language AS language, scheduled.kind AS kind, starts_at_ms, \
    max_duration_ms, capacity, registration, sequence, changed_at_ms, cancelled_at_ms, room.id AS started, \
    room.ended_at_ms AS ended_at_ms, \
    (SELECT COUNT(*) FROM scheduled_person WHERE scheduled_id = scheduled.id AND part = 'going') AS going, \
    (SELECT COUNT(*) FROM scheduled_person WHERE scheduled_id = scheduled.id AND part = 'going' \
     AND account_id = $1) AS you_go, \
    (SELECT COUNT(*) FROM scheduled_person WHERE scheduled_id = scheduled.id AND part IN ('host', 'co_host') \
     AND account_id = $1) AS you_host, ";

/// Whether it is over; rooms that were cut short are not, until their time is over.
fn over() -> String {
    format!(
        "CASE WHEN room.ended_at_ms IS NOT NULL AND room.end_reason NOT IN {CUT_SHORT} THEN 1 \
         WHEN starts_at_ms <= $2 AND (room.id IS NULL OR room.ended_at_ms IS NOT NULL) THEN 1 ELSE 0 END"
    )
}

const FROM: &str = " FROM scheduled JOIN account ON account.id = host_id LEFT JOIN room ON room.id = scheduled.id ";

/// Who may see it: its hosts and invited people, for open ones everybody, for social ones those whom the host follows.
const MAY_SEE: &str = "(scheduled.kind = 'open' OR EXISTS (SELECT 1 FROM scheduled_person AS own \
     WHERE own.scheduled_id = scheduled.id AND own.account_id = $1 AND own.part <> 'going') \
     OR (scheduled.kind = 'social' AND EXISTS \
      (SELECT 1 FROM follow WHERE follower_id = host_id AND followed_id = $1)))";

impl Store {
    /// One that `viewer` may see, with its invited people if they host it.
    pub(crate) async fn plan(
        &self,
        viewer: UserId,
        id: RoomId,
        now_ms: i64,
    ) -> Stored<Option<Planned>> {
        let statement = format!(
            "{SELECT}{} AS is_over {FROM} WHERE scheduled.id = $3 AND {VISIBLE} AND {MAY_SEE}",
            over()
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(viewer.to_string())
            .bind(now_ms - OVERDUE_MS)
            .bind(id.to_string())
            .fetch_optional(&self.read)
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(self.with_people(&[row], true).await?.pop())
    }

    /// A page of those to come and live that `viewer` may see, soonest first, after a time and id; and whether there is
    /// more.
    pub(crate) async fn plans(
        &self,
        viewer: UserId,
        list: PlanList,
        after: (i64, String),
        now_ms: i64,
    ) -> Stored<(Vec<Planned>, bool)> {
        let (whose, of) = match list {
            PlanList::All => ("$5 = $5", viewer),
            PlanList::HostedBy(of) => (
                "EXISTS (SELECT 1 FROM scheduled_person AS theirs WHERE theirs.scheduled_id = scheduled.id \
                 AND theirs.part IN ('host', 'co_host') AND theirs.account_id = $5)",
                of,
            ),
            PlanList::GoingOf(of) => (
                "EXISTS (SELECT 1 FROM scheduled_person AS theirs WHERE theirs.scheduled_id = scheduled.id \
                 AND theirs.part = 'going' AND theirs.account_id = $5)",
                of,
            ),
        };
        let over = over();
        let statement = format!(
            "{SELECT}{over} AS is_over {FROM} WHERE cancelled_at_ms IS NULL AND {over} = 0 AND {whose} \
             AND (starts_at_ms > $3 OR (starts_at_ms = $3 AND scheduled.id > $4)) AND {VISIBLE} AND {MAY_SEE} \
             ORDER BY starts_at_ms, scheduled.id LIMIT $6"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(viewer.to_string())
            .bind(now_ms - OVERDUE_MS)
            .bind(after.0)
            .bind(after.1)
            .bind(of.to_string())
            .bind(PAGE + 1)
            .fetch_all(&self.read)
            .await?;
        let size = usize::try_from(PAGE).unwrap_or(usize::MAX);
        let shown = &rows[..rows.len().min(size)];
        Ok((self.with_people(shown, false).await?, rows.len() > size))
    }

    /// What the hallway chooses from: rooms to come that `viewer` may see, those of hosts they follow first.
    pub(crate) async fn upcoming(
        &self,
        viewer: UserId,
        narrowed: &Narrowed,
        now_ms: i64,
    ) -> Stored<Vec<Planned>> {
        let over = over();
        let statement = format!(
            "{SELECT}{over} AS is_over {FROM} WHERE cancelled_at_ms IS NULL AND {over} = 0 \
             AND (room.id IS NULL OR room.ended_at_ms IS NOT NULL) AND {VISIBLE} AND {MAY_SEE} \
             AND (folded LIKE $3 ESCAPE '\\' OR account.handle LIKE $3 ESCAPE '\\' \
              OR account.name_folded LIKE $3 ESCAPE '\\') \
             AND ($4 = '' OR scheduled.topics LIKE $4 ESCAPE '\\') \
             AND ($5 = '' OR scheduled.language = $5 OR scheduled.language LIKE $6 ESCAPE '\\') \
             ORDER BY (SELECT COUNT(*) FROM follow WHERE follower_id = $1 AND followed_id = host_id) DESC, \
             starts_at_ms, scheduled.id LIMIT $7"
        );
        let quoted = serde_json::to_string(&narrowed.topic)?;
        let topic = if narrowed.topic.is_empty() { String::new() } else { containing(&quoted) };
        let rows = sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(viewer.to_string())
            .bind(now_ms - OVERDUE_MS)
            .bind(containing(&narrowed.text))
            .bind(topic)
            .bind(narrowed.language.clone())
            .bind(crate::store::prefix_pattern(&format!("{}-", narrowed.language)))
            .bind(CANDIDATES)
            .fetch_all(&self.read)
            .await?;
        self.with_people(&rows, false).await
    }

    /// Reads plans, with their hosts; and whom they invite, for those whom `viewer` hosts.
    async fn with_people(&self, rows: &[AnyRow], invited: bool) -> Stored<Vec<Planned>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let places: Vec<_> = (1..=rows.len()).map(|place| format!("${place}")).collect();
        let parts = if invited { "'host', 'co_host', 'invited'" } else { "'host', 'co_host'" };
        let statement = format!(
            concat!(
                "SELECT scheduled_id, part, ",
                account_columns!(),
                " FROM scheduled_person JOIN account ON account.id = account_id \
                 WHERE part IN ({}) AND scheduled_id IN ({}) ORDER BY account.id"
            ),
            parts,
            places.join(", ")
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(statement));
        for row in rows {
            query = query.bind(row.try_get::<String, _>("id")?);
        }
        let mut people: HashMap<String, Vec<(String, Account)>> = HashMap::new();
        for row in query.fetch_all(&self.read).await? {
            let part = (row.try_get("part")?, Account::read(&row)?);
            people.entry(row.try_get("scheduled_id")?).or_default().push(part);
        }
        let planned = rows.iter().map(|row| {
            let id: String = row.try_get("id")?;
            read(row, people.remove(&id).unwrap_or_default())
        });
        planned.collect()
    }
}

fn containing(text: &str) -> String {
    format!("%{}", crate::store::prefix_pattern(text))
}

fn read(row: &AnyRow, people: Vec<(String, Account)>) -> Stored<Planned> {
    let number = |column: &str| row.try_get::<Option<i64>, _>(column);
    let you_host = count(row, "you_host")? > 0;
    let (mut host, mut co_hosts, mut invited) = (None, Vec::new(), Vec::new());
    for (part, account) in people {
        match part.as_str() {
            "host" => host = Some(account.person()),
            "co_host" => co_hosts.push(account.person()),
            _ if you_host => invited.push(account.person()),
            _ => {}
        }
    }
    let live =
        row.try_get::<Option<String>, _>("started")?.is_some() && number("ended_at_ms")?.is_none();
    let state = if number("cancelled_at_ms")?.is_some() {
        ScheduledState::Cancelled
    } else if live {
        ScheduledState::Live
    } else if count(row, "is_over")? > 0 {
        ScheduledState::Ended
    } else {
        ScheduledState::Planned
    };
    let id = room_id(row, "id")?;
    Ok(Planned {
        shown: Scheduled {
            path: format!("/r/{id}"),
            id,
            title: row.try_get("title")?,
            description: row.try_get("description")?,
            topics: json(row, "topics")?,
            language: row.try_get("language")?,
            starts_at_ms: row.try_get("starts_at_ms")?,
            kind: kind_of(row)?,
            host: host.ok_or_else(|| StoreError::Broken("a plan without its host".to_owned()))?,
            co_hosts,
            invited,
            capacity: number("capacity")?.and_then(|capacity| u32::try_from(capacity).ok()),
            max_duration_ms: number("max_duration_ms")?.and_then(|ms| u64::try_from(ms).ok()),
            registration_required: count(row, "registration")? > 0,
            going: u32::try_from(count(row, "going")?).unwrap_or(u32::MAX),
            you_go: count(row, "you_go")? > 0,
            you_host,
            state,
        },
        sequence: row.try_get("sequence")?,
        changed_at_ms: row.try_get("changed_at_ms")?,
    })
}

fn kind_of(row: &AnyRow) -> Stored<RoomKind> {
    let name: String = row.try_get("kind")?;
    Ok(serde_json::from_value(name.into())?)
}
