//! Takes planned rooms' turns when they come: reminders, and the word that one starts late.
//!
//! What was told is kept with the plans, so that a restart, or two servers on one database, tell nothing twice.

use std::time::Duration;

use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use crate::store::{Store, utc_ms};

/// A reminder may be that late. The look costs one range of an index.
const EVERY: Duration = Duration::from_secs(2);

/// Starts the task; it ends when aborted.
pub(crate) fn start(store: Store) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut turns = interval(EVERY);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            turns.tick().await;
            // A database that is away is asked again at the next turn: nothing was marked as told.
            if let Err(error) = store.take_turns(utc_ms()).await {
                tracing::warn!(%error, "reminders of planned rooms must wait");
            }
        }
    })
}
