//! A planned room as calendars read it (RFC 5545): one event, its times in UTC.

use chrono::{DateTime, Utc};
use icalendar::{Calendar, Component, Event, EventLike, EventStatus, Property};
use palco_protocol::http::ScheduledState;

use crate::store::Planned;

/// How long an event is in calendars when the room may go on as long as it likes.
const USUAL_MS: i64 = 60 * 60 * 1_000;

/// `page` is the room's address. Equal plans give equal bytes.
pub(crate) fn event(plan: &Planned, page: &str) -> String {
    let shown = &plan.shown;
    let lasts_ms = shown.max_duration_ms.and_then(|ms| i64::try_from(ms).ok()).unwrap_or(USUAL_MS);
    let status = match shown.state {
        ScheduledState::Cancelled => EventStatus::Cancelled,
        _ => EventStatus::Confirmed,
    };
    let description = [shown.description.as_str(), page].join("\n\n");
    let event = Event::new()
        .uid(&format!("{}@palco", shown.id))
        .sequence(u32::try_from(plan.sequence).unwrap_or(0))
        .timestamp(utc(plan.changed_at_ms))
        .last_modified(utc(plan.changed_at_ms))
        .starts(utc(shown.starts_at_ms))
        .ends(utc(shown.starts_at_ms.saturating_add(lasts_ms)))
        .summary(&shown.title)
        .description(description.trim())
        .location(page)
        .url(page)
        .status(status)
        .done();
    let mut calendar = Calendar::new();
    calendar.properties.retain(|property| property.key() != "PRODID");
    calendar.append_property(Property::new("PRODID", "-//Palco//Planned rooms//EN"));
    calendar.push(event).to_string()
}

fn utc(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or_default()
}
