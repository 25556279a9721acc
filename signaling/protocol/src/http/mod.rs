//! Bodies of the HTTP API that the web client and the native client share.

mod accounts;
mod notices;
mod operators;
mod people;
mod schedule;

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use crate::{Counts, HandPolicy, Person, RoomId, RoomInfo, RoomKind, UserId};

pub use accounts::{
    About, Account, ChangePassword, CreateAccount, DeleteAccount, RequestReset, ResetPassword,
    SessionIn, SignIn, SignedIn, UpdateAccount,
};
pub use notices::{
    EndPush, MarkRead, NoticeKind, NoticePreferences, NoticeRoom, Notification, Notifications,
    PushKey, PushKeys, PushSubscription, QuietHours, SetWanted, Unread, Wanted,
};
pub use operators::{ApiKey, ApiKeyCreated, ApiKeys, CreateApiKey, Report, Reports};
pub use people::{Between, Listed, People, Profile};
pub use schedule::{
    CreateScheduled, Hallway, HallwayRoom, Scheduled, ScheduledList, ScheduledRooms,
    ScheduledState, UpdateScheduled,
};

/// `POST /api/v1/guests`: a person without an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct CreateGuest {
    /// The display name.
    pub name: String,
}

/// The answer: an identity for the time of the token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct Guest {
    /// For `hello` and for `Authorization: Bearer`.
    pub token: String,
    /// Who you are now.
    pub person: Person,
}

impl std::fmt::Debug for Guest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The token is a secret: never in a log.
        f.debug_struct("Guest").field("person", &self.person).finish_non_exhaustive()
    }
}

/// `POST /api/v1/rooms`: open a room; the caller is its host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct CreateRoom {
    /// What it is about.
    pub title: String,
    /// At more length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub description: Option<String>,
    /// Who may enter; anybody if not given. Social and closed rooms need an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub kind: Option<RoomKind>,
    /// Whose hands are taken at first; everybody's if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub hand_policy: Option<HandPolicy>,
    /// What is spoken: a BCP 47 tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub language: Option<String>,
    /// What it is about, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<String>>")]
    pub topics: Vec<String>,
    /// Who may enter a closed room, and is told of this one; at most 100 accounts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<UserId>>")]
    pub invited: Vec<UserId>,
}

/// `POST /api/v1/rooms/{room}/guests`: the room's owner lets more people in, and has them told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteToRoom {
    /// At most 100 accounts.
    pub people: Vec<UserId>,
}

/// `GET /api/v1/rooms/{room}/history`: what happened in a room, for its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct RoomHistory {
    /// A page, oldest first.
    pub events: Vec<RoomHistoryEvent>,
    /// `?cursor=` of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub next: Option<String>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct RoomHistoryEvent {
    /// Counts up within the room.
    pub number: i64,
    /// When, in the room's time.
    pub at_ms: u64,
    /// `joined`, `left`, `moderated`, `reported`, or the name of the room's event.
    pub kind: String,
    /// What, depending on the kind.
    #[ts(type = "unknown")]
    pub body: serde_json::Value,
}

/// A live room as the hallway or a link's preview shows it: `GET /api/v1/rooms/{room}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct LiveRoom {
    /// The room.
    pub room: RoomInfo,
    /// How many people.
    pub counts: Counts,
    /// Who is on stage, the first few.
    pub stage: Vec<Person>,
    /// How many are on stage.
    pub on_stage: u32,
}

/// The answer to `POST /api/v1/rooms`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct RoomCreated {
    /// The room's id.
    pub id: RoomId,
    /// The page to share, relative to the server: `/r/<id>`.
    pub path: String,
}

/// `GET /api/v1/rooms`: what is live now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct LiveRooms {
    /// The page, largest first.
    pub rooms: Vec<LiveRoom>,
    /// `?cursor=` of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub next: Option<String>,
}

/// Errors of the HTTP API (RFC 9457, `application/problem+json`) with the same codes as the socket's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct Problem {
    /// `about:blank#<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// For people.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable code.
    pub code: crate::ErrorCode,
    /// What exactly, where there is more to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub detail: Option<String>,
    /// What somebody else has, with `taken`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub field: Option<TakenField>,
}

/// A field of an account that no two accounts share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TakenField {
    /// The handle; of the email address nothing is said then.
    Handle,
    /// The email address.
    Email,
}
