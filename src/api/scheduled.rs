//! Rooms planned ahead: planning, changing, calling off, saying yes, starting; and as calendars read them.

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use palco_protocol::{
    ErrorCode, RoomId, RoomKind, UserId,
    http::{
        CreateScheduled, People, RoomCreated, Scheduled, ScheduledList, ScheduledRooms,
        ScheduledState, UpdateScheduled,
    },
    limits,
};
use palco_room::Settings;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::{
    App,
    caller::{Caller, Member},
    me::{each, language, topic},
    people::{self, Cursor},
    problem::{Body, Path, Query, Refused, line, paragraph},
    repeat::Again,
    rooms::{bound, proper},
};
use crate::{
    calendar,
    store::{NewRoom, PeopleList, Plan, PlanList, Planned, utc_ms},
};

/// A client's clock may be that much behind: what begins now is not in the past.
const CLOCK_MS: i64 = 60_000;
/// The shortest duration: anything less is a mistake of units.
const DURATION_MIN_MS: u64 = 1_000;

/// Plans a room; the caller is its host.
#[utoipa::path(post, path = "/scheduled", tag = "scheduled", security(("token" = [])),
    responses((status = 201, body = Scheduled, description = "Planned")))]
pub(super) async fn create(
    State(app): State<App>,
    Member(me): Member,
    again: Option<Extension<Again>>,
    Body(body): Body<CreateScheduled>,
) -> Result<(StatusCode, Json<Scheduled>), Refused> {
    let again = again.as_deref();
    let room = if let Some(&Again::Made(room)) = again {
        room
    } else {
        app.limits.check_host(me.id)?;
        in_time(body.starts_at_ms)?;
        let plan = checked(&app, me.id, body)?;
        let room = RoomId(Uuid::now_v7());
        app.identities.store.create_plan(room, me.id, &plan, again.and_then(Again::once)).await?;
        room
    };
    Ok((StatusCode::CREATED, Json(find(&app, me.id, room).await?.shown)))
}

/// Changes a planned room: absent fields stay.
#[utoipa::path(patch, path = "/scheduled/{room}", tag = "scheduled", security(("token" = [])),
    responses((status = 200, body = Scheduled, description = "As it is planned now")))]
pub(super) async fn update(
    State(app): State<App>,
    Member(me): Member,
    Path(name): Path<String>,
    Body(body): Body<UpdateScheduled>,
) -> Result<Json<Scheduled>, Refused> {
    app.limits.check_host(me.id)?;
    let room = id(&name)?;
    let shown = hosted(&app, me.id, room).await?;
    if let Some(starts_at_ms) = body.starts_at_ms.filter(|&at_ms| at_ms != shown.starts_at_ms) {
        in_time(starts_at_ms)?;
    }
    let plan = checked(&app, me.id, changed(shown, body))?;
    app.identities.store.change_plan(room, me.id, &plan).await?;
    Ok(Json(find(&app, me.id, room).await?.shown))
}

/// Calls a planned room off.
#[utoipa::path(delete, path = "/scheduled/{room}", tag = "scheduled", security(("token" = [])),
    responses((status = 204, description = "Called off")))]
pub(super) async fn cancel(
    State(app): State<App>,
    Member(me): Member,
    Path(name): Path<String>,
) -> Result<StatusCode, Refused> {
    let room = id(&name)?;
    let shown = hosted(&app, me.id, room).await?;
    app.identities.store.cancel_plan(room, me.id, &shown.title).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A planned room; with `.ics` behind its id as calendars read it.
#[utoipa::path(get, path = "/scheduled/{room}", tag = "scheduled", security((), ("token" = [])),
    responses((status = 200, description = "The planned room",
        content((Scheduled = "application/json"), (String = "text/calendar")))))]
