//! Rooms on record: who may enter the closed ones, what happened in each, what was reported.

use std::collections::HashMap;

use palco_protocol::{
    ChatMessage, ModerationEntry, RoomId, RoomKind, UserId,
    http::{Report, RoomHistoryEvent},
};
use palco_signaling::Door;
use sqlx::{Row, any::AnyRow};

use serde_json::json;

use super::{Store, StoreError, Stored, Tx, count, jobs, outbox, outbox::Cause, utc_ms};

/// A room as it is opened.
pub(crate) struct NewRoom {
    pub(crate) id: RoomId,
    pub(crate) owner: UserId,
    pub(crate) title: String,
    pub(crate) kind: RoomKind,
    /// Who may enter a closed one.
    pub(crate) invited: Vec<UserId>,
    /// What its opening makes known, to whom.
    pub(crate) causes: Vec<Cause>,
}

/// One row of a room's history, as it is written.
pub(crate) struct HistoryRow {
    pub(crate) room: RoomId,
    pub(crate) at_ms: i64,
    pub(crate) kind: &'static str,
    pub(crate) body: String,
}

/// What the history keeps of a report.
#[derive(serde::Deserialize)]
struct Reported {
    entry: ModerationEntry,
    evidence: Vec<ChatMessage>,
}

/// Events of a page of history.
const HISTORY_PAGE: i64 = 200;
/// Reports of a page.
const REPORTS_PAGE: i64 = 50;

impl Store {
    pub(crate) async fn create_room(&self, room: NewRoom) -> Stored<()> {
        let mut tx = self.begin().await?;
        insert_room(&mut tx, &room).await?;
        if self.webhooks {
            let data = json!({ "owner": room.owner, "title": room.title, "kind": room.kind });
            self.put_webhook(&mut tx, "room.opened", room.id, &data).await?;
        }
        invite(&mut tx, room.id, &room.invited).await?;
        for cause in &room.causes {
            outbox::put(&mut tx, cause).await?;
        }
        tx.commit().await?;
        self.ring();
        Ok(())
    }

    /// More people may enter, and are told.
    pub(crate) async fn invite_to_room(
        &self,
        room: RoomId,
        people: &[UserId],
        causes: &[Cause],
    ) -> Stored<()> {
        let mut tx = self.begin().await?;
        invite(&mut tx, room, people).await?;
        for cause in causes {
            outbox::put(&mut tx, cause).await?;
        }
        tx.commit().await?;
        self.ring();
        Ok(())
    }

    /// What is known of somebody at a room's door.
    pub(crate) async fn door(&self, room: RoomId, owner: UserId, person: UserId) -> Stored<Door> {
        let row = sqlx::query(
            "SELECT (SELECT COUNT(*) FROM follow WHERE follower_id = $1 AND followed_id = $2) AS followed, \
             (SELECT COUNT(*) FROM block WHERE (blocker_id = $1 AND blocked_id = $2) \
              OR (blocker_id = $2 AND blocked_id = $1)) AS blocks, \
             (SELECT COUNT(*) FROM room_guest WHERE room_id = $3 AND account_id = $2) AS invited",
        )
        .bind(owner.to_string())
        .bind(person.to_string())
        .bind(room.to_string())
        .fetch_one(&self.read)
        .await?;
        Ok(Door {
            followed_by_owner: count(&row, "followed")? > 0,
            invited: count(&row, "invited")? > 0,
            blocked: count(&row, "blocks")? > 0,
        })
    }

