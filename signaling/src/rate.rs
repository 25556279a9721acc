//! Rate limits: token buckets per session and kind of action. Pure; the caller brings the time.

use palco_protocol::ClientMessage;

/// How often one kind of action may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rule {
    burst: u32,
    refill_ms: u32,
}

/// Kinds of action that share a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Enter,
    Hand,
    Stage,
    Moderate,
    Chat,
    React,
    Look,
}

const KINDS: usize = 7;

impl Kind {
    fn of(message: &ClientMessage) -> Self {
        use ClientMessage as M;
        match message {
            M::Hello { .. } | M::Join { .. } | M::Leave | M::RestartIce { .. } => Self::Enter,
            M::RaiseHand | M::LowerHand | M::AcceptInvite | M::DeclineInvite => Self::Hand,
            M::Mute | M::Unmute | M::StepDown | M::TakeStage => Self::Stage,
            M::Chat { .. } | M::Report { .. } | M::PingFollower { .. } => Self::Chat,
            M::React { .. } => Self::React,
            M::Ping | M::Audience { .. } | M::ModerationLog => Self::Look,
            M::Invite { .. }
            | M::DismissHand { .. }
            | M::MuteSpeaker { .. }
            | M::AllowUnmute { .. }
            | M::MoveToAudience { .. }
            | M::MakeModerator { .. }
            | M::RevokeModerator { .. }
            | M::TransferHost { .. }
            | M::Remove { .. }
            | M::Unban { .. }
            | M::SetHandPolicy { .. }
            | M::Lock
            | M::Unlock
            | M::EndRoom
            | M::PinLink { .. }
            | M::UpdateRoom { .. }
            | M::CreateLink { .. }
            | M::RevokeLink { .. } => Self::Moderate,
        }
    }

    /// Generous to a person's fingers, narrow to a program: a burst, then one each `refill_ms`.
    const fn rule(self) -> Rule {
        match self {
            Self::Enter => Rule { burst: 6, refill_ms: 2_000 },
            Self::Hand => Rule { burst: 6, refill_ms: 1_500 },
            Self::Stage => Rule { burst: 12, refill_ms: 500 },
            Self::Moderate => Rule { burst: 20, refill_ms: 500 },
            Self::Chat => Rule { burst: 5, refill_ms: 1_000 },
            Self::React => Rule { burst: 10, refill_ms: 200 },
            Self::Look => Rule { burst: 10, refill_ms: 500 },
        }
    }
}

/// The buckets of one session.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    /// For each kind, when its bucket will be full again (generic cell rate algorithm).
    full_at_ms: [u64; KINDS],
}

impl Limits {
    /// Takes a token for `message`, or says in how many milliseconds there will be one.
    pub(crate) fn admit(&mut self, now_ms: u64, message: &ClientMessage) -> Result<(), u32> {
        let kind = Kind::of(message);
        let rule = kind.rule();
        let full_at_ms = &mut self.full_at_ms[kind as usize];
        let from_ms = (*full_at_ms).max(now_ms);
        let room_ms = u64::from(rule.burst) * u64::from(rule.refill_ms);
        let after_ms = from_ms + u64::from(rule.refill_ms);
        if after_ms - now_ms > room_ms {
            return Err(u32::try_from(after_ms - now_ms - room_ms).unwrap_or(u32::MAX));
        }
        *full_at_ms = after_ms;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_one_each_refill() {
        let mut limits = Limits::default();
        let chat = ClientMessage::Chat { text: String::new() };
        for _ in 0..5 {
            assert_eq!(limits.admit(10_000, &chat), Ok(()));
        }
        assert_eq!(limits.admit(10_000, &chat), Err(1_000));
        assert_eq!(limits.admit(10_400, &chat), Err(600));
        assert_eq!(limits.admit(11_000, &chat), Ok(()));
        assert_eq!(limits.admit(11_000, &chat), Err(1_000));
    }

    #[test]
    fn kinds_do_not_share_a_bucket() {
        let mut limits = Limits::default();
        let chat = ClientMessage::Chat { text: String::new() };
        while limits.admit(0, &chat).is_ok() {}
        assert_eq!(limits.admit(0, &ClientMessage::RaiseHand), Ok(()));
    }

    #[test]
    fn a_refused_request_does_not_prolong_the_wait() {
        let mut limits = Limits::default();
        while limits.admit(0, &ClientMessage::RaiseHand).is_ok() {}
        for _ in 0..100 {
            assert_eq!(limits.admit(0, &ClientMessage::RaiseHand), Err(1_500));
        }
    }
}
