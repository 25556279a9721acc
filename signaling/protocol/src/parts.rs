//! What messages are made of: people, roles, the stage, hands, the snapshot.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use crate::{RoomId, SpeakerNumber, UserId};

/// Milliseconds since the room opened. Every time on the wire is of this clock, so that nobody's
/// wall clock matters; the snapshot says what time it is in the room (`now_ms`).
pub type RoomTimeMs = u64;

/// A person as others see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct Person {
    /// Who it is, across rooms and devices.
    pub id: UserId,
    /// The display name.
    pub name: String,
    /// The unique handle, for those who have an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub handle: Option<String>,
    /// One line under the name, shown for creators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub headline: Option<String>,
    /// Where the picture is, relative to the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub avatar: Option<String>,
    /// Entered by a link, without an account.
    #[serde(default)]
    pub guest: bool,
}

/// What somebody is in a room. Roles belong to people, not to sockets.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// In the audience: hears, chats, raises a hand.
    Listener,
    /// On stage.
    Speaker,
    /// Invites, mutes, moves and removes; on stage, or in the audience by choice.
    Moderator,
    /// Leads the room and appoints moderators; who owns it also hands it over and ends it.
    Host,
}

/// Who may enter a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoomKind {
    /// Anybody.
    Open,
    /// People the host follows.
    Social,
    /// Invited people, and those with a link.
    Closed,
}

/// Whose hands are taken. Enforced at the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HandPolicy {
    /// Nobody's.
    Off,
    /// Of people whom a moderator follows.
    Followed,
    /// Everybody's.
    Everyone,
}

/// What a secret link gives to those who enter by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinkRole {
    /// Enters as a listener.
    Listener,
    /// Enters with a standing invitation to the stage.
    Speaker,
}

/// The reactions there are.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Reaction {
    /// 👏
    Clap,
    /// ❤️
    Heart,
    /// 😂
    Laugh,
    /// 🔥
    Fire,
    /// 😮
    Wow,
    /// 💯
    Hundred,
}

/// What everyone knows of a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct RoomInfo {
    /// The room.
    pub id: RoomId,
    /// What it is about, in a line.
    pub title: String,
    /// What it is about, at more length.
    #[serde(default)]
    pub description: String,
    /// What it is about, in lower-case words, for finding it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<String>>")]
    pub topics: Vec<String>,
    /// What is spoken: a BCP 47 tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub language: Option<String>,
    /// Who may enter.
    pub kind: RoomKind,
    /// Whose hands are taken.
    pub hand_policy: HandPolicy,
    /// Nobody new may enter.
    pub locked: bool,
    /// Who opened the room, and reclaims it on return.
    pub owner: UserId,
    /// Who is host now (acting, while the owner is away); nobody in the seconds before succession.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub host: Option<UserId>,
    /// A link shown to everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub pinned_link: Option<String>,
    /// Least time between two lines of chat by one person; 0 is off.
    pub slow_mode_ms: u32,
    /// How long a turn on stage should last, shown to all; 0 is off.
    pub turn_ms: u32,
    /// Most people on stage.
    pub max_speakers: u32,
    /// When the room will end by itself if nothing changes (nobody on stage, or its time is up).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub ends_at_ms: Option<RoomTimeMs>,
}

/// Somebody on stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct StageMember {
    /// Who.
    pub person: Person,
    /// The CSRC of their packets.
    pub number: SpeakerNumber,
    /// Host, moderator or speaker.
    pub role: Role,
    /// Not heard: by their own choice or a moderator's.
    pub muted: bool,
    /// Not heard until a moderator allows it again.
    pub muted_by_moderator: bool,
    /// False while their connection is lost and the reconnect grace runs.
    pub present: bool,
    /// When they came on stage.
    pub since_ms: RoomTimeMs,
}

/// A raised hand, as moderators see it. The queue's order is that of `order`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct Hand {
    /// Whose.
    pub person: Person,
    /// Place in the queue: smaller was raised earlier.
    pub order: u32,
    /// When it was raised.
    pub raised_at_ms: RoomTimeMs,
    /// Has been on stage in this room before (for quiet-first sorting).
    pub has_spoken: bool,
}