    /// Which of these rooms `viewer` is let into as a guest, as whom the owner follows, or as one of its hosts.
    pub(crate) async fn let_into(&self, viewer: UserId, rooms: &[RoomId]) -> Stored<Vec<RoomId>> {
        if rooms.is_empty() {
            return Ok(Vec::new());
        }
        let places: Vec<_> = (2..rooms.len() + 2).map(|place| format!("${place}")).collect();
        let statement = format!(
            "SELECT id FROM room WHERE id IN ({}) AND (owner_id = $1 \
             OR EXISTS (SELECT 1 FROM room_guest WHERE room_id = room.id AND account_id = $1) \
             OR EXISTS (SELECT 1 FROM scheduled_person WHERE scheduled_id = room.id AND account_id = $1 \
              AND part = 'co_host') \
             OR (kind = 'social' AND EXISTS \
              (SELECT 1 FROM follow WHERE follower_id = owner_id AND followed_id = $1)))",
            places.join(", ")
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(viewer.to_string());
        for room in rooms {
            query = query.bind(room.to_string());
        }
        let rows = query.fetch_all(&self.read).await?;
        rows.iter().map(|row| super::room_id(row, "id")).collect()
    }

    /// Appends to histories, all or nothing. A room's `room_ended` also closes its record, a report is also kept for
    /// the operators. `written` knows how far the histories are that this process writes; others are looked up: a
    /// planned room may be live a second time. Rows that could not be appended may come again, and are there once: the
    /// database may have gone, or hung, when it had done all of it and not said so.
    pub(crate) async fn append_history(
        &self,
        rows: &[HistoryRow],
        written: &mut HashMap<RoomId, i64>,
    ) -> Stored<()> {
        let mut tx = self.begin().await?;
        let mut ahead: HashMap<RoomId, i64> = HashMap::new();
        for row in rows {
            let known = ahead.get(&row.room).or_else(|| written.get(&row.room)).copied();
            let last = match known {
                Some(last) => last,
                None => {
                    let last = history_end(&mut tx, row.room).await?;
                    written.insert(row.room, last);
                    last
                }
            };
            ahead.insert(row.room, last + 1);
            let appended = sqlx::query(
                "INSERT INTO room_event (room_id, number, at_ms, kind, body) \
                 SELECT id, $2, $3, $4, $5 FROM room WHERE id = $1 ON CONFLICT DO NOTHING",
            )
            .bind(row.room.to_string())
            .bind(last + 1)
            .bind(row.at_ms)
            .bind(row.kind)
            .bind(&row.body)
            .execute(&mut tx)
            .await?;
            // No room on record, no history; or else all of this is there already.
            if appended.rows_affected() == 0 && history_end(&mut tx, row.room).await? > last {
                count_up(rows, written);
                return Ok(());
            }
            if let Some(kind) = jobs::webhook_type(row.kind).filter(|_| self.webhooks) {
                let data = serde_json::from_str(&row.body)?;
                self.put_webhook(&mut tx, kind, row.room, &data).await?;
            }
            match row.kind {
                "room_ended" => end_room(&mut tx, row).await?,
                "reported" => keep_report(&mut tx, row).await?,
                _ => {}
            }
        }
        tx.commit().await?;
        count_up(rows, written);
        Ok(())
    }

    /// Rooms that were live when the server last stopped ended with it.
    pub(crate) async fn close_stale_rooms(&self) -> Stored<u64> {
        let mut tx = self.begin().await?;
        let closed = sqlx::query(
            "UPDATE room SET ended_at_ms = $1, end_reason = 'shutdown' WHERE ended_at_ms IS NULL",
        )
        .bind(utc_ms())
        .execute(&mut tx)
        .await?;
        tx.commit().await?;
        Ok(closed.rows_affected())
    }

    /// Whose room it is or was.
    pub(crate) async fn room_owner(&self, room: RoomId) -> Stored<Option<UserId>> {
        let row = sqlx::query("SELECT owner_id FROM room WHERE id = $1")
            .bind(room.to_string())
            .fetch_optional(&self.read)
            .await?;
        row.map(|row| super::user_id(&row, "owner_id")).transpose()
    }

    /// A page of a room's history after this number; and whether there is more.
    pub(crate) async fn room_history(
        &self,
        room: RoomId,
        after: i64,
    ) -> Stored<(Vec<RoomHistoryEvent>, bool)> {
        let rows = sqlx::query(
            "SELECT number, at_ms, kind, body FROM room_event WHERE room_id = $1 AND number > $2 \
             ORDER BY number LIMIT $3",
        )
        .bind(room.to_string())
        .bind(after)
        .bind(HISTORY_PAGE + 1)
        .fetch_all(&self.read)
        .await?;
        let size = usize::try_from(HISTORY_PAGE).unwrap_or(usize::MAX);
        let events = rows.iter().take(size).map(|row| {
            Ok(RoomHistoryEvent {
                number: row.try_get("number")?,
                at_ms: count(row, "at_ms")?,
                kind: row.try_get("kind")?,
                body: super::json(row, "body")?,
            })
        });
        Ok((events.collect::<Stored<_>>()?, rows.len() > size))
    }

    /// A page of reports that no operator has handled yet, oldest first, after this one; and whether there is more.
    pub(crate) async fn open_reports(&self, after: &str) -> Stored<(Vec<Report>, bool)> {
        let rows = sqlx::query(
            "SELECT id, room_id, created_at_ms, body FROM report WHERE handled_at_ms IS NULL AND id > $1 \
             ORDER BY id LIMIT $2",
        )
        .bind(after)
        .bind(REPORTS_PAGE + 1)
        .fetch_all(&self.read)
        .await?;
        let report = |row: &AnyRow| {
            let room: String = row.try_get("room_id")?;
            let Reported { entry, evidence } = super::json(row, "body")?;
            Ok(Report {
                id: row.try_get("id")?,
                room: room
                    .parse()
                    .map_err(|_| StoreError::Broken("room_id is no id".to_owned()))?,
                created_at_ms: row.try_get("created_at_ms")?,
                entry,
                evidence,
            })
        };
        let size = usize::try_from(REPORTS_PAGE).unwrap_or(usize::MAX);
        let reports = rows.iter().take(size).map(report).collect::<Stored<_>>()?;
        Ok((reports, rows.len() > size))
    }

    /// False if there is no such report, or it was handled before.
    pub(crate) async fn handle_report(&self, id: &str) -> Stored<bool> {
        let mut tx = self.begin().await?;
        let done = sqlx::query(
            "UPDATE report SET handled_at_ms = $2 WHERE id = $1 AND handled_at_ms IS NULL",
        )
        .bind(id)
        .bind(utc_ms())
        .execute(&mut tx)
        .await?;
        tx.commit().await?;
        Ok(done.rows_affected() > 0)
    }
}

/// A planned room that was cut short comes to life again.
pub(super) async fn insert_room(tx: &mut Tx, room: &NewRoom) -> Stored<()> {
    sqlx::query(
        "INSERT INTO room (id, owner_id, title, kind, opened_at_ms) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (id) DO UPDATE SET title = $3, kind = $4, opened_at_ms = $5, ended_at_ms = NULL, end_reason = NULL",
    )
    .bind(room.id.to_string())
    .bind(room.owner.to_string())
    .bind(&room.title)
    .bind(kind_name(room.kind))
    .bind(utc_ms())
    .execute(&mut *tx)
    .await?;
    Ok(())
}

fn count_up(rows: &[HistoryRow], written: &mut HashMap<RoomId, i64>) {
    for row in rows {
        *written.entry(row.room).or_default() += 1;
    }
}

/// The number of a history's last entry.
async fn history_end(tx: &mut Tx, room: RoomId) -> Stored<i64> {
    let row =
        sqlx::query("SELECT COALESCE(MAX(number), 0) AS last FROM room_event WHERE room_id = $1")
            .bind(room.to_string())
            .fetch_one(&mut *tx)
            .await?;
    Ok(row.try_get("last")?)
}

pub(super) fn kind_name(kind: RoomKind) -> &'static str {
    match kind {
        RoomKind::Open => "open",
        RoomKind::Social => "social",
        RoomKind::Closed => "closed",
    }
}