pub(super) async fn show(
    State(app): State<App>,
    caller: Option<Caller>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result<Response, Refused> {
    let viewer = people::viewer(caller);
    let (name, for_calendars) = match name.strip_suffix(".ics") {
        Some(name) => (name, true),
        None => (name.as_str(), false),
    };
    let planned = find(&app, viewer, id(name)?).await?;
    if !for_calendars {
        return Ok(Json(planned.shown).into_response());
    }
    let page = format!("{}{}", base(&app, &headers), planned.shown.path);
    let headers = [
        (header::CONTENT_TYPE, "text/calendar; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"room.ics\""),
        (header::CACHE_CONTROL, "private, no-cache"),
    ];
    Ok((headers, calendar::event(&planned, &page)).into_response())
}

/// Which list, and where it goes on.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Listing {
    #[serde(default)]
    list: ScheduledList,
    by: Option<String>,
    cursor: Option<String>,
}

/// Planned and live rooms, soonest first.
#[utoipa::path(get, path = "/scheduled", tag = "scheduled", security((), ("token" = [])),
    responses((status = 200, body = ScheduledRooms, description = "A page")))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Option<Caller>,
    Query(listing): Query<Listing>,
) -> Result<Json<ScheduledRooms>, Refused> {
    let me = caller.as_ref().and_then(|Caller(known)| known.account.as_ref()).map(|me| me.id);
    let viewer = people::viewer(caller);
    let list = match (listing.list, listing.by) {
        (ScheduledList::All, None) => PlanList::All,
        (ScheduledList::All, Some(by)) => {
            PlanList::HostedBy(people::find(&app, Some(viewer), &by).await?.id)
        }
        (ScheduledList::Mine, _) => PlanList::HostedBy(me.ok_or(ErrorCode::AccountRequired)?),
        (ScheduledList::Going, _) => PlanList::GoingOf(me.ok_or(ErrorCode::AccountRequired)?),
    };
    let after = listing.cursor.as_deref().map_or(Ok((i64::MIN, String::new())), after)?;
    let (plans, more) = app.identities.store.plans(viewer, list, after, utc_ms()).await?;
    let next = plans.last().filter(|_| more);
    let next = next.map(|last| format!("{}.{}", last.shown.starts_at_ms, last.shown.id));
    let scheduled = plans.into_iter().map(|planned| planned.shown).collect();
    Ok(Json(ScheduledRooms { scheduled, next }))
}

/// A cursor: time and id of the last one shown.
fn after(cursor: &str) -> Result<(i64, String), Refused> {
    let parsed = cursor.split_once('.').and_then(|(at_ms, id)| {
        Some((at_ms.parse().ok()?, id.parse::<RoomId>().ok()?.to_string()))
    });
    parsed.ok_or_else(|| Refused::with(ErrorCode::InvalidField, "cursor is none of ours"))
}

/// Says yes to a planned room.
#[utoipa::path(put, path = "/scheduled/{room}/rsvp", tag = "scheduled", security(("token" = [])),
    responses((status = 200, body = Scheduled, description = "The planned room")))]
pub(super) async fn say_yes(
    State(app): State<App>,
    Member(me): Member,
    Path(name): Path<String>,
) -> Result<Json<Scheduled>, Refused> {
    let room = id(&name)?;
    let shown = find(&app, me.id, room).await?.shown;
    match shown.state {
        ScheduledState::Cancelled => return Err(ErrorCode::Cancelled.into()),
        ScheduledState::Ended => return Err(ErrorCode::RoomEnded.into()),
        ScheduledState::Planned | ScheduledState::Live => {}
    }
    // Its hosts come anyway.
    if shown.you_host {
        return Ok(Json(shown));
    }
    app.identities.store.say_yes(room, me.id).await?;
    Ok(Json(find(&app, me.id, room).await?.shown))
}

/// Takes a yes back.
#[utoipa::path(delete, path = "/scheduled/{room}/rsvp", tag = "scheduled", security(("token" = [])),
    responses((status = 200, body = Scheduled, description = "The planned room")))]
pub(super) async fn say_no(
    State(app): State<App>,
    Member(me): Member,
    Path(name): Path<String>,
) -> Result<Json<Scheduled>, Refused> {
    let room = id(&name)?;
    app.identities.store.say_no(room, me.id).await?;
    Ok(Json(find(&app, me.id, room).await?.shown))
}

/// Who said yes, for its hosts.
#[utoipa::path(get, path = "/scheduled/{room}/attendees", tag = "scheduled", security(("token" = [])),
    responses((status = 200, body = People, description = "A page")))]
