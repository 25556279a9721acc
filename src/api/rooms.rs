//! Rooms: opening one, what is live now, whom a room lets in, what happened in it.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use palco_protocol::{
    ErrorCode, RoomId, RoomKind, UserId,
    http::{CreateRoom, InviteToRoom, LiveRoom, LiveRooms, RoomCreated, RoomHistory},
    limits,
};
use palco_room::{Settings, TextFilter, Timers};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::{
    App,
    caller::{Caller, Member},
    me::{each, language, topic},
    problem::{Body, Path, Query, Refused, line, paragraph},
};
use crate::{
    identity::Known,
    store::{Cause, NewRoom},
};

/// People named in one request.
const INVITED_MAX: usize = 100;

/// Opens a room.
#[utoipa::path(post, path = "/rooms", tag = "rooms", security(("token" = [])),
    request_body = CreateRoom, responses((status = 201, body = RoomCreated, description = "Live now")))]
pub(super) async fn create(
    State(app): State<App>,
    Caller(caller): Caller,
    Body(body): Body<CreateRoom>,
) -> Result<(StatusCode, Json<RoomCreated>), Refused> {
    if caller.grants.as_ref().is_some_and(|grants| !grants.host || grants.room.is_some()) {
        return Err(ErrorCode::NotGranted.into());
    }
    app.limits.check_host(caller.person.id)?;
    let kind = body.kind.unwrap_or(RoomKind::Open);
    // Whom a guest follows or invites nobody can know; whom a product lets into its closed rooms its tokens say.
    let known = match kind {
        RoomKind::Open => true,
        RoomKind::Social => false,
        RoomKind::Closed => caller.grants.is_some(),
    };
    if caller.account.is_none() && !(known && body.invited.is_empty()) {
        return Err(ErrorCode::AccountRequired.into());
    }
    check_invited(&body.invited)?;
    let id = RoomId(Uuid::now_v7());
    let title = line("title", &body.title, limits::TITLE_MAX_CHARS)?;
    let mut settings = Settings::new(id, title, caller.person.id);
    let description = body.description.unwrap_or_default();
    settings.description = paragraph("description", &description, limits::DESCRIPTION_MAX_CHARS)?;
    settings.kind = kind;
    settings.product = caller.grants.as_ref().map(|grants| grants.product.clone());
    settings.hand_policy = body.hand_policy.unwrap_or(settings.hand_policy);
    settings.language = body.language.as_deref().map(language).transpose()?;
    settings.topics = each("topics", body.topics, topic)?;
    open(&app, &caller, settings, body.invited).await?;
    Ok((StatusCode::CREATED, Json(RoomCreated { id, path: format!("/r/{id}") })))
}

/// Opens a room and makes it known: on record first, so that no history is without its room.
pub(super) async fn open(
    app: &App,
    owner: &Known,
    mut settings: Settings,
    invited: Vec<UserId>,
) -> Result<(), Refused> {
    app.signaling.may_open()?;
    bound(app, &mut settings)?;
    let mut causes = Vec::new();
    if owner.account.is_some() {
        let (room, host) = (settings.id, owner.person.id);
        causes.push(Cause::Live { host, room });
        causes.extend(invited.iter().map(|&user| Cause::Invited { user, by: host, room }));
    }
    let room = NewRoom {
        id: settings.id,
        owner: settings.owner,
        title: settings.title.clone(),
        kind: settings.kind,
        invited,
        causes,
    };
    app.identities.store.create_room(room).await?;
    app.signaling.open_room(settings)?;
    Ok(())
}

/// Within the operator's limits, and in words the operator bears.
pub(super) fn bound(app: &App, settings: &mut Settings) -> Result<(), Refused> {
    proper(app, &[&settings.title, &settings.description])?;
    settings.text_filter = app.words.clone().map(|words| words as Arc<dyn TextFilter>);
    let timers = app.rooms.timers();
    let longest = [settings.timers.max_duration_ms, timers.max_duration_ms];
    settings.max_people = settings.max_people.min(app.rooms.max_people);
    settings.max_speakers = app.rooms.max_speakers;
    settings.timers = Timers { max_duration_ms: longest.into_iter().flatten().min(), ..timers };
    Ok(())
}

/// What others will read has none of the operator's refused words.
pub(super) fn proper(app: &App, texts: &[&str]) -> Result<(), Refused> {
    match &app.words {
        Some(words) if texts.iter().any(|text| words.refuses(text)) => {
            Err(ErrorCode::TextRefused.into())
        }
        _ => Ok(()),
    }
}

fn check_invited(people: &[UserId]) -> Result<(), Refused> {
    if people.len() > INVITED_MAX {
        let what = format!("more than {INVITED_MAX} people");
        return Err(Refused::with(ErrorCode::InvalidField, what));
    }
    Ok(())
}

