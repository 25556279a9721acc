//! How somebody is told: what they want, when they want quiet, how much is too much. Pure.

use jiff::{Timestamp, civil::Time, tz::TimeZone};
use palco_protocol::http::{NoticeKind, QuietHours, Wanted};

use crate::store::{Cause, Reach, Recipient};

/// Of what this causes, now.
pub(super) fn reach(cause: &Cause, it: &Recipient, now_ms: i64) -> Reach {
    // That it begins is what one says yes to: only the reminder before can be turned off.
    let asked_for = matches!(cause, Cause::Reminder { live: true, .. });
    of(cause.kind(), asked_for, it, now_ms)
}

fn of(kind: NoticeKind, asked_for: bool, it: &Recipient, now_ms: i64) -> Reach {
    let told_to_followers = matches!(kind, NoticeKind::Live | NoticeKind::Scheduled);
    let unwanted = match it.wanted {
        Some(Wanted::None) => told_to_followers,
        Some(Wanted::Live) => kind == NoticeKind::Scheduled,
        Some(Wanted::All) | None => false,
    };
    if unwanted || (it.preferences.off.contains(&kind) && !asked_for) {
        return Reach::Not;
    }
    let hours = it.preferences.quiet.as_ref().map(Quiet::read);
    // Hours that can no longer be read, of a zone that is no more, disturb rather than hide.
    if hours.and_then(Result::ok).is_some_and(|quiet| quiet.now(now_ms)) {
        return Reach::Quietly;
    }
    let counted = told_to_followers || kind == NoticeKind::Followed;
    match counted {
        false => Reach::Uncounted,
        true if it.recent >= u64::from(it.preferences.hourly_max) => Reach::Quietly,
        true => Reach::Loudly,
    }
}

/// Hours in which nothing disturbs.
#[derive(Debug)]
pub(super) struct Quiet {
    from: Time,
    to: Time,
    zone: TimeZone,
}

/// What cannot be read of quiet hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum UnknownHours {
    #[error("from and to are not times of day like 22:30")]
    Time,
    #[error("zone is no name of the IANA time zone database")]
    Zone,
}

impl Quiet {
    pub(super) fn read(hours: &QuietHours) -> Result<Self, UnknownHours> {
        let time = |text: &str| Time::strptime("%H:%M", text).map_err(|_| UnknownHours::Time);
        Ok(Self {
            from: time(&hours.from)?,
            to: time(&hours.to)?,
            zone: TimeZone::get(&hours.zone).map_err(|_| UnknownHours::Zone)?,
        })
    }

    /// The times are those on a clock there: on the night of a change, the hours are longer or shorter.
    fn now(&self, now_ms: i64) -> bool {
        let Ok(now) = Timestamp::from_millisecond(now_ms) else { return false };
        let now = self.zone.to_datetime(now).time();
        if self.from < self.to {
            self.from <= now && now < self.to
        } else {
            self.from <= now || now < self.to
        }
    }
}

#[cfg(test)]
mod tests {
    use palco_protocol::http::NoticePreferences;
    use serde_json::{from_value, json};

    use super::*;

    fn hours(from: &str, to: &str, zone: &str) -> QuietHours {
        QuietHours { from: from.to_owned(), to: to.to_owned(), zone: zone.to_owned() }
    }

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn recipient(preferences: NoticePreferences) -> Recipient {
        Recipient { preferences, wanted: Some(Wanted::All), recent: 0 }
    }

    #[test]
    fn the_night_is_quiet_where_they_are() {
        let rome = Quiet::read(&hours("22:30", "07:00", "Europe/Rome")).unwrap();
        // Rome is an hour ahead in winter, two in summer.
        for (moment, quiet) in [
            ("2026-11-26T21:29:59Z", false),
            ("2026-11-26T21:30:00Z", true),
            ("2026-11-27T05:59:59Z", true),
            ("2026-11-27T06:00:00Z", false),
            ("2026-07-01T20:30:00Z", true),
            ("2026-07-01T05:00:00Z", false),
            // The night on which the clocks go back.
            ("2026-10-25T05:59:00Z", true),
            ("2026-10-25T06:00:00Z", false),
        ] {
            assert_eq!(rome.now(at(moment)), quiet, "{moment}");
        }
        let noon = Quiet::read(&hours("12:00", "13:00", "Asia/Kolkata")).unwrap();
        assert!(noon.now(at("2026-11-26T06:30:00Z")));
        assert!(!noon.now(at("2026-11-26T07:30:00Z")));
        let always = Quiet::read(&hours("00:00", "00:00", "UTC")).unwrap();
        assert!(always.now(at("2026-11-26T00:00:00Z")) && always.now(at("2026-11-26T12:00:00Z")));
    }