pub(super) async fn attendees(
    State(app): State<App>,
    Caller(known): Caller,
    Path(name): Path<String>,
    Query(cursor): Query<Cursor>,
) -> Result<Json<People>, Refused> {
    let room = id(&name)?;
    if !find(&app, known.person.id, room).await?.shown.you_host {
        return Err(ErrorCode::Forbidden.into());
    }
    people::list(&app, Some(Caller(known)), PeopleList::GoingTo(room), cursor).await
}

/// Opens the planned room.
#[utoipa::path(post, path = "/scheduled/{room}/start", tag = "scheduled", security(("token" = [])),
    responses((status = 201, body = RoomCreated, description = "Live now"),
        (status = 200, body = RoomCreated, description = "Live already")))]
pub(super) async fn start(
    State(app): State<App>,
    Member(me): Member,
    Path(name): Path<String>,
) -> Result<(StatusCode, Json<RoomCreated>), Refused> {
    let room = id(&name)?;
    let shown = find(&app, me.id, room).await?.shown;
    if !shown.you_host {
        return Err(ErrorCode::Forbidden.into());
    }
    let path = shown.path.clone();
    let status = match shown.state {
        ScheduledState::Cancelled => return Err(ErrorCode::Cancelled.into()),
        ScheduledState::Ended => return Err(ErrorCode::RoomEnded.into()),
        ScheduledState::Live => StatusCode::OK,
        ScheduledState::Planned => {
            app.signaling.may_open()?;
            let settings = settings(&app, shown)?;
            let on_record = NewRoom {
                id: room,
                owner: settings.owner,
                title: settings.title.clone(),
                kind: settings.kind,
                invited: Vec::new(),
                causes: Vec::new(),
            };
            if app.identities.store.start_plan(&on_record).await? {
                app.signaling.open_room(settings)?;
                StatusCode::CREATED
            } else {
                // Another of its hosts was quicker, or it was called off at this moment.
                match find(&app, me.id, room).await?.shown.state {
                    ScheduledState::Live => StatusCode::OK,
                    _ => return Err(ErrorCode::AlreadyStarted.into()),
                }
            }
        }
    };
    Ok((status, Json(RoomCreated { id: room, path })))
}

/// What the planned room is opened with.
fn settings(app: &App, shown: Scheduled) -> Result<Settings, Refused> {
    let mut settings = Settings::new(shown.id, shown.title, shown.host.id);
    settings.description = shown.description;
    settings.topics = shown.topics;
    settings.language = shown.language;
    settings.kind = if shown.registration_required { RoomKind::Closed } else { shown.kind };
    settings.moderators = shown.co_hosts.iter().map(|person| person.id).collect();
    if let Some(capacity) = shown.capacity {
        // Places are for those who say yes: the hosts take none.
        let hosts = 1 + u32::try_from(shown.co_hosts.len()).unwrap_or(u32::MAX - 1);
        settings.max_people = capacity.saturating_add(hosts);
    }
    settings.timers.max_duration_ms = shown.max_duration_ms;
    bound(app, &mut settings)?;
    Ok(settings)
}

/// A room's id, as a path has it.
fn id(name: &str) -> Result<RoomId, Refused> {
    Ok(name.parse().map_err(|_| ErrorCode::NotFound)?)
}

/// One that `viewer` may see, as far as it is now: the record of a room's end comes a moment after it.
async fn find(app: &App, viewer: UserId, id: RoomId) -> Result<Planned, Refused> {
    let planned = app.identities.store.plan(viewer, id, utc_ms()).await?;
    let mut planned = planned.ok_or(ErrorCode::NotFound)?;
    if planned.shown.state == ScheduledState::Live && app.signaling.live_room(id).is_none() {
        planned.shown.state = ScheduledState::Ended;
    }
    Ok(planned)
}

/// One whose host `me` is, and which is still to come.
async fn hosted(app: &App, me: UserId, id: RoomId) -> Result<Scheduled, Refused> {
    let shown = find(app, me, id).await?.shown;
    if shown.host.id != me {
        return Err(ErrorCode::Forbidden.into());
    }
    match shown.state {
        ScheduledState::Planned => Ok(shown),
        ScheduledState::Cancelled => Err(ErrorCode::Cancelled.into()),
        ScheduledState::Live | ScheduledState::Ended => Err(ErrorCode::AlreadyStarted.into()),
    }
}

