//! What signalling needs of others: a media plane, and somebody who knows who a token belongs to.

use std::{future::Future, pin::Pin};

use palco_protocol::{ErrorCode, Grade, Person, RoomId, SpeakerNumber};

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

/// Who is who.
pub trait Identity: Send + Sync + 'static {
    /// The person whose token this is.
    fn identify<'a>(&'a self, token: &'a str) -> PortFuture<'a, Result<Person, ErrorCode>>;
}
