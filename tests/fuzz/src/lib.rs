//! Fuzz targets. Each is a function that takes any bytes and panics if something is wrong.
//!
//! ```text
//!  cargo fuzz (tests/fuzz/libfuzzer) ──┐
//!                                      ├──► target(&[u8]) ──► a shard in virtual time · a room in virtual time
//!  a seeded mutator (tests/targets.rs)─┘                      · a whole server on the loopback
//! ```
//!
//! The same entry points run for a moment in `make test`, mutated from a fixed seed, and for as long as one likes by
//! `make fuzz`. What they start from is kept in `corpus/`; an input that ever failed is added there.

pub mod http;
mod live;
pub mod mutate;
mod offer;
mod room;
mod signalling;

pub use palco_sfu::fuzz::{dtls, rtcp, rtp, stun};

pub use http::http;
pub use offer::offer;
pub use room::room;
pub use signalling::signalling;
