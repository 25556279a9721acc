//! The room's rules as the wire shows them: what follows from an act arrives at the right people and
//! only at them. (What follows is tested exactly at the room itself; here it goes over real sockets.)

mod around;
mod hands;
mod safety;
mod scale;
mod stage;
mod succession;
pub(crate) mod venue;
