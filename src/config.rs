//! What an operator can set. Flags and environment variables; every key has a default that works.

use std::{
    net::{IpAddr, SocketAddr},
    num::NonZeroUsize,
    path::PathBuf,
};

use clap::Args;

/// The settings of `palco serve`.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Where the page, the API and the WebSocket are served
    #[arg(long, env = "PALCO_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Where audio arrives and leaves: the first shard's UDP address; further shards take the ports after it
    #[arg(long, env = "PALCO_UDP", default_value = "0.0.0.0:8090")]
    pub udp: SocketAddr,

    /// An address at which clients reach this machine's UDP ports; give it once for each. If not given: the
    /// bound address or, bound to all, the loopback and this machine's own towards the world
    #[arg(long, env = "PALCO_ANNOUNCE", value_delimiter = ',')]
    pub announce: Vec<IpAddr>,

    /// Media threads; one for each core if not given
    #[arg(long, env = "PALCO_SHARDS")]
    pub shards: Option<NonZeroUsize>,

    /// Where the server keeps its files
    #[arg(long, env = "PALCO_DATA", default_value = "data")]
    pub data: PathBuf,

    /// A web page's origin, besides this server's own, that may open the WebSocket; give it once for each
    #[arg(long, env = "PALCO_ORIGIN", value_delimiter = ',')]
    pub origin: Vec<String>,
}
