//! What Palco costs, measured: the load generator and the benchmarks behind `make bench`.
//!
//! The server under measure runs in a process of its own; its figures are the system's accounting of that process,
//! beside floors taken in the same run (a bare send of the same bytes, the seal alone, the crypto library's
//! handshake). Nothing here fails for a figure: the table says whether it is within budget.

pub mod accounting;
pub mod floor;
pub mod histogram;
pub mod load;
pub mod micro;
pub mod server;
mod sys;
pub mod table;

pub use sys::{cores, keep_to};
