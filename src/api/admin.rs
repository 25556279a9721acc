//! What operators do: rooms, accounts, reports, API keys of other products.

use axum::{Json, extract::State, http::StatusCode};
use palco_protocol::{
    ErrorCode, RoomEndReason, UserId,
    http::{ApiKeyCreated, ApiKeys, CreateApiKey, LiveRooms, Reports},
    limits,
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    App,
    caller::Admin,
    problem::{Body, Path, Query, Refused, line},
    rooms::Page,
};
use crate::{
    products::{self, KEY_PREFIX},
    secrets,
};

/// All live rooms, of every kind.
#[utoipa::path(get, path = "/admin/rooms", tag = "operators", security(("token" = [])),
    responses((status = 200, body = LiveRooms, description = "A page")))]
pub(super) async fn rooms(
    State(app): State<App>,
    _: Admin,
    Query(page): Query<Page>,
) -> Result<Json<LiveRooms>, Refused> {
    Ok(Json(page.of(app.signaling.all_rooms())?))
}

/// Ends a room.
#[utoipa::path(delete, path = "/admin/rooms/{room}", tag = "operators", security(("token" = [])),
    responses((status = 204, description = "Ended")))]
pub(super) async fn end_room(
    State(app): State<App>,
    _: Admin,
    Path(room): Path<String>,
) -> Result<StatusCode, Refused> {
    let room = room.parse().map_err(|_| ErrorCode::RoomNotFound)?;
    if !app.signaling.end_room(room, RoomEndReason::EndedByOperator).await {
        return Err(ErrorCode::RoomNotFound.into());
    }
    tracing::info!(target: "palco::moderation", %room, "an operator ended a room");
    Ok(StatusCode::NO_CONTENT)
}

/// Suspends an account: it cannot sign in, and is out of everything at once.
#[utoipa::path(put, path = "/admin/people/{person}/suspension", tag = "operators", security(("token" = [])),
    responses((status = 204, description = "Suspended")))]
pub(super) async fn suspend(
    State(app): State<App>,
    _: Admin,
    Path(person): Path<String>,
) -> Result<StatusCode, Refused> {
    let person = account(&app, &person).await?;
    app.identities.store.suspend(person, true).await?;
    app.signaling.expel(ErrorCode::Suspended, |who, _| who.id == person).await;
    tracing::info!(target: "palco::moderation", %person, "an operator suspended an account");
    Ok(StatusCode::NO_CONTENT)
}

/// Lifts a suspension.
#[utoipa::path(delete, path = "/admin/people/{person}/suspension", tag = "operators", security(("token" = [])),
    responses((status = 204, description = "Not suspended")))]
pub(super) async fn unsuspend(
    State(app): State<App>,
    _: Admin,
    Path(person): Path<String>,
) -> Result<StatusCode, Refused> {
    let person = account(&app, &person).await?;
    app.identities.store.suspend(person, false).await?;
    tracing::info!(target: "palco::moderation", %person, "an operator lifted a suspension");
    Ok(StatusCode::NO_CONTENT)
}

/// Makes an account an operator.
#[utoipa::path(put, path = "/admin/people/{person}/operator", tag = "operators", security(("token" = [])),
    responses((status = 204, description = "An operator")))]
pub(super) async fn grant(
    State(app): State<App>,
    _: Admin,
    Path(person): Path<String>,
) -> Result<StatusCode, Refused> {
    set_operator(&app, &person, true).await
}

/// An account is no operator any more.
#[utoipa::path(delete, path = "/admin/people/{person}/operator", tag = "operators", security(("token" = [])),
    responses((status = 204, description = "No operator")))]
pub(super) async fn revoke(
    State(app): State<App>,
    _: Admin,
    Path(person): Path<String>,
) -> Result<StatusCode, Refused> {
    set_operator(&app, &person, false).await
}