/// A hand, as its owner sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct YourHand {
    /// 1 is next.
    pub position: u32,
    /// Median turn so far times position; absent until a turn was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub estimated_wait_ms: Option<u64>,
}

/// An invitation to the stage, as its receiver sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct YourInvitation {
    /// Who invites.
    pub by: UserId,
    /// When it expires.
    pub expires_at_ms: RoomTimeMs,
}

/// What became of an invitation, told to moderators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InvitationState {
    /// Waiting for an answer.
    Sent,
    /// On stage now.
    Accepted,
    /// Said no.
    Declined,
    /// No answer in time, or the person left.
    Expired,
}

/// Why somebody is no longer on stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StageExit {
    /// Went back to the audience.
    SteppedDown,
    /// Was moved to the audience by a moderator.
    Moved,
    /// Left the room.
    Left,
    /// Was removed from the room.
    Removed,
    /// Connection lost for longer than the reconnect grace.
    Lost,
}

/// Why a room ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoomEndReason {
    /// The host ended it.
    EndedByHost,
    /// Nobody was left, or nobody to speak.
    Empty,
    /// Its longest duration was reached.
    TimeUp,
    /// An operator ended it.
    EndedByOperator,
    /// The server is shutting down.
    Shutdown,
}

/// How a connection is, all in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// Nothing to hear of the network.
    Good,
    /// Losses that are mostly concealed, or a noticeable delay.
    Fair,
    /// Speech suffers.
    Poor,
}

/// How many people, the only thing everybody learns of the audience.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct Counts {
    /// People in the audience.
    pub listeners: u32,
    /// Raised hands.
    pub hands: u32,
}

/// A line of chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct ChatMessage {
    /// Counts up within the room.
    pub number: u32,
    /// Who wrote it.
    pub from: Person,
    /// What they wrote.
    pub text: String,
    /// When.
    pub at_ms: RoomTimeMs,
}

/// An entry of the moderation log, which the host can read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct ModerationEntry {
    /// When.
    pub at_ms: RoomTimeMs,
    /// Who did it.
    pub by: Person,
    /// What was done.
    pub act: ModerationAct,
    /// To whom, where it was done to somebody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub to: Option<Person>,
    /// The reason given with a report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub reason: Option<String>,
}

/// What the moderation log keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModerationAct {
    /// Muted a speaker.
    Muted,
    /// Allowed a muted speaker to unmute.
    AllowedUnmute,
    /// Moved a speaker to the audience.
    MovedToAudience,
    /// Made somebody a moderator.
    MadeModerator,
    /// Took the moderator's role.
    RevokedModerator,
    /// Handed the room over.
    TransferredHost,
    /// Removed somebody.
    Removed,
    /// Removed and banned somebody.
    Banned,
    /// Lifted a ban.
    Unbanned,
    /// Locked the room.
    Locked,
    /// Unlocked it.
    Unlocked,
    /// Changed whose hands are taken.
    ChangedHandPolicy,
    /// Reported somebody.
    Reported,
}

/// What only you know of yourself in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct You {
    /// Who you are.
    pub person: Person,
    /// What you are.
    pub role: Role,
    /// Your hand, while it is up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub hand: Option<YourHand>,
    /// Your invitation to the stage, while it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub invitation: Option<YourInvitation>,
}

/// A room as it is at `seq`; the room's events after that, folded into it, keep it true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct Snapshot {
    /// The last event it contains.
    pub seq: u64,
    /// What time it is in the room.
    pub now_ms: RoomTimeMs,
    /// The room.
    pub room: RoomInfo,
    /// Who is on stage, in the order in which they came.
    pub stage: Vec<StageMember>,
    /// How many people.
    pub counts: Counts,
    /// The last lines of chat, oldest first.
    pub chat: Vec<ChatMessage>,
    /// You.
    pub you: You,
    /// The queue of hands in its order, for moderators and the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub hands: Option<Vec<Hand>>,
}