fn in_time(starts_at_ms: i64) -> Result<(), Refused> {
    let ahead_ms = starts_at_ms.saturating_sub(utc_ms());
    if (-CLOCK_MS..=limits::SCHEDULED_AHEAD_MS).contains(&ahead_ms) {
        return Ok(());
    }
    let what = if ahead_ms < 0 { "is in the past" } else { "is more than a year ahead" };
    Err(Refused::with(ErrorCode::InvalidField, format!("starts_at_ms {what}")))
}

/// The whole plan as it is to be after a change.
fn changed(shown: Scheduled, body: UpdateScheduled) -> CreateScheduled {
    let ids = |people: Vec<palco_protocol::Person>| people.into_iter().map(|person| person.id);
    CreateScheduled {
        title: body.title.unwrap_or(shown.title),
        description: Some(body.description.unwrap_or(shown.description)),
        topics: body.topics.unwrap_or(shown.topics),
        language: body.language.or(shown.language).filter(|language| !language.is_empty()),
        starts_at_ms: body.starts_at_ms.unwrap_or(shown.starts_at_ms),
        kind: Some(body.kind.unwrap_or(shown.kind)),
        co_hosts: body.co_hosts.unwrap_or_else(|| ids(shown.co_hosts).collect()),
        invited: body.invited.unwrap_or_else(|| ids(shown.invited).collect()),
        capacity: body.capacity.or(shown.capacity).filter(|&capacity| capacity != 0),
        max_duration_ms: body.max_duration_ms.or(shown.max_duration_ms).filter(|&ms| ms != 0),
        registration_required: body.registration_required.unwrap_or(shown.registration_required),
    }
}

fn checked(app: &App, host: UserId, body: CreateScheduled) -> Result<Plan, Refused> {
    let out_of_range = |field: &str, least: u64, most: u64| {
        Refused::with(ErrorCode::InvalidField, format!("{field} is not {least} to {most}"))
    };
    let most = app.rooms.max_people;
    if body.capacity.is_some_and(|capacity| !(1..=most).contains(&capacity)) {
        return Err(out_of_range("capacity", 1, most.into()));
    }
    let durations = DURATION_MIN_MS..=limits::DURATION_MAX_MS;
    if body.max_duration_ms.is_some_and(|ms| !durations.contains(&ms)) {
        return Err(out_of_range("max_duration_ms", *durations.start(), *durations.end()));
    }
    if body.co_hosts.contains(&host) {
        return Err(Refused::with(ErrorCode::InvalidField, "the host is no co-host"));
    }
    let description = body.description.unwrap_or_default();
    proper(app, &[&body.title, &description])?;
    Ok(Plan {
        title: line("title", &body.title, limits::TITLE_MAX_CHARS)?,
        description: paragraph("description", &description, limits::DESCRIPTION_MAX_CHARS)?,
        topics: each("topics", body.topics, topic)?,
        language: body.language.as_deref().map(language).transpose()?,
        starts_at_ms: body.starts_at_ms,
        kind: body.kind.unwrap_or(RoomKind::Open),
        co_hosts: named("co_hosts", body.co_hosts, limits::CO_HOSTS_MAX)?,
        invited: named("invited", body.invited, limits::INVITED_MAX)?,
        capacity: body.capacity,
        max_duration_ms: body.max_duration_ms,
        registration: body.registration_required,
    })
}

/// So many people at most, none twice.
fn named(field: &str, mut people: Vec<UserId>, most: usize) -> Result<Vec<UserId>, Refused> {
    people.sort_unstable();
    people.dedup();
    if people.len() > most {
        let what = format!("{field} has more than {most} people");
        return Err(Refused::with(ErrorCode::InvalidField, what));
    }
    Ok(people)
}

/// Where this server is reached, for links that leave it.
fn base(app: &App, headers: &HeaderMap) -> String {
    let host = || headers.get(header::HOST).and_then(|host| host.to_str().ok());
    app.public_url.clone().unwrap_or_else(|| format!("http://{}", host().unwrap_or("localhost")))
}
