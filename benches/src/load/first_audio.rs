//! From an accepted invitation to the first sound at listeners: the wait a new speaker's audience feels.

use std::error::Error;
use std::time::Duration;

use palco_protocol::ClientMessage;

use super::client::Signal;
use super::report::Quantiles;
use super::world::World;
use super::{Options, open, stage};

/// How often a listener comes on stage: within the server's limits on hands.
const ROUNDS: u32 = 5;
/// Hands are allowed again after this.
const PAUSE: Duration = Duration::from_secs(5);
/// A first packet that takes longer never comes.
const LIMIT: Duration = Duration::from_secs(5);
/// The host and the one who comes on stage.
const STAGE: usize = 2;

/// Measures from `accept_invite` sent, `unmute` after its answer, to the first packet at each of the listeners. The
/// microphone sends all the time, as one that was tested before: only the server's gate holds it back.
///
/// # Errors
/// As `run`.
pub fn measure(options: &Options) -> Result<Quantiles, Box<dyn Error>> {
    let mut world = open(options, STAGE)?;
    stage::fill(&mut world, 1, false)?;
    super::join_all(&mut world, 1, options.concurrency)?;
    if world.clients.iter().any(|client| client.signal != Signal::In) {
        return Err(format!("not everybody got in: {:?}", world.failures).into());
    }
    world.media.give_voice(1)?;
    world.media.speak(true, world.now());
    let mut waits = Vec::new();
    for round in 0..ROUNDS {
        if round > 0 {
            world.request(1, &ClientMessage::StepDown)?;
            world.pass(PAUSE)?;
        }
        waits.extend(once(&mut world, options.listeners)?);
    }
    Ok(Quantiles::of_all(waits.into_iter()))
}

fn once(world: &mut World, listeners: usize) -> Result<Vec<Duration>, Box<dyn Error>> {
    world.clients[1].messages.clear();
    stage::ask(world, 1)?;
    world.media.open_window(STAGE);
    let start = world.now();
    world.request(1, &ClientMessage::AcceptInvite)?;
    world.request(1, &ClientMessage::Unmute)?;
    if !world.until(LIMIT, |world| world.media.meter.first_heard.len() >= listeners)? {
        let heard = world.media.meter.first_heard.len();
        return Err(format!("{heard} of {listeners} heard the new speaker").into());
    }
    Ok(world.media.meter.first_heard.iter().map(|at| at.saturating_sub(start)).collect())
}
