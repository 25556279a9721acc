//! What travels on the wire between a client and Palco: ids, messages, error codes, limits.
//!
//! The types exist once, here; the TypeScript ones are generated from them (`typescript::declarations`)
//! and `docs/protocol.md` describes them for strangers. Nothing in this crate knows a socket,
//! a clock or a database.

mod client;
mod error;
pub mod http;
mod id;
pub mod limits;
mod parts;
mod server;
pub mod typescript;

pub use client::{ClientMessage, Request, Resume};
pub use error::{ErrorBody, ErrorCode};
pub use id::{InvalidId, NoticeId, RequestId, RoomId, SpeakerNumber, UserId};
pub use parts::{
    ChatMessage, Counts, Grade, Hand, HandPolicy, InvitationState, LinkRole, ModerationAct,
    ModerationEntry, Person, Reaction, Role, RoomEndReason, RoomInfo, RoomKind, RoomTimeMs,
    Snapshot, StageExit, StageMember, You, YourHand, YourInvitation,
};
pub use server::{DirectEvent, Event, Joined, Reply, Resumed, RoomEvent, ServerMessage, Welcome};

/// The WebSocket subprotocol both sides name in the handshake.
pub const SUBPROTOCOL: &str = "palco.v1";
