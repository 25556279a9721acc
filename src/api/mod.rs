//! The HTTP API under `/api/v1`, one file a resource; the WebSocket's handshake; metrics and health.

mod accounts;
pub(crate) mod address;
mod caller;
mod guests;
mod me;
mod metrics;
mod people;
mod problem;
mod rate;
mod rooms;
mod socket;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    routing::{get, post, put},
};
use palco_protocol::{ErrorCode, limits::AVATAR_MAX_BYTES};
use palco_signaling::Signaling;

use crate::{
    config::Rooms, history::Histories, identity::Identities, mail::Mailer, passwords::Passwords,
    web, words::WordList,
};
use address::Proxies;
use problem::Refused;
pub(crate) use rate::Limits;

/// Every body of this API is a few short fields.
const BODY_MAX_BYTES: usize = 16 * 1024;

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) signaling: Signaling,
    pub(crate) media: palco_sfu::Handle,
    pub(crate) identities: Identities,
    pub(crate) passwords: Passwords,
    pub(crate) mail: Option<Mailer>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) histories: Histories,
    pub(crate) proxies: Arc<Proxies>,
    pub(crate) words: Option<Arc<WordList>>,
    pub(crate) origins: Arc<[String]>,
    pub(crate) rooms: Rooms,
}

pub(crate) fn router(app: App) -> Router {
    let v1 = Router::new()
        .route("/guests", post(guests::create))
        .route("/accounts", post(accounts::create))
        .route("/session", post(accounts::open_session).delete(accounts::close_session))
        .route("/password-resets", post(accounts::request_reset))
        .route("/password-resets/{token}", post(accounts::reset))
        .route("/me", get(me::show).patch(me::update).delete(me::delete))
        .route("/me/password", post(me::change_password))
        .route("/me/export", get(me::export))
        .route("/me/blocks", get(people::blocks))
        .route("/people", get(people::search))
        .route("/people/suggestions", get(people::suggestions))
        .route("/people/{person}", get(people::show))
        .route("/people/{person}/followers", get(people::followers))
        .route("/people/{person}/following", get(people::following))
        .route("/people/{person}/follow", put(people::follow).delete(people::unfollow))
        .route("/people/{person}/block", put(people::block).delete(people::unblock))
        .route("/rooms", post(rooms::create).get(rooms::list))
        .route("/rooms/{room}", get(rooms::show))
        .route("/rooms/{room}/guests", post(rooms::invite))
        .route("/rooms/{room}/history", get(rooms::history))
        .method_not_allowed_fallback(async || Refused::from(ErrorCode::MethodNotAllowed))
        .fallback(async || Refused::from(ErrorCode::NotFound))
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES));
    // The one large body of the API.
    let v1 = v1.route(
        "/me/avatar",
        put(me::set_avatar)
            .layer(DefaultBodyLimit::max(AVATAR_MAX_BYTES))
            .delete(me::remove_avatar),
    );
    Router::new()
        .nest("/api/v1", v1)
        .route("/avatars/{person}/{version}", get(people::avatar))
        .route("/ws", get(socket::open))
        .route("/metrics", get(metrics::show))
        .route("/healthz", get(async || StatusCode::NO_CONTENT))
        .fallback(get(web::page))
        .with_state(app)
}
