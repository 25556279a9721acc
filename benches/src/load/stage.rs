//! Speakers get on stage as people do: the host opens the room; the others raise a hand, are invited, accept, unmute.

use std::error::Error;
use std::time::Duration;

use palco_protocol::{ClientMessage, DirectEvent, ServerMessage};

use super::world::World;

/// How long a speaker waits for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// Brings the first `speakers` clients on stage and gives them a voice. The first is the host.
pub(super) fn fill(
    world: &mut World,
    speakers: usize,
    with_media: bool,
) -> Result<(), Box<dyn Error>> {
    for speaker in 0..speakers {
        world.start(speaker)?;
        if !world.until(PATIENCE, |world| world.is_settled(speaker) || world.failed > 0)?
            || world.failed > 0
        {
            return Err(format!("speaker {speaker} did not get in: {:?}", world.failures).into());
        }
        if speaker > 0 {
            climb(world, speaker)?;
        }
        world.request(speaker, &ClientMessage::Unmute)?;
        if with_media {
            world.media.give_voice(speaker)?;
        }
    }
    Ok(())
}

fn climb(world: &mut World, speaker: usize) -> Result<(), Box<dyn Error>> {
    ask(world, speaker)?;
    world.request(speaker, &ClientMessage::AcceptInvite)?;
    Ok(())
}

/// A listener raises a hand and waits for the host's invitation.
pub(super) fn ask(world: &mut World, listener: usize) -> Result<(), Box<dyn Error>> {
    let user = world.clients[listener].user;
    world.request(listener, &ClientMessage::RaiseHand)?;
    world.request(0, &ClientMessage::Invite { user })?;
    let is_invitation = |message: &ServerMessage| {
        matches!(
            message,
            ServerMessage::Direct(DirectEvent::YourInvitation { invitation: Some(_) })
        )
    };
    let invited = world
        .until(PATIENCE, |world| world.clients[listener].messages.iter().any(is_invitation))?;
    if invited { Ok(()) } else { Err(format!("client {listener} was not invited").into()) }
}
