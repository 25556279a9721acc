//! Limits on what a client may send. Lengths are Unicode scalar values unless the name says bytes.

/// A whole WebSocket message. The largest legitimate one is a `join` with its offer.
pub const MESSAGE_MAX_BYTES: usize = 32 * 1024;
/// An SDP offer. Chromium's, with five audio sections, measures 7 to 9 KiB.
pub const OFFER_MAX_BYTES: usize = 16 * 1024;
/// A display name.
pub const NAME_MAX_CHARS: usize = 40;
/// A room's title.
pub const TITLE_MAX_CHARS: usize = 80;
/// A room's description.
pub const DESCRIPTION_MAX_CHARS: usize = 500;
/// One line of chat.
pub const CHAT_MAX_CHARS: usize = 500;
/// A pinned link.
pub const LINK_MAX_BYTES: usize = 500;
/// The reason given with a report.
pub const REPORT_MAX_CHARS: usize = 500;
/// Lines of chat kept for those who join later.
pub const CHAT_HISTORY_LINES: usize = 50;
/// People in one page of the audience.
pub const AUDIENCE_PAGE: usize = 100;
/// The first message must arrive within this time.
pub const HELLO_TIMEOUT_MS: u64 = 5_000;
/// Most people on a stage, whatever the configuration says.
pub const STAGE_MAX: usize = 50;
/// A handle, at least and at most; `a-z0-9_`, so that bytes are characters.
pub const HANDLE_MIN_CHARS: usize = 3;
/// See [`HANDLE_MIN_CHARS`].
pub const HANDLE_MAX_CHARS: usize = 20;
/// A password, at least (NIST SP 800-63B-4 asks for no rule but length).
pub const PASSWORD_MIN_CHARS: usize = 8;
/// A password, at most: hashing costs by length.
pub const PASSWORD_MAX_CHARS: usize = 200;
/// An email address (RFC 5321, section 4.5.3.1.3: a path of 256 with its brackets).
pub const EMAIL_MAX_CHARS: usize = 254;
/// The line under a name.
pub const HEADLINE_MAX_CHARS: usize = 80;
/// What somebody says of themself.
pub const BIO_MAX_CHARS: usize = 1_000;
/// Links, languages, topics: so many of each.
pub const LIST_MAX: usize = 5;
/// One topic.
pub const TOPIC_MAX_CHARS: usize = 30;
/// A picture as uploaded.
pub const AVATAR_MAX_BYTES: usize = 4 * 1024 * 1024;
/// People who host a planned room with its host.
pub const CO_HOSTS_MAX: usize = 5;
/// People invited to a planned closed room.
pub const INVITED_MAX: usize = 200;
/// Planned rooms of one host that are still to come.
pub const SCHEDULED_MAX: usize = 50;
/// How far ahead a room is planned: a year, and a day for leap years and time zones.
pub const SCHEDULED_AHEAD_MS: i64 = 367 * 24 * 60 * 60 * 1_000;
/// The longest that a room may be planned to last.
pub const DURATION_MAX_MS: u64 = 24 * 60 * 60 * 1_000;
/// Where a closed browser is pushed to.
pub const ENDPOINT_MAX_BYTES: usize = 1_000;
