//! What a room is opened with: who owns it, its limits, and the names of all its timers.

use std::{fmt::Debug, sync::Arc};

use palco_protocol::{HandPolicy, RoomId, RoomKind, UserId};

/// Everything that is decided before a room opens.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The room.
    pub id: RoomId,
    /// What it is about, in a line.
    pub title: String,
    /// At more length.
    pub description: String,
    /// What it is about, for finding it.
    pub topics: Vec<String>,
    /// What is spoken: a BCP 47 tag.
    pub language: Option<String>,
    /// Who may enter.
    pub kind: RoomKind,
    /// Whose hands are taken at first.
    pub hand_policy: HandPolicy,
    /// Whose room it is: host as soon as they enter, and again whenever they come back.
    pub owner: UserId,
    /// Who is moderator from the beginning, whether there or not; the owner need not be named.
    pub moderators: Vec<UserId>,
    /// The API key of the product that opens it, if one does: what its tokens grant counts here.
    pub product: Option<String>,
    /// Most people in the room. The owner and the moderators enter a full room all the same.
    pub max_people: u32,
    /// Most people on stage; at least 1, at most `palco_protocol::limits::STAGE_MAX`.
    pub max_speakers: u32,
    /// Most raised hands. A moderator's snapshot lists them all, so that it must not grow with the audience.
    pub max_hands: u32,
    /// Least time between two lines of chat by one person; 0 is off.
    pub slow_mode_ms: u32,
    /// How long a turn on stage should last, shown to all; 0 is off.
    pub turn_ms: u32,
    /// The timers.
    pub timers: Timers,
    /// Looks at every text that others will read.
    pub text_filter: Option<Arc<dyn TextFilter>>,
}

impl Settings {
    /// An open room that takes everybody's hands, with the usual limits and timers.
    #[must_use]
    pub fn new(id: RoomId, title: impl Into<String>, owner: UserId) -> Self {
        Self {
            id,
            title: title.into(),
            description: String::new(),
            topics: Vec::new(),
            language: None,
            kind: RoomKind::Open,
            hand_policy: HandPolicy::Everyone,
            owner,
            moderators: Vec::new(),
            product: None,
            max_people: 20_000,
            // A host, two co-hosts, ten speakers.
            max_speakers: 13,
            max_hands: 500,
            slow_mode_ms: 0,
            turn_ms: 0,
            timers: Timers::default(),
            text_filter: None,
        }
    }
}

/// How long a room waits before it acts by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timers {
    /// A person whose connection is lost keeps role, stage and place in the queue for so long.
    pub reconnect_grace_ms: u64,
    /// From the moment the host's connection is lost, or they leave, until somebody else is host.
    pub host_grace_ms: u64,
    /// A room with nobody to lead it ends after this.
    pub empty_room_ms: u64,
    /// An invitation to the stage without an answer expires after this.
    pub invite_expiry_ms: u64,
    /// The room ends at this age whatever happens.
    pub max_duration_ms: Option<u64>,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            reconnect_grace_ms: 30_000,
            host_grace_ms: 30_000,
            empty_room_ms: 60_000,
            invite_expiry_ms: 60_000,
            max_duration_ms: None,
        }
    }
}

/// Refuses texts: chat, titles, descriptions. It must be as deterministic as the room.
pub trait TextFilter: Debug + Send + Sync {
    /// Others must not read this.
    fn refuses(&self, text: &str) -> bool;
}
