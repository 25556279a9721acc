//! Rooms planned ahead, who said yes to them, and the hallway.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use super::LiveRoom;
use crate::{Person, RoomId, RoomKind, UserId};

/// `POST /api/v1/scheduled`: plan a room; the caller is its host. The answer is [`Scheduled`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateScheduled {
    /// What it is about.
    pub title: String,
    /// At more length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub description: Option<String>,
    /// What it is about, in words.
    #[serde(default)]
    #[ts(optional, as = "Option<Vec<String>>")]
    pub topics: Vec<String>,
    /// What is spoken: a BCP 47 tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub language: Option<String>,
    /// When it is to begin, UTC.
    pub starts_at_ms: i64,
    /// Who may see and enter it; `open` if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub kind: Option<RoomKind>,
    /// Who hosts with the caller: moderators from the beginning.
    #[serde(default)]
    #[ts(optional, as = "Option<Vec<UserId>>")]
    pub co_hosts: Vec<UserId>,
    /// Who may see and enter a `closed` one.
    #[serde(default)]
    #[ts(optional, as = "Option<Vec<UserId>>")]
    pub invited: Vec<UserId>,
    /// Most people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub capacity: Option<u32>,
    /// The room ends at this age.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub max_duration_ms: Option<u64>,
    /// Only those who said yes may enter, besides the hosts.
    #[serde(default)]
    #[ts(optional, as = "Option<bool>")]
    pub registration_required: bool,
}

/// `PATCH /api/v1/scheduled/{room}`: absent fields stay. The answer is [`Scheduled`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[ts(optional_fields)]
pub struct UpdateScheduled {
    /// What it is about.
    pub title: Option<String>,
    /// At more length.
    pub description: Option<String>,
    /// What it is about, in words.
    pub topics: Option<Vec<String>>,
    /// What is spoken: a BCP 47 tag; empty takes it away.
    pub language: Option<String>,
    /// When it is to begin, UTC. Those who said yes are told.
    pub starts_at_ms: Option<i64>,
    /// Who may see and enter it.
    pub kind: Option<RoomKind>,
    /// All who host with the host.
    pub co_hosts: Option<Vec<UserId>>,
    /// All who may see and enter a `closed` one.
    pub invited: Option<Vec<UserId>>,
    /// Most people; 0 takes the limit away.
    pub capacity: Option<u32>,
    /// The room ends at this age; 0 takes the limit away.
    pub max_duration_ms: Option<u64>,
    /// Only those who said yes may enter, besides the hosts.
    pub registration_required: Option<bool>,
}

/// A room planned ahead: `GET /api/v1/scheduled/{room}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct Scheduled {
    /// The room's, now and once it is live: one link for both.
    pub id: RoomId,
    /// What it is about.
    pub title: String,
    /// At more length.
    pub description: String,
    /// What it is about, in words.
    pub topics: Vec<String>,
    /// What is spoken: a BCP 47 tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub language: Option<String>,
    /// When it is to begin, UTC.
    pub starts_at_ms: i64,
    /// Who may see and enter it.
    pub kind: RoomKind,
    /// Whose room it will be.
    pub host: Person,
    /// Who hosts with them.
    pub co_hosts: Vec<Person>,
    /// Who may see and enter a `closed` one; told to its hosts only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<Person>>")]
    pub invited: Vec<Person>,
    /// Most people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub capacity: Option<u32>,
    /// The room ends at this age.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub max_duration_ms: Option<u64>,
    /// Only those who said yes may enter, besides the hosts.
    pub registration_required: bool,
    /// How many said yes.
    pub going: u32,
    /// The caller said yes.
    pub you_go: bool,
    /// The caller is the host or a co-host: may start it, and see who said yes.
    pub you_host: bool,
    /// How far it is.
    pub state: ScheduledState,
    /// The page to share, relative to the server: `/r/<id>`.
    pub path: String,
}

/// How far a planned room is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScheduledState {
    /// To come, or late.
    Planned,
    /// On now.
    Live,
    /// Over; also when nobody started it for half a day.
    Ended,
    /// Called off.
    Cancelled,
}

/// `GET /api/v1/scheduled?list=`: which planned rooms, soonest first, live ones included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScheduledList {
    /// All that the caller may see; with `by=<handle or id>` one person's.
    #[default]
    All,
    /// Those the caller hosts or co-hosts.
    Mine,
    /// Those the caller said yes to.
    Going,
}

/// A page of planned rooms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct ScheduledRooms {
    /// The page.
    pub scheduled: Vec<Scheduled>,
    /// `?cursor=` of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub next: Option<String>,
}

/// `GET /api/v1/hallway`: what is on and to come, for the caller; `q`, `topic` and `language` narrow it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct Hallway {
    /// Live now: first where people are whom the caller follows, then by their topics and languages, then by size.
    pub live: Vec<HallwayRoom>,
    /// To come, in the same order, sooner ones first among equals.
    pub upcoming: Vec<Scheduled>,
}

/// A live room in the hallway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct HallwayRoom {
    /// The room.
    pub live: LiveRoom,
    /// Those on its stage whom the caller follows.
    pub followed: Vec<UserId>,
}
