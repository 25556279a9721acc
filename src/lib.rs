//! Palco: one binary that serves live audio rooms.
//!
//! This crate composes the media plane (`palco-sfu`), signalling (`palco-signaling`) and the embedded web
//! client behind one HTTP listener. [`Server::start`] is the way in, for the command and for tests alike.

mod api;
mod calendar;
pub mod cli;
pub mod config;
mod connections;
mod hallway;
mod history;
mod identity;
mod listener;
mod mail;
mod media;
mod notify;
mod passwords;
mod pictures;
mod products;
mod redirect;
mod schedule;
mod secrets;
mod serve;
mod social;
mod store;
mod telemetry;
pub mod tls;
mod tokens;
mod web;
mod wiring;
mod words;

pub use config::Config;
pub use wiring::{Server, StartError};
