//! What can be refused to the caller. Faults of a peer are counted in `stats`, not returned.

use thiserror::Error;

use crate::offer::OfferError;

/// Why the media plane could not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A port could not be bound or a system call that every shard needs failed.
    #[error("media socket {address}: {source}")]
    Socket {
        /// The address asked for.
        address: std::net::SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The DTLS identity could not be made.
    #[error("DTLS identity: {0}")]
    Identity(String),
    /// More shards than a room's reach can name.
    #[error("at most {max} shards, not {0}", max = crate::MAX_SHARDS)]
    TooManyShards(usize),
}

/// Why a peer could not be connected.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The offer cannot be answered.
    #[error(transparent)]
    Offer(#[from] OfferError),
    /// The peer's key is already in use.
    #[error("this peer is already connected")]
    AlreadyConnected,
    /// An ICE restart came with another certificate: that is another session.
    #[error("the offer names another certificate than the session has")]
    ChangedIdentity,
    /// No such peer: it closed or was never there.
    #[error("no such peer")]
    UnknownPeer,
    /// The shard is full or its queue of commands is.
    #[error("the media plane is at its limit")]
    Busy,
    /// The media plane has stopped.
    #[error("the media plane has stopped")]
    Stopped,
}