/// Who has no account is passed over.
async fn invite(tx: &mut Tx, room: RoomId, people: &[UserId]) -> Stored<()> {
    for person in people {
        sqlx::query(
            "INSERT INTO room_guest (room_id, account_id) SELECT $1, id FROM account WHERE id = $2 \
             ON CONFLICT DO NOTHING",
        )
        .bind(room.to_string())
        .bind(person.to_string())
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

async fn end_room(tx: &mut Tx, row: &HistoryRow) -> Stored<()> {
    let body: serde_json::Value = serde_json::from_str(&row.body)?;
    sqlx::query(
        "UPDATE room SET ended_at_ms = $2, end_reason = $3 WHERE id = $1 AND ended_at_ms IS NULL",
    )
    .bind(row.room.to_string())
    .bind(utc_ms())
    .bind(body["reason"].as_str().unwrap_or("shutdown").to_owned())
    .execute(&mut *tx)
    .await?;
    Ok(())
}

async fn keep_report(tx: &mut Tx, row: &HistoryRow) -> Stored<()> {
    let body: serde_json::Value = serde_json::from_str(&row.body)?;
    let id = |who: &str| body["entry"][who]["id"].as_str().unwrap_or_default().to_owned();
    sqlx::query(
        "INSERT INTO report (id, room_id, created_at_ms, by_id, about_id, body) \
         SELECT $1, id, $3, $4, $5, $6 FROM room WHERE id = $2",
    )
    .bind(uuid::Uuid::now_v7().to_string())
    .bind(row.room.to_string())
    .bind(utc_ms())
    .bind(id("by"))
    .bind(id("to"))
    .bind(&row.body)
    .execute(&mut *tx)
    .await?;
    Ok(())
}
