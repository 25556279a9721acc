//! The native client: joins a room, speaks, listens and measures what it hears.
//!
//! Behind `palco listen`, `palco speak` and `palco probe`, and the independent implementation that
//! the server is tested against: WebRTC is the full `webrtc` peer connection, not ours.
//!
//! ```text
//! Server ── guest, create_room (HTTP) ── connect ──> Client ── join ──> Session { snapshot, media }
//!                                                      │                               │
//!                                      request, next_event                 speak, mute, tone_from …
//! ```
//!
//! A [`Client`] is one WebSocket with one task that owns it. [`Media`] is one peer connection: it
//! outlives the socket, as the server's half does. Nothing here decides anything about rooms.

mod address;
mod audio;
mod connect;
mod error;
mod hearing;
mod http;
mod listen;
mod media;
mod microphone;
mod oggopus;
mod presence;
mod probe;
mod reception;
mod recorder;
mod red;
mod reorder;
mod setup;
mod speak;
mod tone;
mod transport;

pub use address::{Link, Server};
pub use audio::{OpusFrame, Tone};
pub use connect::{Client, Closed, Requests, ServerEvent};
pub use error::Error;
pub use http::HttpAnswer;
pub use listen::{ListenReport, listen};
pub use media::{Media, MediaOptions, Session, SrtpOffer};
pub use microphone::Speaking;
pub use oggopus::{OggOpusReader, OggOpusWriter};
pub use probe::{ProbeReport, probe};
pub use reception::{HeardCounts, PacketRecord};
pub use speak::{Source, SpeakReport, speak};
pub use tone::{dominant_hz, level_dbfs};
pub use webrtc::peer_connection::RTCPeerConnectionState as MediaState;

/// Slots in the offer: how many voices a client hears at once (design, section 3).
pub const SLOTS: usize = 4;
