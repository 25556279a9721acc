//! People as others find them: profiles, following, blocking, search.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use super::{About, LiveRoom, Wanted};
use crate::Person;

/// `GET /api/v1/people/{handle or id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct Profile {
    /// Who.
    pub person: Person,
    /// What they say of themself.
    pub about: About,
    /// How many follow them.
    pub followers: u64,
    /// How many they follow.
    pub following: u64,
    /// What is between them and the caller; absent for guests and strangers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub between: Option<Between>,
    /// The room they are hosting now, where the caller may see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub live: Option<LiveRoom>,
    /// When the account was made, UTC.
    pub created_at_ms: i64,
}

/// What is between the caller and somebody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct Between {
    /// The caller follows them.
    pub you_follow: bool,
    /// They follow the caller.
    pub follows_you: bool,
    /// The caller blocked them.
    pub you_block: bool,
    /// How much the caller hears of them, if following.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub notices: Option<Wanted>,
}

/// Somebody in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct Listed {
    /// Who.
    pub person: Person,
    /// How many follow them.
    pub followers: u64,
    /// The caller follows them.
    pub you_follow: bool,
}

/// A page of people: followers, following, blocked, search, suggestions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct People {
    /// The page.
    pub people: Vec<Listed>,
    /// `?cursor=` of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub next: Option<String>,
}
