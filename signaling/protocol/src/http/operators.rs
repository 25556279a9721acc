//! What operators see and do: API keys of other products, reports.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use crate::{ChatMessage, ModerationEntry, RoomId};

/// `POST /api/v1/admin/keys`: a key for another product. The answer is [`ApiKeyCreated`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateApiKey {
    /// Whose it is, for operators.
    pub name: String,
}

/// A key that another product signs tokens with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct ApiKey {
    /// What its tokens name as their issuer (`iss`); no secret.
    pub id: String,
    /// Whose it is, for operators.
    pub name: String,
    /// When it was made, UTC.
    pub created_at_ms: i64,
}

/// The answer to `POST /api/v1/admin/keys`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct ApiKeyCreated {
    /// The key.
    pub key: ApiKey,
    /// What the product signs with (HMAC-SHA256 over these characters); shown once.
    pub secret: String,
}

/// `GET /api/v1/admin/keys`: those that work, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct ApiKeys {
    /// All of them.
    pub keys: Vec<ApiKey>,
}

/// A report, with the evidence kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct Report {
    /// The report's id.
    pub id: String,
    /// In which room.
    pub room: RoomId,
    /// When, UTC.
    pub created_at_ms: i64,
    /// Who reported whom, and why.
    pub entry: ModerationEntry,
    /// The reported person's lines of chat, the last ones.
    pub evidence: Vec<ChatMessage>,
}

/// `GET /api/v1/admin/reports`: a page of those that nobody has handled yet, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct Reports {
    /// The page.
    pub reports: Vec<Report>,
    /// `?cursor=` of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub next: Option<String>,
}
