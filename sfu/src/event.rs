//! What a shard tells its owner.

use std::time::Duration;

use crate::PeerKey;

/// Something happened to a peer that the caller must know of.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The handshake is done: media can flow.
    Connected {
        /// Whose.
        peer: PeerKey,
    },
    /// The peer is gone; its key may be used again. The last event of a peer.
    Closed {
        /// Whose.
        peer: PeerKey,
        /// Why.
        reason: CloseReason,
    },
    /// A peer's connection became better or worse. Dropped when the caller does not keep up.
    Quality {
        /// Whose.
        peer: PeerKey,
        /// How it is now.
        quality: Quality,
    },
}

/// What reports say of a peer's connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// All in all.
    pub grade: Grade,
    /// Lost on the way to the peer: the worst slot of its last report, 0.0 to 1.0.
    pub loss_down: f32,
    /// Lost on the way to us by our last report, 0.0 to 1.0.
    pub loss_up: f32,
    /// Jitter at the peer, the worst slot.
    pub jitter_down: Duration,
    /// By the peer's last report.
    pub round_trip: Option<Duration>,
}

/// For an indicator at the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grade {
    /// Nothing to hear of the network.
    Good,
    /// Losses that Opus mostly conceals, or a noticeable delay.
    Fair,
    /// Speech suffers.
    Poor,
}

/// Why a peer's transport ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// `Handle::disconnect` or `Handle::close_room`.
    Asked,
    /// The client sent DTLS close_notify.
    PeerClosed,
    /// Nothing authentic was heard for the consent time (RFC 7675).
    Silent,
    /// The DTLS handshake did not finish in time.
    HandshakeTimeout,
    /// The certificate is not the one that the offer named.
    WrongFingerprint,
    /// The room's listeners number payload types and extensions in too many different ways.
    TooManyProfiles,
    /// A bug: handling this peer panicked and the peer was removed.
    Fault,
}