async fn set_operator(app: &App, person: &str, operator: bool) -> Result<StatusCode, Refused> {
    let person = account(app, person).await?;
    app.identities.store.set_admin(person, operator).await?;
    tracing::info!(target: "palco::moderation", %person, operator, "an operator changed who is one");
    Ok(StatusCode::NO_CONTENT)
}

/// Somebody by handle or id, suspended or not.
async fn account(app: &App, name: &str) -> Result<UserId, Refused> {
    let store = &app.identities.store;
    let found = match name.parse() {
        Ok(id) => store.account(id).await?,
        Err(_) => store.account_by_handle(name.trim_start_matches('@')).await?,
    };
    Ok(found.ok_or(ErrorCode::NotFound)?.id)
}

/// `?cursor=` of the reports.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct After {
    #[serde(default)]
    cursor: String,
}

/// Reports that nobody has handled.
#[utoipa::path(get, path = "/admin/reports", tag = "operators", security(("token" = [])),
    responses((status = 200, body = Reports, description = "A page")))]
pub(super) async fn reports(
    State(app): State<App>,
    _: Admin,
    Query(After { cursor }): Query<After>,
) -> Result<Json<Reports>, Refused> {
    let (reports, more) = app.identities.store.open_reports(&cursor).await?;
    let next = reports.last().filter(|_| more).map(|last| last.id.clone());
    Ok(Json(Reports { reports, next }))
}

/// A report is done with. Of none, or one that was handled before, it is a no-op.
#[utoipa::path(put, path = "/admin/reports/{report}/handled", tag = "operators", security(("token" = [])),
    responses((status = 204, description = "Handled")))]
pub(super) async fn handle_report(
    State(app): State<App>,
    _: Admin,
    Path(report): Path<String>,
) -> Result<StatusCode, Refused> {
    app.identities.store.handle_report(&report).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The API keys that work.
#[utoipa::path(get, path = "/admin/keys", tag = "operators", security(("token" = [])),
    responses((status = 200, body = ApiKeys, description = "All of them")))]
pub(super) async fn keys(State(app): State<App>, _: Admin) -> Result<Json<ApiKeys>, Refused> {
    Ok(Json(ApiKeys { keys: app.identities.store.api_keys().await? }))
}

/// A key for another product.
#[utoipa::path(post, path = "/admin/keys", tag = "operators", security(("token" = [])),
    request_body = CreateApiKey,
    responses((status = 201, body = ApiKeyCreated, description = "With its secret, this once")))]
pub(super) async fn create_key(
    State(app): State<App>,
    _: Admin,
    Body(body): Body<CreateApiKey>,
) -> Result<(StatusCode, Json<ApiKeyCreated>), Refused> {
    let name = line("name", &body.name, limits::NAME_MAX_CHARS)?;
    // Not a secret, but never again the same: an old key's tokens must not come back to life.
    let id = secrets::fresh(KEY_PREFIX)[..KEY_PREFIX.len() + 24].to_owned();
    let key = app.identities.store.create_api_key(&id, &name).await?;
    let secret = products::secret(app.identities.tokens.root(), &key.id);
    Ok((StatusCode::CREATED, Json(ApiKeyCreated { key, secret })))
}

/// Revokes a key: whoever came with one of its tokens is out at once.
#[utoipa::path(delete, path = "/admin/keys/{key}", tag = "operators", security(("token" = [])),
    responses((status = 204, description = "Its tokens work no more")))]
pub(super) async fn revoke_key(
    State(app): State<App>,
    _: Admin,
    Path(key): Path<String>,
) -> Result<StatusCode, Refused> {
    if !app.identities.store.delete_api_key(&key).await? {
        return Err(ErrorCode::NotFound.into());
    }
    let issued = |grants: Option<&palco_signaling::Grants>| {
        grants.is_some_and(|grants| grants.product == key)
    };
    app.signaling.expel(ErrorCode::Unauthorized, |_, grants| issued(grants)).await;
    Ok(StatusCode::NO_CONTENT)
}
