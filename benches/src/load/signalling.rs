//! What signalling does at scale: an event to everybody, and everybody reconnecting at once.

use std::error::Error;
use std::time::Duration;

use palco_protocol::ClientMessage;

use super::report::{Quantiles, Signalling};
use super::world::World;
use crate::accounting::Usage;

/// Stage events measured. The server allows a person twelve such requests at once.
const ROUNDS: u32 = 8;
/// An event that took longer is counted as missing.
const EVENT_LIMIT: Duration = Duration::from_secs(10);
/// Between two events: more than a request's refill.
const PAUSE: Duration = Duration::from_millis(700);
/// How long the stampede may take, more than the 15 s that are wanted of it.
const STAMPEDE_LIMIT: Duration = Duration::from_secs(40);
/// From the loss of all sockets to their return: less than the reconnect grace of 30 s.
const AWAY: Duration = Duration::from_secs(2);

/// Measures both, with the clients from `first` on as listeners.
pub(super) fn measure(
    world: &mut World,
    first: usize,
    listeners: usize,
    pid: Option<u32>,
    stampede: bool,
) -> Result<Signalling, Box<dyn Error>> {
    let usage = || pid.map(Usage::of).transpose();
    let before = usage()?;
    let mut delays = Vec::new();
    for round in 0..ROUNDS {
        world.stage_events.clear();
        let sent = world.now();
        let message = if round % 2 == 0 { ClientMessage::Mute } else { ClientMessage::Unmute };
        world.request(0, &message)?;
        world.until(EVENT_LIMIT, |world| world.stage_events.len() >= listeners)?;
        delays.extend(world.stage_events.iter().map(|at| at.saturating_sub(sent)));
        world.pass(PAUSE)?;
    }
    let after = usage()?;
    let us_per_event =
        before.zip(after).map(|(before, after)| after.since(&before).us_each(delays.len() as u64));
    let mut report = Signalling {
        stage_events_missing: (u64::from(ROUNDS) * listeners as u64)
            .saturating_sub(delays.len() as u64),
        stage_event_ms: Quantiles::of_all(delays.into_iter()),
        us_per_event,
        stampede_ms: None,
        resumed: 0,
        ms_per_resume: None,
    };
    if stampede {
        for client in first..first + listeners {
            world.drop_socket(client);
        }
        world.pass(AWAY)?;
        world.resumed.clear();
        let before = usage()?;
        let start = world.now();
        for client in first..first + listeners {
            world.start(client)?;
        }
        world.until(STAMPEDE_LIMIT, |world| world.resumed.len() + world.failed >= listeners)?;
        let after = usage()?;
        report.resumed = world.resumed.len();
        report.stampede_ms =
            Some(Quantiles::of_all(world.resumed.iter().map(|at| at.saturating_sub(start))));
        report.ms_per_resume = before
            .zip(after)
            .map(|(before, after)| after.since(&before).us_each(report.resumed as u64) / 1e3);
    }
    Ok(report)
}
