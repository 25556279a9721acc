//! The media plane: one UDP port a shard, same packet, many keys.
//!
//! ```text
//!  caller ── Handle ──commands──▶ shard thread 0 ◀──relay──▶ shard thread 1 …
//!    ▲                              │  runner: sockets, clock
//!    └────────── Event ─────────────┤  shard:  handle(now, input), poll() -> output
//!                                   │    demux → ice | dtls | srtp open → gate (may_send)
//!                                   │    → loudest → slot → packet → fanout: patch, seal
//!                                   ▼
//!                                 UDP
//! ```
//!
//! A client offers once and is answered once: a microphone section and K slots. Who is heard in which slot is decided
//! here, packet by packet; nothing is renegotiated. Each peer lives on one shard, a thread with its own port; a
//! speaker's packet crosses to another shard once and is sealed there for the listeners it has.
//!
//! Knows peers, rooms as keys, slots and who may send. Not its job: people, roles, HTTP, the signalling protocol.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc;

#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench;
mod command;
mod demux;
mod dtls;
mod error;
mod event;
mod fanout;
mod handle;
mod ice;
pub mod loudest;
pub mod offer;
pub mod packet;
mod peer;
mod quality;
mod relay;
mod room;
pub mod rtcp;
pub mod rtp;
mod runner;
mod shard;
mod slab;
pub mod slot;
mod socket;
mod srtp;
pub mod stats;
mod tap;
mod tcp;
mod timer;

pub use error::{ConnectError, StartError};
pub use event::{CloseReason, Event, Grade, Quality};
pub use handle::Handle;
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub use shard::fuzz;
pub use stats::Stats;
pub use tap::{Tap, TapFrame};

use crate::offer::{Candidate, Transport};

/// Shards a room's reach can name.
pub const MAX_SHARDS: usize = 64;

/// A room as the caller numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomKey(pub u64);

/// A peer as the caller numbers it: unique over all rooms while the peer lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerKey(pub u64);

/// How to run the media plane.
#[derive(Clone, Debug)]
pub struct Config {
    /// The first shard's UDP address; shard i uses port + i (port 0: each any port).
    pub udp: SocketAddr,
    /// Where ICE-TCP is accepted, if at all.
    pub tcp: Option<SocketAddr>,
    /// The candidates' addresses, the preferred first; empty: the bound address or, if that is unspecified, the
    /// machine's own towards the world, and loopback.
    pub announced: Vec<IpAddr>,
    /// Threads, one port each.
    pub shards: NonZeroUsize,
    /// Peers a shard takes before `connect` is refused as busy.
    pub max_peers_per_shard: usize,
    /// What is asked of the kernel for each direction: a packet to 5,000 listeners is 700 KB.
    pub socket_buffer_bytes: usize,
    /// From `connect` until the handshake must be done.
    pub handshake_timeout: Duration,
    /// Without anything authentic for so long, a peer is gone (RFC 7675 section 5.1: 30 s).
    pub consent_timeout: Duration,
    /// From how many listeners of a room on one shard its audience gets three frames in one packet: a third of the
    /// packets for 40 ms more delay. Never those on stage. `None`: never.
    pub bundle_from: Option<usize>,
    /// Events that may wait for the caller.
    pub event_queue: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            udp: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            tcp: None,
            announced: Vec::new(),
            shards: NonZeroUsize::MIN,
            max_peers_per_shard: 20_000,
            socket_buffer_bytes: 4 << 20,
            handshake_timeout: Duration::from_secs(30),
            consent_timeout: Duration::from_secs(30),
            bundle_from: None,
            event_queue: 1024,
        }
    }
}

