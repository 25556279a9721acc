//! The HTTP API under `/api/v1`, one file a resource; the WebSocket's handshake; metrics and health.

mod accounts;
pub(crate) mod address;
mod admin;
mod caller;
mod cors;
mod guests;
mod hallway;
mod me;
mod metrics;
mod notifications;
mod openapi;
mod people;
mod problem;
mod rate;
mod repeat;
mod rooms;
mod scheduled;
mod socket;

use std::sync::Arc;

use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
    middleware,
    routing::{any, get},
};
use palco_protocol::{ErrorCode, limits::AVATAR_MAX_BYTES};
use palco_signaling::Signaling;
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt},
    routes,
};

use crate::{
    config::Rooms, connections::Connections, history::Histories, identity::Identities,
    mail::Mailer, notify::Notifier, passwords::Passwords, web, words::WordList,
};
use address::Proxies;
use problem::Refused;
pub(crate) use rate::{Limits, Origin};
pub(crate) use repeat::Repeats;

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
    pub(crate) repeats: Arc<Repeats>,
    pub(crate) histories: Histories,
    pub(crate) notices: Notifier,
    pub(crate) proxies: Arc<Proxies>,
    pub(crate) connections: Connections,
    pub(crate) words: Option<Arc<WordList>>,
    pub(crate) origins: Arc<[String]>,
    /// Where the server is reached from outside, if it was told.
    pub(crate) public_url: Option<String>,
    pub(crate) rooms: Rooms,
}

/// The API itself.
fn v1() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::begin())
        .routes(routes!(openapi::show))
        .routes(routes!(guests::create))
        .routes(routes!(accounts::create))
        .routes(routes!(accounts::open_session, accounts::close_session))
        .routes(routes!(accounts::request_reset))
        .routes(routes!(accounts::reset))
        .routes(routes!(me::show, me::update, me::delete))
        .routes(routes!(me::change_password))
        .routes(
            // The one large body of the API.
            routes!(me::set_avatar, me::remove_avatar)
                .layer(DefaultBodyLimit::max(AVATAR_MAX_BYTES)),
        )
        .routes(routes!(me::export))
        .routes(routes!(people::blocks))
        .routes(routes!(people::search))
        .routes(routes!(people::suggestions))
        .routes(routes!(people::show))
        .routes(routes!(people::followers))
        .routes(routes!(people::following))
        .routes(routes!(people::follow, people::unfollow))
        .routes(routes!(people::block, people::unblock))
        .routes(routes!(notifications::set_wanted))
        .routes(routes!(notifications::push_key))
        .routes(routes!(notifications::subscribe, notifications::unsubscribe))
        .routes(routes!(notifications::list))
        .routes(routes!(notifications::unread))
        .routes(routes!(notifications::mark_read))
        .routes(routes!(notifications::preferences, notifications::set_preferences))
        .routes(routes!(rooms::create, rooms::list))
        .routes(routes!(rooms::show))
        .routes(routes!(rooms::invite))
        .routes(routes!(rooms::history))
        .routes(routes!(admin::rooms))
        .routes(routes!(admin::end_room))
        .routes(routes!(admin::suspend, admin::unsuspend))
        .routes(routes!(admin::grant, admin::revoke))
        .routes(routes!(admin::reports))
        .routes(routes!(admin::handle_report))
        .routes(routes!(admin::keys, admin::create_key))
        .routes(routes!(admin::revoke_key))
        .routes(routes!(hallway::show))
        .routes(routes!(scheduled::create, scheduled::list))
        .routes(routes!(scheduled::show, scheduled::update, scheduled::cancel))
        .routes(routes!(scheduled::say_yes, scheduled::say_no))
        .routes(routes!(scheduled::attendees))
        .routes(routes!(scheduled::start))
}

pub(crate) fn router(app: App) -> Router {
    let v1 = Router::from(v1())
        .method_not_allowed_fallback(async || Refused::from(ErrorCode::MethodNotAllowed))
        .fallback(async || Refused::from(ErrorCode::NotFound))
        .layer(middleware::from_fn_with_state(app.clone(), repeat::once))
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .layer(cors::layer(&app.origins));
    Router::new()
        .nest("/api/v1", v1)
        // The one path below it that nesting leaves out.
        .route("/api/v1/", any(async || Refused::from(ErrorCode::NotFound)))
        .route("/avatars/{person}/{version}", get(people::avatar))
        .route("/ws", get(socket::open))
        .route("/metrics", get(metrics::show))
        .route("/healthz", get(async || StatusCode::NO_CONTENT))
        .route("/readyz", get(ready))
        .fallback(get(web::page))
        .with_state(app)
}

/// `GET /readyz`: whether new people should be sent here.
async fn ready(State(app): State<App>) -> Result<StatusCode, Refused> {
    if app.signaling.is_draining() {
        return Err(ErrorCode::Draining.into());
    }
    app.identities.store.check().await?;
    Ok(StatusCode::NO_CONTENT)
}
