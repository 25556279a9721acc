//! The one table of error codes: stable names, WebSocket close codes, HTTP statuses.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

/// Told to whoever caused it. Codes are stable; the message is for humans and may change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct ErrorBody {
    /// What went wrong, for programs.
    pub code: ErrorCode,
    /// What went wrong, for people (English).
    pub message: String,
    /// When to try again, for `rate_limited`, `slow_mode` and `busy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub retry_after_ms: Option<u32>,
}

impl From<ErrorCode> for ErrorBody {
    fn from(code: ErrorCode) -> Self {
        Self { code, message: code.text().to_owned(), retry_after_ms: None }
    }
}

macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident, $wire:literal, $http:literal, $close:expr, $text:literal;)*) => {
        /// Every way a request can fail.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
        pub enum ErrorCode {
            $(
                #[doc = $text]
                #[serde(rename = $wire)]
                $name,
            )*
        }

        impl ErrorCode {
            /// All codes, in the order of the table.
            pub const ALL: &[ErrorCode] = &[$(ErrorCode::$name),*];

            /// The stable name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(ErrorCode::$name => $wire),* }
            }

            /// The sentence shown to people.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(ErrorCode::$name => $text),* }
            }

            /// The status of an HTTP answer with this code.
            #[must_use]
            pub const fn http_status(self) -> u16 {
                match self { $(ErrorCode::$name => $http),* }
            }

            /// The WebSocket close code, for those that end the connection (4000 to 4999, RFC 6455 section 7.4.2).
            #[must_use]
            pub const fn close_code(self) -> Option<u16> {
                match self { $(ErrorCode::$name => $close),* }
            }
        }
    };
}

error_codes! {
    // The connection.
    BadMessage, "bad_message", 400, Some(4000), "The message is not valid JSON of a known shape.";
    TooLarge, "too_large", 413, Some(4001), "The message is larger than allowed.";
    HelloTimeout, "hello_timeout", 408, Some(4002), "The first message must be hello, within five seconds.";
    Unauthorized, "unauthorized", 401, Some(4003), "The token is missing, malformed or not signed by this server.";
    TokenExpired, "token_expired", 401, Some(4004), "The token has expired; get a new one.";
    ForbiddenOrigin, "forbidden_origin", 403, None, "This page's origin may not use this server.";
    SlowReader, "slow_reader", 408, Some(4005), "The connection reads too slowly; reconnect and resume.";
    TakenOver, "taken_over", 409, Some(4006), "The same person joined from another device.";
    Draining, "draining", 503, Some(4007), "The server is shutting down; reconnect in a moment.";
    Removed, "removed", 403, Some(4008), "A moderator removed you from the room.";
    // Any request.
    UnknownType, "unknown_type", 400, None, "This message type is not known.";
    InvalidField, "invalid_field", 422, None, "A field is missing, too long or out of range.";
    RateLimited, "rate_limited", 429, None, "Too many requests of this kind; try again later.";
    Busy, "busy", 503, None, "The room or the server cannot take more at this moment.";
    Internal, "internal", 500, None, "The server failed; this is not your fault.";
    NotFound, "not_found", 404, None, "There is nothing here.";
    MethodNotAllowed, "method_not_allowed", 405, None, "This method is not allowed here.";
    KeyReused, "key_reused", 422, None, "This Idempotency-Key came with another request before.";
    // Accounts.
    Taken, "taken", 409, None, "Somebody else has this handle or email address already.";
    WrongPassword, "wrong_password", 403, None, "The name or the password is wrong.";
    AccountRequired, "account_required", 403, None, "This needs an account; guests cannot do it.";
    NotGranted, "not_granted", 403, None, "The token of the other product does not grant this.";
    Suspended, "suspended", 403, Some(4009), "This account is suspended.";
    StorageUnavailable, "storage_unavailable", 503, None, "The database does not answer; try again in a moment.";
    // Planned rooms.
    AlreadyStarted, "already_started", 409, None, "The room has started already.";
    Cancelled, "cancelled", 410, None, "The room was called off.";
    TooMany, "too_many", 409, None, "You have as many of these as you may; take one away first.";
    // Entering.
    RoomNotFound, "room_not_found", 404, None, "There is no such room.";
    RoomEnded, "room_ended", 410, None, "The room has ended.";
    RoomFull, "room_full", 409, None, "The room is full.";
    RoomLocked, "room_locked", 403, None, "The room is locked to newcomers.";
    NotInvited, "not_invited", 403, None, "This room is for invited people.";
    Banned, "banned", 403, None, "You were banned from this room.";
    Blocked, "blocked", 403, None, "You cannot enter this person's rooms.";
    InvalidLink, "invalid_link", 403, None, "The link is not valid, or has been revoked or has expired.";
    AlreadyJoined, "already_joined", 409, None, "You are in a room; leave it first.";
    NotJoined, "not_joined", 409, None, "Join a room first.";
    BadOffer, "bad_offer", 422, None, "The SDP offer cannot be used.";
    MediaUnavailable, "media_unavailable", 503, None, "The media server cannot take another connection.";
    // The stage.
    Forbidden, "forbidden", 403, None, "Your role does not allow this.";
    NotPresent, "not_present", 404, None, "That person is not in the room.";
    NotOnStage, "not_on_stage", 409, None, "That person is not on stage.";
    AlreadyOnStage, "already_on_stage", 409, None, "That person is on stage already.";
    HandsOff, "hands_off", 403, None, "The room takes no hands, or not yours, at the moment.";
    NoHand, "no_hand", 409, None, "There is no raised hand.";
    NoInvitation, "no_invitation", 409, None, "There is no invitation, or it has expired.";
    StageFull, "stage_full", 409, None, "The stage is full.";
    MutedByModerator, "muted_by_moderator", 403, None, "A moderator muted you; only a moderator can allow you to speak again.";
    // Around the stage.
    SlowMode, "slow_mode", 429, None, "Slow mode: wait before you write again.";
    TextRefused, "text_refused", 422, None, "The text was refused by the room's filter.";
}

/// By hand: the derive does not see through the macro, and would list the variants' own names.
impl PartialSchema for ErrorCode {
    fn schema() -> RefOr<Schema> {
        let names = Self::ALL.iter().map(|code| code.as_str());
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).into()
    }
}

impl ToSchema for ErrorCode {}

#[cfg(test)]
mod tests {
    use super::ErrorCode;
    use std::collections::HashSet;

    #[test]
    fn names_and_close_codes_are_unique_and_serialise_as_their_name() {
        let names: HashSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), ErrorCode::ALL.len());
        let closes: Vec<_> = ErrorCode::ALL.iter().filter_map(|code| code.close_code()).collect();
        assert_eq!(closes.iter().collect::<HashSet<_>>().len(), closes.len());
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }
}
