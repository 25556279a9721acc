//! Rooms that are live now.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use palco_protocol::{
    ErrorCode, RoomId,
    http::{CreateRoom, LiveRoom, LiveRooms, RoomCreated},
    limits,
};
use palco_room::Settings;
use uuid::Uuid;

use super::{
    App,
    caller::Caller,
    problem::{Body, Refused, line, paragraph},
};

/// `POST /api/v1/rooms`
pub(super) async fn create(
    State(app): State<App>,
    Caller(caller): Caller,
    Body(body): Body<CreateRoom>,
) -> Result<(StatusCode, Json<RoomCreated>), Refused> {
    let title = line("title", &body.title, limits::TITLE_MAX_CHARS)?;
    let description = body.description.unwrap_or_default();
    let description = paragraph("description", &description, limits::DESCRIPTION_MAX_CHARS)?;
    let mut settings = Settings::new(RoomId(Uuid::now_v7()), title, caller.person.id);
    settings.description = description;
    settings.max_people = app.rooms.max_people;
    settings.max_speakers = app.rooms.max_speakers;
    settings.timers = app.rooms.timers();
    let id = app.signaling.open_room(settings)?;
    Ok((StatusCode::CREATED, Json(RoomCreated { id, path: format!("/r/{id}") })))
}

/// `GET /api/v1/rooms`
pub(super) async fn list(State(app): State<App>) -> Json<LiveRooms> {
    Json(app.signaling.live_rooms())
}

/// `GET /api/v1/rooms/{room}`
pub(super) async fn show(
    State(app): State<App>,
    Path(room): Path<String>,
) -> Result<Json<LiveRoom>, Refused> {
    let room = room.parse().map_err(|_| ErrorCode::RoomNotFound)?;
    let live = app.signaling.live_room(room).ok_or(ErrorCode::RoomNotFound)?;
    Ok(Json(live))
}
