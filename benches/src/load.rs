//! The load generator.

mod http;
mod meter;
mod sdp;
mod transport;
mod voice;
mod websocket;
