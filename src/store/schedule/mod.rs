//! Rooms planned ahead: planning, changing, calling off, starting; and saying yes to them.
//!
//! What people are told of is written in the same transaction.

mod lists;
mod turns;

use palco_protocol::{ErrorCode, RoomId, RoomKind, UserId, limits};
use sqlx::Row;

use super::{
    Cause, NewRoom, Once, Store, StoreError, Stored, Tx, count, outbox,
    people::between_blocks,
    rooms::{insert_room, kind_name},
    utc_ms,
};

pub(crate) use lists::{Narrowed, PlanList, Planned};

/// For so long after its time a planned room may still be started.
const OVERDUE_MS: i64 = 12 * 60 * 60 * 1_000;

/// Ends after which a planned room may be started again: nobody was there to lead it, or the server went away.
const CUT_SHORT: &str = "('empty', 'shutdown')";

/// A planned room, as its host wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) topics: Vec<String>,
    pub(crate) language: Option<String>,
    pub(crate) starts_at_ms: i64,
    pub(crate) kind: RoomKind,
    pub(crate) co_hosts: Vec<UserId>,
    pub(crate) invited: Vec<UserId>,
    pub(crate) capacity: Option<u32>,
    pub(crate) max_duration_ms: Option<u64>,
    pub(crate) registration: bool,
}

impl Plan {
    /// As people are told of it.
    fn told(&self, id: RoomId) -> outbox::Plan {
        outbox::Plan { id, title: self.title.clone(), starts_at_ms: self.starts_at_ms }
    }

    fn folded(&self) -> String {
        [self.title.as_str(), &self.description, &self.topics.join("\n")].join("\n").to_lowercase()
    }
}

