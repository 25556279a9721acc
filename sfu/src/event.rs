//! What a shard tells its owner.

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
    /// A bug: handling this peer panicked and the peer was removed.
    Fault,
}