/// Binds the ports and starts the threads.
#[expect(
    clippy::needless_pass_by_value,
    reason = "what the caller configured belongs to the media plane from here on"
)]
pub fn start(config: Config) -> Result<(Handle, mpsc::Receiver<Event>), StartError> {
    let shards = config.shards.get();
    if shards > MAX_SHARDS {
        return Err(StartError::TooManyShards(shards));
    }
    let identity = dtls::Identity::generate()
        .map(Arc::new)
        .map_err(|error| StartError::Identity(error.to_string()))?;
    let directory = Arc::new(handle::Directory::new(shards));
    let (events, events_out) = mpsc::channel(config.event_queue.max(1));
    let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let wall = (Instant::now(), unix);

    let mut parts = Vec::new();
    let mut links = Vec::new();
    let mut candidates = Vec::new();
    for index in 0..shards {
        let address = shard_address(config.udp, index);
        let failed = |source| StartError::Socket { address, source };
        let udp = socket::Udp::bind(address, config.socket_buffer_bytes).map_err(failed)?;
        candidates.push(announce(&config, Transport::Udp, udp.local_addr().map_err(failed)?));
        let (link, queues) = runner::link().map_err(failed)?;
        links.push(link);
        parts.push((udp, queues, address));
    }
    let links: Arc<[runner::Link]> = links.into();
    let acceptor = match config.tcp {
        Some(address) => {
            let failed = |source| StartError::Socket { address, source };
            Some(listen(&config, address, &links, &mut candidates).map_err(failed)?)
        }
        None => None,
    };
    let handle = Handle::new(handle::Inner {
        links: Arc::clone(&links),
        directory: Arc::clone(&directory),
        identity: Arc::clone(&identity),
        candidates,
        acceptor,
    });
    for (index, (udp, queues, address)) in parts.into_iter().enumerate() {
        let shard = shard::Shard::new(
            shard::ShardConfig {
                index,
                max_peers: config.max_peers_per_shard,
                handshake_timeout: config.handshake_timeout,
                consent_timeout: config.consent_timeout,
                bundle_from: config.bundle_from,
            },
            Arc::clone(&identity),
            wall,
        );
        let failed = |source| StartError::Socket { address, source };
        let runner = runner::Runner::new(
            index,
            shard,
            udp,
            queues,
            Arc::clone(&links),
            Arc::clone(&directory),
            events.clone(),
        )
        .map_err(failed)?;
        std::thread::Builder::new()
            .name(format!("palco-media-{index}"))
            .spawn(move || runner.run())
            .map_err(failed)?;
    }
    Ok((handle, events_out))
}

fn shard_address(first: SocketAddr, index: usize) -> SocketAddr {
    let mut address = first;
    if first.port() != 0 {
        address.set_port(first.port().saturating_add(u16::try_from(index).unwrap_or(u16::MAX)));
    }
    address
}

/// Starts the thread that accepts ICE-TCP, and announces it after the UDP candidates.
fn listen(
    config: &Config,
    address: SocketAddr,
    links: &Arc<[runner::Link]>,
    candidates: &mut [Vec<Candidate>],
) -> std::io::Result<Arc<socket::Bell>> {
    let listener = TcpListener::bind(address)?;
    let tcp = announce(config, Transport::TcpPassive, listener.local_addr()?);
    for candidates in candidates {
        candidates.extend_from_slice(&tcp);
    }
    let bell = Arc::new(socket::Bell::new()?);
    let acceptor = tcp::Acceptor::new(listener, Arc::clone(links), Arc::clone(&bell))?;
    std::thread::Builder::new().name("palco-media-tcp".to_owned()).spawn(move || acceptor.run())?;
    Ok(bell)
}

fn announce(config: &Config, transport: Transport, bound: SocketAddr) -> Vec<Candidate> {
    let mut addresses = config.announced.clone();
    if addresses.is_empty() && !bound.ip().is_unspecified() {
        addresses.push(bound.ip());
    }
    if addresses.is_empty() {
        addresses.extend(address_towards_the_world());
        addresses.push(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    let candidate = |ip| Candidate { transport, addr: SocketAddr::new(ip, bound.port()) };
    addresses.into_iter().map(candidate).collect()
}

/// The source address the kernel would use for a packet to the Internet; none is sent.
#[must_use]
pub fn address_towards_the_world() -> Option<IpAddr> {
    // RFC 5737: an address for documentation, routed like any other.
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}
