//! What signalling needs of others: a media plane, somebody who knows who a token belongs to and who follows whom, and
//! a history.

use std::{future::Future, pin::Pin, time::Instant};

use palco_protocol::{
    ChatMessage, ErrorCode, Grade, ModerationEntry, Person, RoomEvent, RoomId, RoomTimeMs,
    SpeakerNumber, UserId, http::Unread,
};

/// A future behind a port. The ports are trait objects, so that this crate is compiled once.
pub type PortFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One media connection: a person joining twice has two, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u64);

/// Why the media plane did not take an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaRefusal {
    /// The offer cannot be used, and what is wrong with it.
    BadOffer(String),
    /// No more connections can be taken now.
    Full,
    /// The connection is not (or no longer) there.
    Gone,
}

/// What the media plane reports by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaEvent {
    /// ICE and DTLS are through: the peer hears.
    Connected(PeerId),
    /// The transport is gone and will not come back.
    Closed(PeerId),
    /// How packets reach the peer.
    Quality {
        /// Whom.
        peer: PeerId,
        /// All in all.
        grade: Grade,
        /// Lost on the way to the peer, in thousandths.
        loss_permille: u16,
        /// Lost on the way from the peer, in thousandths.
        loss_up_permille: u16,
        /// Interarrival jitter at the peer.
        jitter_ms: u32,
        /// Round trip, once known.
        rtt_ms: Option<u32>,
    },
}

impl MediaEvent {
    /// Whom it is about.
    #[must_use]
    pub fn peer(&self) -> PeerId {
        match *self {
            Self::Connected(peer) | Self::Closed(peer) | Self::Quality { peer, .. } => peer,
        }
    }
}

/// The media plane, as signalling sees it.
pub trait Media: Send + Sync + 'static {
    /// Takes an offer; when the answer is returned, the media plane already knows the credentials.
    fn connect(
        &self,
        room: RoomId,
        peer: PeerId,
        offer: String,
    ) -> PortFuture<'_, Result<String, MediaRefusal>>;

    /// New ICE credentials for a connection that lives on.
    fn restart_ice(
        &self,
        peer: PeerId,
        offer: String,
    ) -> PortFuture<'_, Result<String, MediaRefusal>>;

    /// Opens the gate: what this peer sends is forwarded, under this number.
    fn allow_sending(&self, peer: PeerId, number: SpeakerNumber);

    /// Closes the gate.
    fn stop_sending(&self, peer: PeerId);

    /// Ends a connection.
    fn disconnect(&self, peer: PeerId);

    /// Ends every connection of a room.
    fn close_room(&self, room: RoomId);
}

/// What is known of somebody at a room's door that the room cannot know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Door {
    /// The room's owner follows them.
    pub followed_by_owner: bool,
    /// They are on the room's list of guests.
    pub invited: bool,
    /// The owner blocked them, or they the owner.
    pub blocked: bool,
}

/// Who follows, invited and blocked whom.
pub trait Social: Send + Sync + 'static {
    /// Of `person` at the door of `room`, which `owner` owns.
    fn at_door(
        &self,
        room: RoomId,
        owner: UserId,
        person: UserId,
    ) -> PortFuture<'_, Result<Door, ErrorCode>>;

    /// Whether one of `followers` follows `followed`.
    fn follows(
        &self,
        followers: Vec<UserId>,
        followed: UserId,
    ) -> PortFuture<'_, Result<bool, ErrorCode>>;

    /// How many notices wait for somebody with an account.
    fn unread(&self, user: UserId) -> PortFuture<'_, Result<Unread, ErrorCode>>;

    /// Calls somebody into a room, wherever they are.
    fn call(&self, user: UserId, by: Person, room: RoomId);
}

/// Something that happened in a room, for its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// Somebody came in, for the first time or again.
    Joined(Person),
    /// Somebody is no longer in the room.
    Left(UserId),
    /// What everybody was told, but for counts and reactions.
    Event(RoomEvent),
    /// What moderators did, and reports with the reported person's lines of chat.
    Moderated {
        /// What.
        entry: ModerationEntry,
        /// Kept with a report.
        evidence: Vec<ChatMessage>,
    },
}

/// Where rooms' histories are kept. Told in order, and must not keep the room waiting.
pub trait History: Send + Sync + 'static {
    /// At `at_ms` of this room's time.
    fn record(&self, room: RoomId, at_ms: RoomTimeMs, happened: Happened);
}

/// What another product's token grants whoever shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    /// Whose token: its API key.
    pub product: String,
    /// The one room it is for; none: any.
    pub room: Option<RoomId>,
    /// Enter.
    pub join: bool,
    /// Ask for the stage; enter the product's own rooms with an invitation to it.
    pub speak: bool,
    /// Open rooms; enter the product's own as a moderator.
    pub host: bool,
}

impl Grants {
    /// Whether it lets its bearer try this door at all.
    #[must_use]
    pub fn admit(&self, room: RoomId) -> bool {
        (self.join || self.host) && self.room.is_none_or(|only| only == room)
    }

    /// Whether it lets its bearer on a stage.
    #[must_use]
    pub fn let_speak(&self) -> bool {
        self.speak || self.host
    }
}

/// Somebody whose token was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identified {
    /// Who.
    pub person: Person,
    /// What limits them; accounts and guests nothing.
    pub grants: Option<Grants>,
    /// When they must have shown another token, or are put out; none: whenever they leave.
    pub until: Option<Instant>,
}

/// Who is who.
pub trait Identity: Send + Sync + 'static {
    /// The person whose token this is.
    fn identify<'a>(&'a self, token: &'a str) -> PortFuture<'a, Result<Identified, ErrorCode>>;
}
