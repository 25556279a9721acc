//! Integration tests over real sockets: the whole server in this process, and clients that are not ours
//! (the `webrtc` crate's peer connection) around it.

mod api;
mod forbidden;
mod gate;
#[path = "../hardening/mod.rs"]
mod hardening;
mod hostile;
mod house;
mod impair;
mod journey;
mod network;
mod operate;
mod operators;
mod people;
#[path = "../support/postgres.rs"]
mod postgres;
mod protocol;
mod resume;
mod rules;
mod spawned;
