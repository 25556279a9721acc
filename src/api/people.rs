//! People as others find them: profiles, following, blocking, search, pictures.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use palco_protocol::{
    ErrorCode, UserId,
    http::{Listed, People, Profile},
};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::{
    App,
    caller::{Caller, Member},
    problem::{Path, Query, Refused},
};
use crate::store::{Account, PeopleList};

/// `?cursor=` of a list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Cursor {
    cursor: Option<UserId>,
}

/// `?q=` of a search.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Search {
    #[serde(default)]
    q: String,
}

/// Somebody named by handle or id, whom `viewer` may see: not if suspended, nor if they blocked the viewer.
pub(super) async fn find(
    app: &App,
    viewer: Option<UserId>,
    name: &str,
) -> Result<Account, Refused> {
    let store = &app.identities.store;
    let found = match name.parse() {
        Ok(id) => store.account(id).await?,
        Err(_) => store.account_by_handle(name.trim_start_matches('@')).await?,
    };
    let account = found.filter(|account| !account.suspended).ok_or(ErrorCode::NotFound)?;
    match viewer {
        Some(viewer) if viewer != account.id => {
            store.between(viewer, account.id).await?.ok_or(ErrorCode::NotFound)?;
        }
        _ => {}
    }
    Ok(account)
}

/// Somebody's profile.
#[utoipa::path(get, path = "/people/{person}", tag = "people", security((), ("token" = [])),
    responses((status = 200, body = Profile, description = "The profile")))]
pub(super) async fn show(
    State(app): State<App>,
    caller: Option<Caller>,
    Path(name): Path<String>,
) -> Result<Json<Profile>, Refused> {
    let viewer = caller.map(|Caller(known)| known.person.id);
    let account = find(&app, viewer, &name).await?;
    let store = &app.identities.store;
    let between = match viewer.filter(|&viewer| viewer != account.id) {
        Some(viewer) => store.between(viewer, account.id).await?,
        None => None,
    };
    let (followers, following) = store.follow_counts(account.id).await?;
    Ok(Json(Profile {
        person: account.person(),
        live: app.signaling.open_room_of(account.id),
        about: account.about,
        followers,
        following,
        between,
        created_at_ms: account.created_at_ms,
    }))
}

/// People whose handle or name begins so.
#[utoipa::path(get, path = "/people", tag = "people", security((), ("token" = [])),
    responses((status = 200, body = People, description = "Those found")))]
pub(super) async fn search(
    State(app): State<App>,
    caller: Option<Caller>,
    Query(search): Query<Search>,
) -> Result<Json<People>, Refused> {
    let text = search.q.trim().trim_start_matches('@');
    if text.is_empty() {
        return Ok(whole(Vec::new()));
    }
    Ok(whole(app.identities.store.search_people(viewer(caller), text).await?))
}

/// Whom one might follow.
#[utoipa::path(get, path = "/people/suggestions", tag = "people", security((), ("token" = [])),
    responses((status = 200, body = People, description = "To 20")))]
pub(super) async fn suggestions(
    State(app): State<App>,
    caller: Option<Caller>,
) -> Result<Json<People>, Refused> {
    Ok(whole(app.identities.store.suggestions(viewer(caller)).await?))
}

/// Who follows somebody.
#[utoipa::path(get, path = "/people/{person}/followers", tag = "people", security((), ("token" = [])),
    responses((status = 200, body = People, description = "A page")))]
pub(super) async fn followers(
    State(app): State<App>,
    caller: Option<Caller>,
    Path(name): Path<String>,
    Query(cursor): Query<Cursor>,
) -> Result<Json<People>, Refused> {
    let of = find(&app, caller.as_ref().map(|Caller(known)| known.person.id), &name).await?;
    list(&app, caller, PeopleList::FollowersOf(of.id), cursor).await
}

/// Whom somebody follows.
#[utoipa::path(get, path = "/people/{person}/following", tag = "people", security((), ("token" = [])),
    responses((status = 200, body = People, description = "A page")))]
pub(super) async fn following(
    State(app): State<App>,
    caller: Option<Caller>,
    Path(name): Path<String>,
    Query(cursor): Query<Cursor>,
) -> Result<Json<People>, Refused> {
    let of = find(&app, caller.as_ref().map(|Caller(known)| known.person.id), &name).await?;
    list(&app, caller, PeopleList::FollowedBy(of.id), cursor).await
}

