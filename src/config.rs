//! What an operator can set: by flags, environment variables, a file. Every key has a default that works.
//!
//! A field here is a key everywhere: the flag `--public-url`, the variable of its `env`, `public_url` in the file.
//! `docs/operations.md` shows all of them, and a test holds it to that.

pub(crate) mod file;

use std::{
    net::{IpAddr, SocketAddr},
    num::NonZeroUsize,
    path::PathBuf,
};

use clap::{Args, Command, FromArgMatches};
use ipnet::IpNet;
use palco_room::Timers;

use crate::api::address::network;

pub use crate::{api::address::ForwardedHeader, telemetry::LogFormat, tls::TlsSettings};

/// The settings of `palco serve`.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Where the page, the API and the WebSocket are served
    #[arg(long, env = "PALCO_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Where audio arrives and leaves: the first shard's UDP address; further shards take the ports after it
    #[arg(long, env = "PALCO_UDP", default_value = "0.0.0.0:8090")]
    pub udp: SocketAddr,

    /// Where audio arrives and leaves for those whose network lets no UDP through (ICE-TCP); if not given, the same
    /// address and port number as the first UDP one
    #[arg(long, env = "PALCO_TCP")]
    pub tcp: Option<SocketAddr>,

    /// Take no audio over TCP
    #[arg(long, env = "PALCO_NO_TCP", conflicts_with = "tcp")]
    pub no_tcp: bool,

    /// An address at which clients reach this machine's media ports; give it once for each. If not given: the
    /// bound address or, bound to all, the loopback and this machine's own towards the world
    #[arg(long, env = "PALCO_ANNOUNCE", value_delimiter = ',')]
    pub announce: Vec<IpAddr>,

    /// Media threads; one for each core if not given
    #[arg(long, env = "PALCO_SHARDS")]
    pub shards: Option<NonZeroUsize>,

    /// Rooms with at least so many listeners send the audience 60 ms packets instead of 20 ms ones: a third of the
    /// packets for 40 ms more delay; never if not given
    #[arg(long, env = "PALCO_BUNDLE_FROM")]
    pub bundle_from: Option<usize>,

    /// Where the server keeps its files
    #[arg(long, env = "PALCO_DATA", default_value = "data")]
    pub data: PathBuf,

    /// A PostgreSQL database, `postgres://user:password@host/name`; SQLite in the data directory if not given
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,

    /// How long the database may take over a question or a change before whoever waits is told that it is
    /// unavailable, in seconds
    #[arg(long, env = "PALCO_DATABASE_TIMEOUT_S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub database_timeout_s: u64,

    /// Where people reach this server, `https://rooms.example`: links in mails begin with it
    #[arg(long, env = "PALCO_PUBLIC_URL")]
    pub public_url: Option<String>,

    /// The server that mail goes out by, `smtps://user:password@host`; if not given, the link to a new password is
    /// written to the log
    #[arg(long, env = "PALCO_SMTP_URL", hide_env_values = true, requires_all = ["smtp_from", "public_url"])]
    pub smtp_url: Option<String>,

    /// Whom mail comes from, `Palco <noreply@rooms.example>`
    #[arg(long, env = "PALCO_SMTP_FROM")]
    pub smtp_from: Option<String>,

    /// Push notices to closed browsers (Web Push), and tell push services whom to write to about it:
    /// `mailto:you@rooms.example` or an https address
    #[arg(long, env = "PALCO_PUSH_CONTACT", value_parser = contact)]
    pub push_contact: Option<String>,

    /// An address that is told, signed, what happens in rooms
    #[arg(long, env = "PALCO_WEBHOOK_URL", requires = "webhook_secret")]
    pub webhook_url: Option<String>,

    /// What webhooks are signed with: `whsec_` and base64 of 24 to 64 random bytes
    #[arg(long, env = "PALCO_WEBHOOK_SECRET", hide_env_values = true)]
    pub webhook_secret: Option<String>,

    /// Push also by plain HTTP and to addresses of this machine and its networks: for trying it out. Whoever has an
    /// account can then have this server send requests there
    #[arg(long, env = "PALCO_PUSH_ANYWHERE")]
    pub push_anywhere: bool,

    /// A file of words, one on each line, that chat, titles and descriptions must not have
    #[arg(long, env = "PALCO_WORD_LIST")]
    pub word_list: Option<PathBuf>,
    /// HTTPS
    #[command(flatten)]
    pub tls: TlsSettings,

    /// The rooms' limits and timers
    #[command(flatten)]
    pub rooms: Rooms,

    /// A web page's origin, besides this server's own, that may call the API and open the
    /// WebSocket; give it once for each
    #[arg(long, env = "PALCO_ORIGIN", value_delimiter = ',')]
    pub origin: Vec<String>,

    /// A reverse proxy, address or network (`10.0.0.0/8`), whose word on the client's address is taken; give it once
    /// for each
    #[arg(long, env = "PALCO_TRUSTED_PROXIES", value_delimiter = ',', value_parser = network)]
    pub trusted_proxies: Vec<IpNet>,

    /// The header in which trusted proxies name the client
    #[arg(long, env = "PALCO_FORWARDED_HEADER", value_enum, default_value = "x-forwarded-for")]
    pub forwarded_header: ForwardedHeader,

    /// Most connections (pages, API, WebSockets) that one address holds at a time, an IPv6 network of 64 bits counting as one
    #[arg(long, env = "PALCO_MAX_CONNECTIONS_PER_ADDRESS", default_value_t = 4_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections_per_address: u32,

    /// How the log is written
    #[arg(long, env = "PALCO_LOG_FORMAT", value_enum, default_value = "text")]
    pub log_format: LogFormat,

    /// How long live rooms may go on after SIGTERM, in seconds: no new ones open, everybody is told
    #[arg(long, env = "PALCO_DRAIN_S", default_value_t = 30)]
    pub drain_s: u64,
}