    #[test]
    fn hours_that_are_none_are_refused() {
        for (from, to) in [("24:00", "07:00"), ("22", "07:00"), ("", ""), ("22:30", "7h")] {
            let read = Quiet::read(&hours(from, to, "UTC"));
            assert_eq!(read.unwrap_err(), UnknownHours::Time, "{from} {to}");
        }
        let nowhere = Quiet::read(&hours("22:00", "07:00", "Europe/Atlantis"));
        assert_eq!(nowhere.unwrap_err(), UnknownHours::Zone);
    }

    #[test]
    fn quiet_hours_keep_everything_silently() {
        let quiet = Some(hours("00:00", "00:00", "UTC"));
        let it = recipient(NoticePreferences { quiet, ..NoticePreferences::default() });
        assert_eq!(of(NoticeKind::Live, false, &it, 0), Reach::Quietly);
        assert_eq!(of(NoticeKind::Reminder, false, &it, 0), Reach::Quietly);
    }

    #[test]
    fn what_is_off_or_not_wanted_is_not_told() {
        let off = vec![NoticeKind::Followed];
        let mut it = recipient(NoticePreferences { off, ..NoticePreferences::default() });
        assert_eq!(of(NoticeKind::Followed, false, &it, 0), Reach::Not);
        assert_eq!(of(NoticeKind::Live, false, &it, 0), Reach::Loudly);
        it.wanted = Some(Wanted::Live);
        assert_eq!(of(NoticeKind::Live, false, &it, 0), Reach::Loudly);
        assert_eq!(of(NoticeKind::Scheduled, false, &it, 0), Reach::Not);
        it.wanted = Some(Wanted::None);
        assert_eq!(of(NoticeKind::Live, false, &it, 0), Reach::Not);
        assert_eq!(of(NoticeKind::Pinged, false, &it, 0), Reach::Uncounted, "for them alone");
    }

    #[test]
    fn without_reminders_one_hears_all_the_same_that_it_begins() {
        let preferences =
            NoticePreferences { off: vec![NoticeKind::Reminder], ..NoticePreferences::default() };
        let mut it = recipient(preferences);
        let nobody = "00000000-0000-0000-0000-000000000000";
        let plan = json!({ "id": nobody, "title": "Tea", "starts_at_ms": 0 });
        let reminder = |live: bool| {
            from_value(json!({ "kind": "reminder", "by": nobody, "plan": plan, "live": live }))
        };
        let (ahead, begins): (Cause, Cause) = (reminder(false).unwrap(), reminder(true).unwrap());
        assert_eq!(reach(&ahead, &it, 0), Reach::Not);
        assert_eq!(reach(&begins, &it, 0), Reach::Uncounted);
        it.preferences.quiet = Some(hours("00:00", "00:00", "UTC"));
        assert_eq!(reach(&begins, &it, 0), Reach::Quietly);
    }

    #[test]
    fn beyond_the_limit_only_what_cannot_wait_disturbs() {
        let mut it = recipient(NoticePreferences { hourly_max: 2, ..NoticePreferences::default() });
        it.recent = 1;
        assert_eq!(of(NoticeKind::Live, false, &it, 0), Reach::Loudly);
        it.recent = 2;
        for (kind, how) in [
            (NoticeKind::Live, Reach::Quietly),
            (NoticeKind::Scheduled, Reach::Quietly),
            (NoticeKind::Followed, Reach::Quietly),
            (NoticeKind::Invited, Reach::Uncounted),
            (NoticeKind::Pinged, Reach::Uncounted),
            (NoticeKind::Reminder, Reach::Uncounted),
            (NoticeKind::Cancelled, Reach::Uncounted),
            (NoticeKind::Late, Reach::Uncounted),
        ] {
            assert_eq!(of(kind, false, &it, 0), how, "{kind:?}");
        }
    }
}
