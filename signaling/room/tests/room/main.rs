//! The room's behaviour, in virtual time: one file for each part of it, the exact effects in their
//! order; and random sequences of commands against the invariants and a naive model.

mod around;
mod client;
mod door;
mod hands;
mod invariants;
mod model;
mod moderation;
mod permissions;
mod presence;
mod stage;
mod succession;
mod timers;
mod trial;
mod world;
