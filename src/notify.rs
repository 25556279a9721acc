//! Tells people what the outbox says: reads it in order, decides how each is told, writes it down, delivers it.
//!
//! One task. It works in batches, each a short read and a short write, so that a host with a hundred thousand followers
//! keeps nobody from the database for longer than one batch takes. What was written before a crash is not told again;
//! the rest goes on where it was.

use std::time::Duration;

use jiff::{Timestamp, civil::Time, tz::TimeZone};
use palco_protocol::{
    DirectEvent, UserId,
    http::{NoticeKind, NoticePreferences, QuietHours, Wanted},
};
use palco_signaling::Signaling;
use tokio::time::{Instant, MissedTickBehavior};

use crate::store::{Pending, Recipient, Store, Stored};

/// How soon something new is seen. Looking costs a look-up in an index of what waits.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// People of one batch: some 10 ms of SQLite's only writer.
const BATCH: usize = 1_000;
/// How often what is old is forgotten.
const FORGET_EVERY: Duration = Duration::from_mins(10);
/// After the database failed.
const RETRY: Duration = Duration::from_secs(1);

/// How somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// On every device, at once.
    Loud,
    /// Counted and kept, but it disturbs nobody.
    Quiet,
}

/// Runs until the server ends.
pub(crate) async fn run(store: Store, signaling: Signaling) {
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut forget_at = Instant::now();
    loop {
        look.tick().await;
        if let Err(error) = tell_all(&store, &signaling).await {
            tracing::warn!(%error, "notices wait");
            tokio::time::sleep(RETRY).await;
        }
        if Instant::now() >= forget_at {
            forget_at = Instant::now() + FORGET_EVERY;
            if let Err(error) = store.forget_old_notices().await {
                tracing::warn!(%error, "old notices stay");
            }
        }
    }
}

/// Tells everything that waits.
async fn tell_all(store: &Store, signaling: &Signaling) -> Stored<()> {
    while let Some(notice) = store.pending_notice().await? {
        tell(store, signaling, notice).await?;
    }
    Ok(())
}

async fn tell(store: &Store, signaling: &Signaling, mut notice: Pending) -> Stored<()> {
    let shown = store.notification(notice.id, &notice.cause, notice.created_at_ms).await?;
    let Some(shown) = shown else { return store.notice_done(notice.id).await };
    loop {
        let recipients = store.recipients(&notice, BATCH).await?;
        let Some(reached) = recipients.last().map(|last| last.user) else { break };
        let now = Timestamp::now();
        let told: Vec<(UserId, Tone)> = recipients
            .iter()
            .filter_map(|recipient| Some((recipient.user, tone(shown.kind, recipient, now)?)))
            .collect();
        let written: Vec<(UserId, bool)> =
            told.iter().map(|&(user, tone)| (user, tone == Tone::Loud)).collect();
        // Written first: whoever connects in between counts it, and is not told once more.
        store.notified(notice.id, &written, reached).await?;
        for tone in [Tone::Loud, Tone::Quiet] {
            let people: Vec<UserId> =
                told.iter().filter(|(_, its)| *its == tone).map(|&(user, _)| user).collect();
            if !people.is_empty() {
                let quiet = tone == Tone::Quiet;
                signaling.tell(&people, DirectEvent::Notice { notification: shown.clone(), quiet });
            }
        }
        if recipients.len() < BATCH {
            break;
        }
        notice.reached = reached.to_string();
    }
    store.notice_done(notice.id).await
}

/// How somebody is told of something now; not at all if they do not want to be.
fn tone(kind: NoticeKind, recipient: &Recipient, now: Timestamp) -> Option<Tone> {
    let Recipient { wanted, preferences, loud, .. } = recipient;
    let to_followers = matches!(kind, NoticeKind::Live | NoticeKind::Scheduled);
    let unwanted = match wanted {
        Wanted::All => false,
        Wanted::Live => kind == NoticeKind::Scheduled,
        Wanted::None => to_followers,
    };
    if unwanted || preferences.off.contains(&kind) {
        return None;
    }
    // These a person asked for, or another asks of them alone.
    let counted = to_followers || kind == NoticeKind::Followed;
    let enough = counted && *loud >= u64::from(preferences.hourly_max);
    Some(if enough || is_quiet(preferences, now) { Tone::Quiet } else { Tone::Loud })
}

