//! Guests: a name is enough to enter.

use axum::{Json, extract::State, http::StatusCode};
use palco_protocol::{
    http::{CreateGuest, Guest},
    limits,
};

use super::{
    App,
    problem::{Body, Refused, line},
    rate::{Limited, Origin},
};

/// A new person without an account.
#[utoipa::path(post, path = "/guests", tag = "people",
    request_body = CreateGuest, responses((status = 201, body = Guest, description = "Who you are now")))]
pub(super) async fn create(
    State(app): State<App>,
    origin: Origin,
    Body(body): Body<CreateGuest>,
) -> Result<(StatusCode, Json<Guest>), Refused> {
    app.limits.check(Limited::Guest, origin)?;
    let name = line("name", &body.name, limits::NAME_MAX_CHARS)?;
    Ok((StatusCode::CREATED, Json(app.identities.tokens.guest(name))))
}