/// More people may enter a room.
#[utoipa::path(post, path = "/rooms/{room}/guests", tag = "rooms", security(("token" = [])),
    request_body = InviteToRoom, responses((status = 204, description = "They may")))]
pub(super) async fn invite(
    State(app): State<App>,
    Member(me): Member,
    Path(room): Path<String>,
    Body(body): Body<InviteToRoom>,
) -> Result<StatusCode, Refused> {
    app.limits.check_host(me.id)?;
    check_invited(&body.people)?;
    let live = find(&app, &room)?;
    if live.room.owner != me.id {
        return Err(ErrorCode::Forbidden.into());
    }
    let room = live.room.id;
    let causes: Vec<_> =
        body.people.iter().map(|&user| Cause::Invited { user, by: me.id, room }).collect();
    app.identities.store.invite_to_room(room, &body.people, &causes).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The live rooms that anybody may enter.
#[utoipa::path(get, path = "/rooms", tag = "rooms", security((), ("token" = [])),
    responses((status = 200, body = LiveRooms, description = "A page")))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Option<Caller>,
    Query(page): Query<Page>,
) -> Result<Json<LiveRooms>, Refused> {
    let mut live = app.signaling.live_rooms();
    if let Some(Caller(Known { account: Some(account), .. })) = caller {
        let blocks = app.identities.store.blocks_of(account.id).await?;
        live.rooms.retain(|live| !blocks.contains(&live.room.owner));
    }
    Ok(Json(page.of(live.rooms)?))
}

/// A live room.
#[utoipa::path(get, path = "/rooms/{room}", tag = "rooms", security((), ("token" = [])),
    responses((status = 200, body = LiveRoom, description = "At most a second old")))]
pub(super) async fn show(
    State(app): State<App>,
    caller: Option<Caller>,
    Path(room): Path<String>,
) -> Result<Json<LiveRoom>, Refused> {
    let live = find(&app, &room)?;
    if let Some(Caller(Known { account: Some(account), .. })) = caller
        && account.id != live.room.owner
        && app.identities.store.door(live.room.id, live.room.owner, account.id).await?.blocked
    {
        return Err(ErrorCode::RoomNotFound.into());
    }
    Ok(Json(live))
}

/// Rooms of one page.
const ROOMS_PAGE: usize = 100;

/// `?cursor=` of a list of rooms: how large the last one was, and which.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    cursor: Option<String>,
}

impl Page {
    /// The page of these, largest first. A room that grew or shrank meanwhile may be missed or come twice.
    pub(super) fn of(self, mut rooms: Vec<LiveRoom>) -> Result<LiveRooms, Refused> {
        let place = |live: &LiveRoom| (std::cmp::Reverse(live.counts.listeners), live.room.id);
        rooms.sort_by_key(place);
        if let Some(cursor) = self.cursor {
            let read = cursor.split_once('-').and_then(|(size, room)| {
                Some((std::cmp::Reverse(size.parse().ok()?), room.parse().ok()?))
            });
            let bad = || Refused::with(ErrorCode::InvalidField, "cursor is none of this list");
            let after = read.ok_or_else(bad)?;
            rooms.retain(|live| place(live) > after);
        }
        let more = rooms.len() > ROOMS_PAGE;
        rooms.truncate(ROOMS_PAGE);
        let next = rooms.last().filter(|_| more);
        let next = next.map(|live| format!("{}-{}", live.counts.listeners, live.room.id));
        Ok(LiveRooms { rooms, next })
    }
}

fn find(app: &App, room: &str) -> Result<LiveRoom, Refused> {
    let room = room.parse().map_err(|_| ErrorCode::RoomNotFound)?;
    Ok(app.signaling.live_room(room).ok_or(ErrorCode::RoomNotFound)?)
}

/// `?cursor=` of a history.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct After {
    #[serde(default)]
    cursor: i64,
}

/// What happened in a room.
#[utoipa::path(get, path = "/rooms/{room}/history", tag = "rooms", security(("token" = [])),
    responses((status = 200, body = RoomHistory, description = "A page")))]
pub(super) async fn history(
    State(app): State<App>,
    Caller(caller): Caller,
    Path(room): Path<String>,
    Query(After { cursor }): Query<After>,
) -> Result<Json<RoomHistory>, Refused> {
    let room: RoomId = room.parse().map_err(|_| ErrorCode::RoomNotFound)?;
    let store = &app.identities.store;
    let owner = store.room_owner(room).await?.ok_or(ErrorCode::RoomNotFound)?;
    if owner != caller.person.id && !caller.account.is_some_and(|account| account.admin) {
        return Err(ErrorCode::Forbidden.into());
    }
    let (events, more) = store.room_history(room, cursor).await?;
    let next = events.last().filter(|_| more).map(|last| last.number.to_string());
    Ok(Json(RoomHistory { events, next }))
}