/// Whom the caller blocked.
#[utoipa::path(get, path = "/me/blocks", tag = "people", security(("token" = [])),
    responses((status = 200, body = People, description = "A page")))]
pub(super) async fn blocks(
    State(app): State<App>,
    Caller(known): Caller,
    Query(cursor): Query<Cursor>,
) -> Result<Json<People>, Refused> {
    let list_of = PeopleList::BlockedBy(known.person.id);
    list(&app, Some(Caller(known)), list_of, cursor).await
}

pub(super) async fn list(
    app: &App,
    caller: Option<Caller>,
    list: PeopleList,
    Cursor { cursor }: Cursor,
) -> Result<Json<People>, Refused> {
    let (people, more) = app.identities.store.people(viewer(caller), list, cursor).await?;
    let next = people.last().filter(|_| more).map(|last| last.person.id.to_string());
    Ok(Json(People { people, next }))
}

fn whole(people: Vec<Listed>) -> Json<People> {
    Json(People { people, next: None })
}

/// Whom strangers see the world as: nobody follows or blocks the nil id.
pub(super) fn viewer(caller: Option<Caller>) -> UserId {
    caller.map_or(UserId(Uuid::nil()), |Caller(known)| known.person.id)
}

/// Follows somebody.
#[utoipa::path(put, path = "/people/{person}/follow", tag = "people", security(("token" = [])),
    responses((status = 204, description = "Followed")))]
pub(super) async fn follow(
    State(app): State<App>,
    Member(me): Member,
    Path(name): Path<String>,
) -> Result<StatusCode, Refused> {
    let them = another(&app, &me, &name).await?;
    if !app.identities.store.follow(me.id, them).await? {
        return Err(ErrorCode::Blocked.into());
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Follows somebody no longer.
#[utoipa::path(delete, path = "/people/{person}/follow", tag = "people", security(("token" = [])),
    responses((status = 204, description = "Not followed")))]
pub(super) async fn unfollow(
    State(app): State<App>,
    Member(me): Member,
    Path(name): Path<String>,
) -> Result<StatusCode, Refused> {
    let them = another(&app, &me, &name).await?;
    app.identities.store.unfollow(me.id, them).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Blocks somebody.
#[utoipa::path(put, path = "/people/{person}/block", tag = "people", security(("token" = [])),
    responses((status = 204, description = "Blocked")))]
pub(super) async fn block(
    State(app): State<App>,
    Member(me): Member,
    Path(name): Path<String>,
) -> Result<StatusCode, Refused> {
    let them = another(&app, &me, &name).await?;
    app.identities.store.block(me.id, them).await?;
    // Out of each other's rooms at once, not at the next door.
    app.signaling.blocked(me.id, them).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Lifts a block.
#[utoipa::path(delete, path = "/people/{person}/block", tag = "people", security(("token" = [])),
    responses((status = 204, description = "Not blocked")))]
pub(super) async fn unblock(
    State(app): State<App>,
    Member(me): Member,
    Path(name): Path<String>,
) -> Result<StatusCode, Refused> {
    let them = another(&app, &me, &name).await?;
    app.identities.store.unblock(me.id, them).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Somebody else than the caller. Whom they blocked may still block them, or unfollow.
pub(super) async fn another(app: &App, me: &Account, name: &str) -> Result<UserId, Refused> {
    let store = &app.identities.store;
    let found = match name.parse() {
        Ok(id) => store.account(id).await?,
        Err(_) => store.account_by_handle(name.trim_start_matches('@')).await?,
    };
    let them = found.ok_or(ErrorCode::NotFound)?.id;
    if them == me.id {
        return Err(Refused::with(ErrorCode::InvalidField, "that is you"));
    }
    Ok(them)
}

/// `GET /avatars/{person}/{version}`
pub(super) async fn avatar(
    State(app): State<App>,
    Path((person, _)): Path<(UserId, String)>,
) -> Result<Response, Refused> {
    let stored = app.identities.store.avatar(person).await?.ok_or(ErrorCode::NotFound)?;
    let image = BASE64_STANDARD.decode(stored).map_err(|_| ErrorCode::Internal)?;
    let headers = [
        (header::CONTENT_TYPE, "image/jpeg"),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((headers, image).into_response())
}
