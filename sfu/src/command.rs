//! What the handle asks of a shard.

use tokio::sync::oneshot;

use crate::error::ConnectError;
use crate::ice::Credentials;
use crate::loudest::SpeakerNo;
use crate::offer::Offer;
use crate::relay::Reach;
use crate::stats::{PeerStats, ShardStats};
use crate::tap::TapSink;
use crate::tcp::Accepted;
use crate::{PeerKey, RoomKey};

/// A request to one shard, over its bounded queue. An answer that nobody awaits any more is dropped.
pub(crate) enum Command {
    Connect {
        peer: Box<NewPeer>,
        reply: oneshot::Sender<Result<(), ConnectError>>,
    },
    RestartIce {
        peer: PeerKey,
        credentials: Credentials,
        their_ufrag: String,
        reply: oneshot::Sender<Result<(), ConnectError>>,
    },
    AllowSending {
        peer: PeerKey,
        speaker: SpeakerNo,
    },
    StopSending {
        peer: PeerKey,
    },
    Disconnect {
        peer: PeerKey,
    },
    CloseRoom {
        room: RoomKey,
    },
    Tap {
        room: RoomKey,
        sink: TapSink,
    },
    Stats {
        reply: oneshot::Sender<ShardStats>,
    },
    PeerStats {
        peer: PeerKey,
        reply: oneshot::Sender<Option<PeerStats>>,
    },
    PeersOf {
        room: RoomKey,
        reply: oneshot::Sender<Vec<PeerStats>>,
    },
    /// A connection whose first frame asks for a peer of this shard. The runner's business, not the core's.
    TcpClient {
        accepted: Accepted,
    },
    /// Say goodbye to everybody: the thread ends.
    /// A bug, made to order: only tests ask for it.
    Break {
        peer: PeerKey,
    },
    Stop,
}

/// A peer whose offer was read and whose answer is about to be sent.
pub(crate) struct NewPeer {
    pub(crate) key: PeerKey,
    pub(crate) room: RoomKey,
    pub(crate) reach: Reach,
    pub(crate) credentials: Credentials,
    pub(crate) offer: Offer,
}
