//! One's own notices: the list, what is read, what one wants to be told of.

use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
};
use palco_protocol::{
    DirectEvent, ErrorCode, NoticeId,
    http::{MarkRead, NoticePreferences, Notifications, SetWanted, Unread},
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    App,
    caller::Member,
    people::another,
    problem::{Body, Refused},
};
use crate::notify;

/// Named in one request.
const IDS_MAX: usize = 100;
/// Notices an hour that one can ask to be disturbed by.
const HOURLY_MAX: u8 = 60;

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
    let store = &app.identities.store;
    if let Some(ids) = &body.ids {
        if ids.len() > IDS_MAX {
            let what = format!("more than {IDS_MAX} ids");
            return Err(Refused::with(ErrorCode::InvalidField, what));
        }
        store.read_notices(me.id, ids).await?;
    }
    if body.up_to.is_some() || body == MarkRead::default() {
        store.read_notices_up_to(me.id, body.up_to).await?;
    }
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
    Body(mut body): Body<NoticePreferences>,
) -> Result<Json<NoticePreferences>, Refused> {
    if body.hourly_max > HOURLY_MAX {
        let what = format!("hourly_max is more than {HOURLY_MAX}");
        return Err(Refused::with(ErrorCode::InvalidField, what));
    }
    if body.quiet.as_ref().is_some_and(|quiet| notify::hours(quiet).is_none()) {
        let what = "quiet is not two times of day, HH:MM, in a zone of the IANA database";
        return Err(Refused::with(ErrorCode::InvalidField, what));
    }
    body.off.sort_unstable();
    body.off.dedup();
    app.identities.store.set_notice_preferences(me.id, &body).await?;
    Ok(Json(body))
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
