//! Notices: what somebody is told of, what they want to be told of, and the browsers that are told while closed.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use crate::{NoticeId, Person, RoomId};

/// What happened.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// Somebody you follow opened a room.
    Live,
    /// Somebody you follow planned a room.
    Scheduled,
    /// A room you said yes to is called off.
    Cancelled,
    /// A room you said yes to begins later.
    Late,
    /// A room you said yes to begins soon.
    Reminder,
    /// Somebody invites you into a room.
    Invited,
    /// Somebody on stage calls you into a room.
    Pinged,
    /// Somebody follows you.
    Followed,
}

/// Something you are told of: the event `notice`, and in lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct Notification {
    /// Later ones have greater ids, also as text. The same id twice is the same notice.
    pub id: NoticeId,
    /// What happened.
    pub kind: NoticeKind,
    /// Whose doing it is.
    pub by: Person,
    /// In which room; absent for `followed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub room: Option<NoticeRoom>,
    /// When it happened, UTC.
    pub created_at_ms: i64,
    /// You have seen it.
    pub read: bool,
}

/// The room of a notice, live or planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct NoticeRoom {
    /// Which.
    pub id: RoomId,
    /// Its title then.
    pub title: String,
    /// Its page, relative to the server.
    pub path: String,
    /// When it is to begin, UTC, for one that is planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub starts_at_ms: Option<i64>,
}

/// `GET /api/v1/notifications`: newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct Notifications {
    /// The page.
    pub notifications: Vec<Notification>,
    /// How many you have not seen, over all pages; 100 stands for more.
    pub unread: u32,
    /// `?cursor=` of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub next: Option<String>,
}

/// What waits: `GET /api/v1/notifications/unread`, the answer to marking some as read, and part of `welcome`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct Unread {
    /// How many you have not seen; 100 stands for more.
    pub unread: u32,
    /// The newest notice that is yours. A `notice` whose id is not greater is counted already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub newest: Option<NoticeId>,
}

/// `POST /api/v1/notifications/read`: you have seen these. The answer is [`Unread`]; your other devices get
/// `notices_read`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[ts(optional_fields)]
pub struct MarkRead {
    /// This one and all before it.
    pub up_to: Option<NoticeId>,
    /// These, at most 100.
    pub ids: Option<Vec<NoticeId>>,
}

/// What you want to be told of: `GET` and `PUT /api/v1/notifications/preferences`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NoticePreferences {
    /// Kinds that you do not want at all.
    pub off: Vec<NoticeKind>,
    /// When nothing may disturb you: notices of these hours are kept silently.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub quiet: Option<QuietHours>,
    /// How many notices an hour may disturb you, at most 60: the others are kept silently. Invitations, pings, reminders
    /// and changes of rooms you said yes to are not counted.
    pub hourly_max: u8,
}

impl Default for NoticePreferences {
    fn default() -> Self {
        Self { off: Vec::new(), quiet: None, hourly_max: 6 }
    }
}

/// From one time of day to another, past midnight where the second is not after the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// `22:30`
    pub from: String,
    /// `07:00`
    pub to: String,
    /// Where: a name of the IANA time zone database, `Europe/Rome`.
    pub zone: String,
}

/// How much you want to hear of somebody you follow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// Whatever your preferences let through.
    #[default]
    All,
    /// Only that they are live.
    Live,
    /// Nothing of what all their followers are told.
    None,
}

/// `PUT /api/v1/people/{person}/notices`: of somebody you follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetWanted {
    /// How much.
    pub notices: Wanted,
}

/// `GET /api/v1/push/key`: for `pushManager.subscribe`. `not_found` where the server pushes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct PushKey {
    /// `applicationServerKey`: an uncompressed P-256 point in base64url (RFC 8292, section 3.2).
    pub key: String,
}

/// `PUT /api/v1/push/subscriptions`: what the browser's `PushSubscription` is as JSON.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct PushSubscription {
    /// Where to push to. A capability: whoever knows it and the keys can push.
    pub endpoint: String,
    /// What to encrypt with.
    pub keys: PushKeys,
}

/// The keys of a [`PushSubscription`], in base64url.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct PushKeys {
    /// The browser's public key.
    pub p256dh: String,
    /// A secret shared with the browser.
    pub auth: String,
}

/// `DELETE /api/v1/push/subscriptions`: no-op if there is none of that endpoint.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndPush {
    /// Which.
    pub endpoint: String,
}
