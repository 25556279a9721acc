//! One's own notices: the list, what is read, what one wants to be told of.

use axum::{Json, extract::State, http::StatusCode};
use palco_protocol::{
    DirectEvent, ErrorCode, NoticeId,
    http::{
        EndPush, MarkRead, NoticePreferences, Notifications, PushKey, PushSubscription, SetWanted,
        Unread,
    },
    limits::ENDPOINT_MAX_BYTES,
};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::{
    App,
    caller::Member,
    people::another,
    problem::{Body, Path, Query, Refused},
};
use crate::notify;

/// Named in one request.
const IDS_MAX: usize = 100;

/// `?cursor=` of the list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Before {
    cursor: Option<NoticeId>,
}

/// `GET /api/v1/notifications`
#[utoipa::path(get, path = "/notifications", tag = "notifications", security(("token" = [])),
    responses((status = 200, body = Notifications, description = "A page, newest first")))]
pub(super) async fn list(
    State(app): State<App>,
    Member(me): Member,
    Query(Before { cursor }): Query<Before>,
) -> Result<Json<Notifications>, Refused> {
    let store = &app.identities.store;
    let (notifications, more) = store.notifications(me.id, cursor).await?;
    let next = notifications.last().filter(|_| more).map(|last| last.id.to_string());
    let unread = store.unread(me.id).await?.unread;
    Ok(Json(Notifications { notifications, unread, next }))
}

/// `GET /api/v1/notifications/unread`
#[utoipa::path(get, path = "/notifications/unread", tag = "notifications", security(("token" = [])),
    responses((status = 200, body = Unread, description = "What waits")))]
pub(super) async fn unread(
    State(app): State<App>,
    Member(me): Member,
) -> Result<Json<Unread>, Refused> {
    Ok(Json(app.identities.store.unread(me.id).await?))
}

/// `POST /api/v1/notifications/read`
#[utoipa::path(post, path = "/notifications/read", tag = "notifications", security(("token" = [])),
    request_body = MarkRead, responses((status = 200, body = Unread, description = "What still waits")))]
pub(super) async fn mark_read(
    State(app): State<App>,
    Member(me): Member,
    Body(body): Body<MarkRead>,
) -> Result<Json<Unread>, Refused> {
    let MarkRead { up_to, ids } = body;
    let up_to = match (up_to, &ids) {
        (None, None) => Some(NoticeId(Uuid::max())),
        (up_to, _) => up_to,
    };
    let ids = ids.unwrap_or_default();
    if ids.len() > IDS_MAX {
        return Err(Refused::with(ErrorCode::InvalidField, format!("more than {IDS_MAX} ids")));
    }
    let store = &app.identities.store;
    store.mark_read(me.id, up_to, &ids).await?;
    let notices = store.unread(me.id).await?;
    app.signaling.tell(&[me.id], DirectEvent::NoticesRead { notices });
    Ok(Json(notices))
}

/// `GET /api/v1/notifications/preferences`
#[utoipa::path(get, path = "/notifications/preferences", tag = "notifications", security(("token" = [])),
    responses((status = 200, body = NoticePreferences, description = "What is wanted")))]
pub(super) async fn preferences(
    State(app): State<App>,
    Member(me): Member,
) -> Result<Json<NoticePreferences>, Refused> {
    Ok(Json(app.identities.store.notice_preferences(me.id).await?))
}

/// `PUT /api/v1/notifications/preferences`
#[utoipa::path(put, path = "/notifications/preferences", tag = "notifications", security(("token" = [])),
    request_body = NoticePreferences, responses((status = 200, body = NoticePreferences, description = "As they are now")))]
pub(super) async fn set_preferences(
    State(app): State<App>,
    Member(me): Member,
    Body(body): Body<NoticePreferences>,
) -> Result<Json<NoticePreferences>, Refused> {
    let preferences = notify::checked(body);
    let preferences = preferences.map_err(|what| Refused::with(ErrorCode::InvalidField, what))?;
    app.identities.store.set_notice_preferences(me.id, &preferences).await?;
    Ok(Json(preferences))
}

/// `PUT /api/v1/people/{person}/notices`
#[utoipa::path(put, path = "/people/{person}/notices", tag = "notifications", security(("token" = [])),
    request_body = SetWanted, responses((status = 204, description = "Set")))]
pub(super) async fn set_wanted(
    State(app): State<App>,
    Member(me): Member,
    Path(name): Path<String>,
    Body(body): Body<SetWanted>,
) -> Result<StatusCode, Refused> {
    let them = another(&app, &me, &name).await?;
    if app.identities.store.set_wanted(me.id, them, body.notices).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ErrorCode::NotFound.into())
    }
}

/// `GET /api/v1/push/key`
#[utoipa::path(get, path = "/push/key", tag = "notifications", security(()),
    responses((status = 200, body = PushKey, description = "What browsers subscribe with")))]
pub(super) async fn push_key(State(app): State<App>) -> Result<Json<PushKey>, Refused> {
    let pusher = app.notices.pusher().ok_or(ErrorCode::NotFound)?;
    Ok(Json(PushKey { key: pusher.vapid.public_key().to_owned() }))
}

/// `PUT /api/v1/push/subscriptions`
#[utoipa::path(put, path = "/push/subscriptions", tag = "notifications", security(("token" = [])),
    request_body = PushSubscription, responses((status = 204, description = "Told while closed, from now")))]
pub(super) async fn subscribe(
    State(app): State<App>,
    Member(me): Member,
    Body(body): Body<PushSubscription>,
) -> Result<StatusCode, Refused> {
    let pusher = app.notices.pusher().ok_or(ErrorCode::NotFound)?;
    let refuse = |what: &str| Err(Refused::with(ErrorCode::InvalidField, what));
    if body.endpoint.len() > ENDPOINT_MAX_BYTES || !pusher.outside.allows(&body.endpoint) {
        return refuse("endpoint is no https address of a public server");
    }
    if notify::BrowserKeys::read(&body.keys).is_none() {
        return refuse("keys are no P-256 point and 16 bytes in base64url");
    }
    app.identities.store.subscribe(me.id, &body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/v1/push/subscriptions`
#[utoipa::path(delete, path = "/push/subscriptions", tag = "notifications", security(("token" = [])),
    request_body = EndPush, responses((status = 204, description = "Told no more")))]
pub(super) async fn unsubscribe(
    State(app): State<App>,
    Member(me): Member,
    Body(body): Body<EndPush>,
) -> Result<StatusCode, Refused> {
    app.identities.store.unsubscribe(me.id, &body.endpoint).await?;
    Ok(StatusCode::NO_CONTENT)
}
