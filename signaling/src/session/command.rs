//! Requests that are a command of the room's, word for word.

use palco_protocol::{ClientMessage, ErrorCode};
use palco_room::{Command, LinkSecret};

/// The room's command for a message that needs nothing but the room.
pub(super) fn command_of(message: ClientMessage) -> Result<Command, ErrorCode> {
    use ClientMessage as M;
    Ok(match message {
        M::LowerHand => Command::LowerHand,
        M::Invite { user } => Command::Invite { user },
        M::DismissHand { user } => Command::DismissHand { user },
        M::AcceptInvite => Command::AcceptInvite,
        M::DeclineInvite => Command::DeclineInvite,
        M::TakeStage => Command::TakeStage,
        M::StepDown => Command::StepDown,
        M::Mute => Command::Mute,
        M::Unmute => Command::Unmute,
        M::MuteSpeaker { user } => Command::MuteSpeaker { user },
        M::AllowUnmute { user } => Command::AllowUnmute { user },
        M::MoveToAudience { user } => Command::MoveToAudience { user },
        M::MakeModerator { user } => Command::MakeModerator { user },
        M::RevokeModerator { user } => Command::RevokeModerator { user },
        M::TransferHost { user } => Command::TransferHost { user },
        M::Remove { user, ban } => Command::Remove { user, ban },
        M::Unban { user } => Command::Unban { user },
        M::SetHandPolicy { policy } => Command::SetHandPolicy { policy },
        M::Lock => Command::Lock,
        M::Unlock => Command::Unlock,
        M::EndRoom => Command::EndRoom,
        M::Chat { text } => Command::Chat { text },
        M::React { reaction } => Command::React { reaction },
        M::PinLink { url } => Command::PinLink { url },
        M::UpdateRoom { title, description, slow_mode_ms, turn_ms } => {
            Command::UpdateRoom { title, description, slow_mode_ms, turn_ms }
        }
        M::RevokeLink { link } => Command::RevokeLink { secret: LinkSecret(link) },
        M::Report { user, reason } => Command::Report { user, reason },
        M::Hello { .. }
        | M::Ping
        | M::Join { .. }
        | M::RestartIce { .. }
        | M::Leave
        | M::Audience { .. }
        | M::RaiseHand
        | M::PingFollower { .. }
        | M::ModerationLog
        | M::CreateLink { .. } => return Err(ErrorCode::BadMessage),
    })
}
