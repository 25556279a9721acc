//! The outbox: what people are to be told of, written in the transaction that did it.
//!
//! `notify` reads it in order and tells everybody concerned. What is written here is told at least once, whatever
//! happens to the process; the same thing is told once however often it is put. Whoever commits a cause rings, so that
//! it is told at once; without, it is found some moments later.

use palco_protocol::{NoticeId, Person, RoomId, RoomKind, UserId, http::NoticeKind};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Store, Stored, Tx, utc_ms};

/// Something that people are to be told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Cause {
    /// To the host's followers, as far as they may enter: a room is live.
    Live { host: UserId, room: RoomId },
    /// The same: a room is planned.
    Scheduled { host: UserId, plan: Plan, access: RoomKind },
    /// To those who said yes: it is called off.
    Cancelled { by: UserId, plan: Plan },
    /// To one person who said yes: it is called off, its host's account being gone. Theirs is the account that it hangs
    /// on.
    HostGone { user: UserId, host: UserId, name: String, plan: Plan },
    /// To those who said yes: it begins at another time, by the plan's change of this number; or it was not started in
    /// time.
    Late { by: UserId, plan: Plan, moved: Option<i64> },
    /// To those who said yes, and its hosts: it begins soon; or, being live, now.
    Reminder { by: UserId, plan: Plan, live: bool },
    /// To one person: let into a closed room, or asked to come to an open one.
    Invited { user: UserId, by: UserId, room: RoomId },
    /// The same for a planned room.
    InvitedToPlan { user: UserId, by: UserId, plan: Plan },
    /// To one person: somebody on stage whom they follow calls them.
    Pinged { user: UserId, by: UserId, room: RoomId },
    /// To one person: a new follower.
    Followed { user: UserId, by: UserId },
}

/// A planned room as people are told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) id: RoomId,
    pub(crate) title: String,
    pub(crate) starts_at_ms: i64,
}

impl Cause {
    pub(crate) fn kind(&self) -> NoticeKind {
        match self {
            Self::Live { .. } => NoticeKind::Live,
            Self::Scheduled { .. } => NoticeKind::Scheduled,
            Self::Cancelled { .. } | Self::HostGone { .. } => NoticeKind::Cancelled,
            Self::Late { .. } => NoticeKind::Late,
            Self::Reminder { .. } => NoticeKind::Reminder,
            Self::Invited { .. } | Self::InvitedToPlan { .. } => NoticeKind::Invited,
            Self::Pinged { .. } => NoticeKind::Pinged,
            Self::Followed { .. } => NoticeKind::Followed,
        }
    }

    /// Whose doing it is, or whom it hangs on.
    pub(crate) fn by(&self) -> UserId {
        match *self {
            Self::Live { host: by, .. }
            | Self::Scheduled { host: by, .. }
            | Self::Cancelled { by, .. }
            | Self::HostGone { user: by, .. }
            | Self::Late { by, .. }
            | Self::Reminder { by, .. }
            | Self::Invited { by, .. }
            | Self::InvitedToPlan { by, .. }
            | Self::Pinged { by, .. }
            | Self::Followed { by, .. } => by,
        }
    }

    /// Whose doing it was, if their account is gone.
    pub(super) fn gone(&self) -> Option<Person> {
        let Self::HostGone { host, name, .. } = self else { return None };
        let (id, name) = (*host, name.clone());
        Some(Person { id, name, handle: None, headline: None, avatar: None, guest: false })
    }

    /// The room it is about, live or planned.
    pub(super) fn room(&self) -> Option<RoomId> {
        match self {
            Self::Live { room, .. } | Self::Invited { room, .. } | Self::Pinged { room, .. } => {
                Some(*room)
            }
            _ => self.plan().map(|plan| plan.id),
        }
    }

    pub(super) fn plan(&self) -> Option<&Plan> {
        match self {
            Self::Scheduled { plan, .. }
            | Self::Cancelled { plan, .. }
            | Self::HostGone { plan, .. }
            | Self::Late { plan, .. }
            | Self::Reminder { plan, .. }
            | Self::InvitedToPlan { plan, .. } => Some(plan),
            _ => None,
        }
    }

    /// A name for what happened, the same whenever it is put: a reminder whose sender was killed half-way; following,
    /// unfollowing and following again.
    fn once(&self) -> String {
        let at = |plan: &Plan| format!("{} {}", plan.id, plan.starts_at_ms);
        match self {
            Self::Live { room, .. } => format!("live {room}"),
            Self::Scheduled { plan, .. } => format!("scheduled {}", plan.id),
            Self::Cancelled { plan, .. } => format!("cancelled {}", plan.id),
            Self::HostGone { user, plan, .. } => format!("cancelled {} {user}", plan.id),
            Self::Late { plan, moved: Some(change), .. } => format!("moved {} {change}", plan.id),
            Self::Late { plan, moved: None, .. } => format!("late {}", at(plan)),
            Self::Reminder { plan, live: false, .. } => format!("reminder {}", at(plan)),
            Self::Reminder { plan, live: true, .. } => format!("begins {}", at(plan)),
            Self::Invited { user, room, .. } => format!("invited {room} {user}"),
            Self::InvitedToPlan { user, plan, .. } => format!("invited {} {user}", plan.id),
            Self::Pinged { user, by, room } => format!("pinged {room} {by} {user}"),
            Self::Followed { user, by } => format!("followed {by} {user}"),
        }
    }
}

/// Writes a cause into the transaction that causes it. Only accounts cause anything: of others it is a no-op.
pub(super) async fn put(tx: &mut Tx, cause: &Cause) -> Stored<()> {
    sqlx::query(
        "INSERT INTO notice (id, once, by_id, room_id, cause, created_at_ms) \
         SELECT $1, $2, id, $4, $5, $6 FROM account WHERE id = $3 ON CONFLICT (once) DO NOTHING",
    )
    .bind(NoticeId(Uuid::now_v7()).to_string())
    .bind(cause.once())
    .bind(cause.by().to_string())
    .bind(cause.room().map(|room| room.to_string()))
    .bind(serde_json::to_string(cause)?)
    .bind(utc_ms())
    .execute(&mut *tx)
    .await?;
    Ok(())
}

impl Store {
    /// Writes a cause that changes nothing else.
    pub(crate) async fn announce(&self, cause: &Cause) -> Stored<()> {
        let mut tx = self.begin().await?;
        put(&mut tx, cause).await?;
        tx.commit().await?;
        self.ring();
        Ok(())
    }
}
