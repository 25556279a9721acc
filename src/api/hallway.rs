//! The hallway: what is on and what is to come, in the caller's own order.

use std::collections::HashSet;

use axum::{Json, extract::State};
use palco_protocol::{RoomId, RoomKind, http::Hallway};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    App,
    caller::Caller,
    people,
    problem::{Query, Refused},
};
use crate::{
    hallway::{self, Taste},
    store::{Narrowed, utc_ms},
};

/// Rooms of other kinds than open that are looked at, the newest first.
const HIDDEN_MAX: usize = 1_000;

/// What the hallway is narrowed to.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(super) struct Search {
    q: String,
    topic: String,
    language: String,
}

/// What is on and what is to come, in the caller's own order.
#[utoipa::path(get, path = "/hallway", tag = "scheduled", security((), ("token" = [])),
    responses((status = 200, body = Hallway, description = "The hallway")))]
pub(super) async fn show(
    State(app): State<App>,
    caller: Option<Caller>,
    Query(search): Query<Search>,
) -> Result<Json<Hallway>, Refused> {
    let store = &app.identities.store;
    let narrowed = Narrowed {
        text: search.q.trim().to_lowercase(),
        topic: search.topic.trim().trim_start_matches('#').to_lowercase(),
        language: search.language.trim().to_owned(),
    };
    let account = caller.as_ref().and_then(|Caller(known)| known.account.clone());
    let viewer = people::viewer(caller);
    let (mut taste, mut blocks) = (Taste::default(), Vec::new());
    if let Some(account) = account {
        taste.follows = store.followed_by(viewer).await?.into_iter().collect();
        taste.topics = account.about.topics;
        taste.languages = account.about.languages;
        blocks = store.blocks_of(viewer).await?;
    }
    let mut rooms = app.signaling.rooms();
    rooms.retain(|seen| {
        !blocks.contains(&seen.live.room.owner) && hallway::matches(&narrowed, &seen.live)
    });
    let mut hidden: Vec<RoomId> = Vec::new();
    for seen in rooms.iter().filter(|seen| seen.live.room.kind != RoomKind::Open) {
        hidden.push(seen.live.room.id);
    }
    hidden.sort_unstable_by(|one, other| other.cmp(one));
    hidden.truncate(HIDDEN_MAX);
    let welcome: HashSet<RoomId> = store.let_into(viewer, &hidden).await?.into_iter().collect();
    rooms.retain(|seen| {
        seen.live.room.kind == RoomKind::Open || welcome.contains(&seen.live.room.id)
    });
    let live: Vec<_> = rooms.iter().map(|seen| (&seen.live, &seen.stage[..])).collect();
    let upcoming = store.upcoming(viewer, &narrowed, utc_ms()).await?;
    let upcoming = upcoming.into_iter().map(|planned| planned.shown).collect();
    Ok(Json(Hallway {
        live: hallway::live(&taste, &live),
        upcoming: hallway::upcoming(&taste, upcoming),
    }))
}