fn is_quiet(preferences: &NoticePreferences, now: Timestamp) -> bool {
    let Some(quiet) = &preferences.quiet else { return false };
    // Checked when they were set.
    let Some((from, to, zone)) = hours(quiet) else { return false };
    let time = zone.to_datetime(now).time();
    if from < to { from <= time && time < to } else { time >= from || time < to }
}

/// The hours as clock times of a known zone; `None` if they are not such.
pub(crate) fn hours(quiet: &QuietHours) -> Option<(Time, Time, TimeZone)> {
    let time = |text: &str| Time::strptime("%H:%M", text).ok();
    Some((time(&quiet.from)?, time(&quiet.to)?, TimeZone::get(&quiet.zone).ok()?))
}

#[cfg(test)]
mod tests {
    use palco_protocol::UserId;
    use uuid::Uuid;

    use super::*;

    fn recipient(change: impl FnOnce(&mut Recipient)) -> Recipient {
        let mut recipient = Recipient {
            user: UserId(Uuid::nil()),
            wanted: Wanted::All,
            preferences: NoticePreferences::default(),
            loud: 0,
        };
        change(&mut recipient);
        recipient
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    const NOON: &str = "2026-06-01T12:00:00Z";

    #[test]
    fn each_is_told_what_they_want() {
        use NoticeKind::{Followed, Invited, Live, Reminder, Scheduled};
        let told = |kind, recipient: Recipient| tone(kind, &recipient, at(NOON));
        let wants = |wanted| recipient(|it| it.wanted = wanted);
        assert_eq!(told(Live, wants(Wanted::All)), Some(Tone::Loud));
        assert_eq!(told(Live, wants(Wanted::Live)), Some(Tone::Loud));
        assert_eq!(told(Live, wants(Wanted::None)), None);
        assert_eq!(told(Scheduled, wants(Wanted::Live)), None);
        let off = recipient(|it| it.preferences.off = vec![Followed]);
        assert_eq!(told(Followed, off), None);
        // Six an hour, and then quietly; what one asked for, or was asked for, is not counted.
        let busy = || recipient(|it| it.loud = 6);
        assert_eq!(told(Live, busy()), Some(Tone::Quiet));
        assert_eq!(told(Reminder, busy()), Some(Tone::Loud));
        assert_eq!(told(Invited, busy()), Some(Tone::Loud));
    }

    #[test]
    fn quiet_hours_are_those_of_the_persons_own_clock_past_midnight_and_in_summer() {
        let quiet = |from: &str, to: &str, now| {
            let quiet = QuietHours {
                from: from.to_owned(),
                to: to.to_owned(),
                zone: "Europe/Rome".to_owned(),
            };
            is_quiet(&NoticePreferences { quiet: Some(quiet), ..Default::default() }, at(now))
        };
        // Rome is at +1 in winter, +2 in summer.
        assert!(quiet("22:30", "07:00", "2026-01-01T21:30:00Z"));
        assert!(!quiet("22:30", "07:00", "2026-01-01T21:29:59Z"));
        assert!(quiet("22:30", "07:00", "2026-07-01T20:30:00Z"));
        assert!(quiet("22:30", "07:00", "2026-01-01T05:59:00Z"));
        assert!(!quiet("22:30", "07:00", "2026-01-01T06:00:00Z"));
        assert!(quiet("13:00", "14:00", "2026-01-01T12:30:00Z"));
        assert!(!quiet("13:00", "14:00", "2026-01-01T13:00:00Z"));
        assert!(quiet("09:00", "09:00", NOON), "the whole day");
    }

    #[test]
    fn hours_that_are_none_are_known_as_such() {
        let hours = |from: &str, zone: &str| {
            hours(&QuietHours {
                from: from.to_owned(),
                to: "07:00".to_owned(),
                zone: zone.to_owned(),
            })
        };
        assert!(hours("22:30", "Europe/Rome").is_some());
        assert!(hours("24:30", "Europe/Rome").is_none());
        assert!(hours("late", "Europe/Rome").is_none());
        assert!(hours("22:30", "Europe/Atlantis").is_none());
    }
}