/// RFC 8292, section 2.1.
fn contact(text: &str) -> Result<String, &'static str> {
    if text.starts_with("mailto:") || text.starts_with("https:") {
        Ok(text.to_owned())
    } else {
        Err("neither mailto: nor https:")
    }
}

/// What every room is opened with. The timers' names are those of `docs/protocol.md`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Rooms")]
pub struct Rooms {
    /// Most people in a room
    #[arg(long, env = "PALCO_MAX_PEOPLE", default_value_t = 20_000)]
    pub max_people: u32,

    /// Most people on stage, at most 50
    #[arg(long, env = "PALCO_MAX_SPEAKERS", default_value_t = 13, value_parser = clap::value_parser!(u32).range(1..=50))]
    pub max_speakers: u32,

    /// How long somebody whose connection is lost keeps role, stage and place in the queue, in seconds
    #[arg(long, env = "PALCO_RECONNECT_GRACE_S", default_value_t = 30)]
    pub reconnect_grace_s: u64,

    /// How long a room waits for its host before another becomes acting host, in seconds
    #[arg(long, env = "PALCO_HOST_GRACE_S", default_value_t = 30)]
    pub host_grace_s: u64,

    /// How long a room with nobody to lead it lasts, in seconds
    #[arg(long, env = "PALCO_EMPTY_ROOM_S", default_value_t = 60)]
    pub empty_room_s: u64,

    /// How long an invitation to the stage stands, in seconds
    #[arg(long, env = "PALCO_INVITE_EXPIRY_S", default_value_t = 60)]
    pub invite_expiry_s: u64,

    /// The age at which a room ends whatever happens, in seconds; never if not given
    #[arg(long, env = "PALCO_MAX_DURATION_S")]
    pub max_duration_s: Option<u64>,
}

impl Rooms {
    /// The timers, as rooms know them.
    #[must_use]
    pub fn timers(&self) -> Timers {
        let ms = |seconds: u64| seconds.saturating_mul(1_000);
        Timers {
            reconnect_grace_ms: ms(self.reconnect_grace_s),
            host_grace_ms: ms(self.host_grace_s),
            empty_room_ms: ms(self.empty_room_s),
            invite_expiry_ms: ms(self.invite_expiry_s),
            max_duration_ms: self.max_duration_s.map(ms),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        defaults()
    }
}

impl Default for Rooms {
    fn default() -> Self {
        defaults()
    }
}

impl Default for TlsSettings {
    fn default() -> Self {
        defaults()
    }
}

/// As the command line has it when nothing is said, by the environment neither.
fn defaults<T: Args + FromArgMatches>() -> T {
    let command = T::augment_args(Command::new("palco")).mut_args(|arg| arg.env(None::<&str>));
    let matches = command.get_matches_from(["palco"]);
    T::from_arg_matches(&matches).expect("invariant: every setting has a default or is optional")
}