impl Store {
    /// `too_many` when the host has as many to come as one may; `not_found`, `blocked` for a co-host who cannot be.
    pub(crate) async fn create_plan(
        &self,
        id: RoomId,
        host: UserId,
        plan: &Plan,
        once: Option<&Once>,
    ) -> Stored<()> {
        let mut tx = self.begin().await?;
        let row = sqlx::query(
            "SELECT COUNT(*) AS planned FROM scheduled WHERE host_id = $1 AND cancelled_at_ms IS NULL \
             AND starts_at_ms > $2",
        )
        .bind(host.to_string())
        .bind(utc_ms())
        .fetch_one(&mut tx)
        .await?;
        if count(&row, "planned")? >= limits::SCHEDULED_MAX as u64 {
            return Err(ErrorCode::TooMany.into());
        }
        // What may change follows by the statement that changes it later, which makes this number 0.
        sqlx::query(
            "INSERT INTO scheduled (id, host_id, title, description, topics, folded, kind, starts_at_ms, registration, \
             changed_at_ms, sequence) VALUES ($1, $2, '', '', '[]', '', 'open', $3, 0, 0, -1)",
        )
        .bind(id.to_string())
        .bind(host.to_string())
        .bind(plan.starts_at_ms)
        .execute(&mut tx)
        .await?;
        add_part(&mut tx, id, host, "host").await?;
        write_plan(&mut tx, id, plan).await?;
        write_people(&mut tx, id, host, plan).await?;
        let cause = Cause::Scheduled { host, plan: plan.told(id), access: plan.kind };
        outbox::put(&mut tx, &cause).await?;
        if let Some(once) = once {
            once.made(&mut tx, id).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Another plan for the same room. Who said yes is told of another time; who may no longer see it no longer goes.
    /// `already_started` once it is live or over, or was called off meanwhile.
    pub(crate) async fn change_plan(&self, id: RoomId, host: UserId, plan: &Plan) -> Stored<()> {
        let mut tx = self.begin().await?;
        let before = lock_planned(&mut tx, id).await?;
        write_plan(&mut tx, id, plan).await?;
        write_people(&mut tx, id, host, plan).await?;
        drop_unwelcome(&mut tx, id, plan.kind).await?;
        if before != plan.starts_at_ms {
            let row = sqlx::query("SELECT sequence FROM scheduled WHERE id = $1")
                .bind(id.to_string())
                .fetch_one(&mut tx)
                .await?;
            let moved = Some(row.try_get("sequence")?);
            outbox::put(&mut tx, &Cause::Late { by: host, plan: plan.told(id), moved }).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Calls it off, and tells who said yes. `already_started` as in `change_plan`.
    pub(crate) async fn cancel_plan(&self, id: RoomId, host: UserId, title: &str) -> Stored<()> {
        let mut tx = self.begin().await?;
        let starts_at_ms = lock_planned(&mut tx, id).await?;
        sqlx::query(
            "UPDATE scheduled SET cancelled_at_ms = $2, changed_at_ms = $2, sequence = sequence + 1 WHERE id = $1",
        )
        .bind(id.to_string())
        .bind(utc_ms())
        .execute(&mut tx)
        .await?;
        let plan = outbox::Plan { id, title: title.to_owned(), starts_at_ms };
        outbox::put(&mut tx, &Cause::Cancelled { by: host, plan }).await?;
        Ok(tx.commit().await?)
    }

    /// Somebody who may see it says yes; saying it twice is no more. `room_full` when `capacity` people did already,
    /// `cancelled` when it was called off meanwhile.
    pub(crate) async fn say_yes(&self, id: RoomId, person: UserId) -> Stored<()> {
        let mut tx = self.begin().await?;
        lock(&mut tx, id).await?;
        if !add_part(&mut tx, id, person, "going").await? {
            return Ok(());
        }
        let row = sqlx::query(
            "SELECT capacity, cancelled_at_ms, (SELECT COUNT(*) FROM scheduled_person \
             WHERE scheduled_id = $1 AND part = 'going') AS going FROM scheduled WHERE id = $1",
        )
        .bind(id.to_string())
        .fetch_one(&mut tx)
        .await?;
        if row.try_get::<Option<i64>, _>("cancelled_at_ms")?.is_some() {
            return Err(ErrorCode::Cancelled.into());
        }
        let capacity: Option<i64> = row.try_get("capacity")?;
        let going: i64 = row.try_get("going")?;
        if capacity.is_some_and(|capacity| going > capacity) {
            return Err(ErrorCode::RoomFull.into());
        }
        // At the door of a room that is live already.
        let_in(&mut tx, id, "going").await?;
        Ok(tx.commit().await?)
    }

    /// No longer. Whoever is in the room already stays.
    pub(crate) async fn say_no(&self, id: RoomId, person: UserId) -> Stored<()> {
        let mut tx = self.begin().await?;
        remove_part(&mut tx, id, person, "going").await?;
        sqlx::query(
            "DELETE FROM room_guest WHERE room_id = $1 AND account_id = $2 \
             AND EXISTS (SELECT 1 FROM scheduled WHERE id = $1 AND registration = 1)",
        )
        .bind(id.to_string())
        .bind(person.to_string())
        .execute(&mut tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// The planned room is live from now, with whoever may enter as its guests; followers and those who said yes are
    /// told. False if it is already, is over, or was called off.
    pub(crate) async fn start_plan(&self, room: &NewRoom) -> Stored<bool> {
        let mut tx = self.begin().await?;
        let starts_at_ms = match lock_planned(&mut tx, room.id).await {
            Err(StoreError::Refused(_)) => return Ok(false),
            other => other?,
        };
        insert_room(&mut tx, room).await?;
        let_in(&mut tx, room.id, "going").await?;
        let_in(&mut tx, room.id, "invited").await?;
        let plan = outbox::Plan { id: room.id, title: room.title.clone(), starts_at_ms };
        outbox::put(&mut tx, &Cause::Live { host: room.owner, room: room.id }).await?;
        outbox::put(&mut tx, &Cause::Reminder { by: room.owner, plan, live: true }).await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// One change at a time: PostgreSQL's other writers wait here.
async fn lock(tx: &mut Tx, id: RoomId) -> Stored<()> {
    sqlx::query("UPDATE scheduled SET sequence = sequence WHERE id = $1")
        .bind(id.to_string())
        .execute(&mut *tx)
        .await?;
    Ok(())
}

/// The same, for what only a room to come allows. Answers for when it is planned.
async fn lock_planned(tx: &mut Tx, id: RoomId) -> Stored<i64> {
    lock(tx, id).await?;
    let statement = format!(
        "SELECT starts_at_ms FROM scheduled WHERE id = $1 AND cancelled_at_ms IS NULL AND NOT EXISTS \
         (SELECT 1 FROM room WHERE room.id = $1 AND (ended_at_ms IS NULL OR end_reason NOT IN {CUT_SHORT}))"
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(id.to_string())
        .fetch_optional(&mut *tx)
        .await?;
    let row = row.ok_or(ErrorCode::AlreadyStarted)?;
    Ok(row.try_get("starts_at_ms")?)
}

async fn write_plan(tx: &mut Tx, id: RoomId, plan: &Plan) -> Stored<()> {
    sqlx::query(
        "UPDATE scheduled SET title = $2, description = $3, topics = $4, language = $5, folded = $6, kind = $7, \
         starts_at_ms = $8, max_duration_ms = $9, capacity = $10, registration = $11, changed_at_ms = $12, \
         sequence = sequence + 1 WHERE id = $1",
    )
    .bind(id.to_string())
    .bind(&plan.title)
    .bind(&plan.description)
    .bind(serde_json::to_string(&plan.topics)?)
    .bind(plan.language.clone())
    .bind(plan.folded())
    .bind(kind_name(plan.kind))
    .bind(plan.starts_at_ms)
    .bind(plan.max_duration_ms.and_then(|ms| i64::try_from(ms).ok()))
    .bind(plan.capacity.map(i64::from))
    .bind(i64::from(plan.registration))
    .bind(utc_ms())
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Co-hosts and invited people are those of the plan from now. Whoever is new is told.
async fn write_people(tx: &mut Tx, id: RoomId, host: UserId, plan: &Plan) -> Stored<()> {
    for (part, people) in [("co_host", &plan.co_hosts), ("invited", &plan.invited)] {
        for former in people_of(tx, id, part).await? {
            if !people.contains(&former) {
                remove_part(tx, id, former, part).await?;
            }
        }
        let here = people_of(tx, id, part).await?;
        for &person in people.iter().filter(|person| !here.contains(person)) {
            let blocked = between_blocks(tx, host, person).await?;
            let added = !blocked && add_part(tx, id, person, part).await?;
            if added {
                let cause = Cause::InvitedToPlan { user: person, by: host, plan: plan.told(id) };
                outbox::put(tx, &cause).await?;
            } else if part == "co_host" {
                let why = if blocked { ErrorCode::Blocked } else { ErrorCode::NotFound };
                return Err(why.into());
            }
        }
    }
    Ok(())
}

async fn people_of(tx: &mut Tx, id: RoomId, part: &str) -> Stored<Vec<UserId>> {
    let rows = sqlx::query(
        "SELECT account_id FROM scheduled_person WHERE scheduled_id = $1 AND part = $2",
    )
    .bind(id.to_string())
    .bind(part.to_owned())
    .fetch_all(&mut *tx)
    .await?;
    rows.iter().map(|row| super::user_id(row, "account_id")).collect()
}

/// False if they have that part already, or have no account that works.
async fn add_part(tx: &mut Tx, id: RoomId, person: UserId, part: &str) -> Stored<bool> {
    let added = sqlx::query(
        "INSERT INTO scheduled_person (scheduled_id, account_id, part) \
         SELECT $1, id, $3 FROM account WHERE id = $2 AND suspended_at_ms IS NULL ON CONFLICT DO NOTHING",
    )
    .bind(id.to_string())
    .bind(person.to_string())
    .bind(part.to_owned())
    .execute(&mut *tx)
    .await?;
    Ok(added.rows_affected() > 0)
}

async fn remove_part(tx: &mut Tx, id: RoomId, person: UserId, part: &str) -> Stored<()> {
    sqlx::query(
        "DELETE FROM scheduled_person WHERE scheduled_id = $1 AND account_id = $2 AND part = $3",
    )
    .bind(id.to_string())
    .bind(person.to_string())
    .bind(part.to_owned())
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Whoever said yes and may no longer see it does not go.
async fn drop_unwelcome(tx: &mut Tx, id: RoomId, kind: RoomKind) -> Stored<()> {
    let welcome = match kind {
        RoomKind::Open => return Ok(()),
        RoomKind::Social => {
            "SELECT 1 FROM follow JOIN scheduled ON follower_id = host_id \
             WHERE scheduled.id = $1 AND followed_id = scheduled_person.account_id"
        }
        RoomKind::Closed => {
            "SELECT 1 FROM scheduled_person AS own WHERE own.scheduled_id = $1 AND own.part = 'invited' \
             AND own.account_id = scheduled_person.account_id"
        }
    };
    let statement = format!(
        "DELETE FROM scheduled_person WHERE scheduled_id = $1 AND part = 'going' AND NOT EXISTS ({welcome})"
    );
    sqlx::query(sqlx::AssertSqlSafe(statement)).bind(id.to_string()).execute(&mut *tx).await?;
    Ok(())
}

/// Those of this part become guests of the room, if it is live and they are whom it lets in: who said yes where that is
/// required, else who is invited.
async fn let_in(tx: &mut Tx, id: RoomId, part: &str) -> Stored<()> {
    sqlx::query(
        "INSERT INTO room_guest (room_id, account_id) SELECT room.id, account_id FROM scheduled_person \
         JOIN room ON room.id = scheduled_id JOIN scheduled ON scheduled.id = scheduled_id \
         WHERE scheduled_id = $1 AND part = $2 AND registration = $3 ON CONFLICT DO NOTHING",
    )
    .bind(id.to_string())
    .bind(part.to_owned())
    .bind(i64::from(part == "going"))
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Whoever said yes to what somebody planned whose account is about to go is told that it is off.
pub(super) async fn tell_host_goes(tx: &mut Tx, host: UserId) -> Stored<()> {
    let statement = format!(
        "SELECT scheduled.id AS id, title, starts_at_ms, name, going.account_id AS user_id FROM scheduled \
         JOIN account ON account.id = host_id \
         JOIN scheduled_person AS going ON going.scheduled_id = scheduled.id AND going.part = 'going' \
         WHERE host_id = $1 AND cancelled_at_ms IS NULL AND starts_at_ms > $2 AND NOT EXISTS \
         (SELECT 1 FROM room WHERE room.id = scheduled.id \
         AND (ended_at_ms IS NULL OR end_reason NOT IN {CUT_SHORT}))"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(host.to_string())
        .bind(utc_ms() - OVERDUE_MS)
        .fetch_all(&mut *tx)
        .await?;
    for row in rows {
        let (title, starts_at_ms) = (row.try_get("title")?, row.try_get("starts_at_ms")?);
        let plan = outbox::Plan { id: super::room_id(&row, "id")?, title, starts_at_ms };
        let user = super::user_id(&row, "user_id")?;
        let cause = Cause::HostGone { user, host, name: row.try_get("name")?, plan };
        outbox::put(tx, &cause).await?;
    }
    Ok(())
}

/// A block ends what two people have in each other's plans.
pub(super) async fn part_ways(tx: &mut Tx, one: UserId, other: UserId) -> Stored<()> {
    for (host, person) in [(one, other), (other, one)] {
        sqlx::query(
            "DELETE FROM scheduled_person WHERE account_id = $2 AND part <> 'host' \
             AND scheduled_id IN (SELECT id FROM scheduled WHERE host_id = $1)",
        )
        .bind(host.to_string())
        .bind(person.to_string())
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}
