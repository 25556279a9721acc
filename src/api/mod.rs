//! The HTTP API under `/api/v1`, one file a resource; the WebSocket's handshake; metrics and health.

mod guests;
mod metrics;
mod problem;
mod rooms;
mod socket;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    routing::{get, post},
};
use palco_protocol::ErrorCode;
use palco_signaling::Signaling;

use crate::{config::Rooms, tokens::Tokens, web};
use problem::Refused;

/// Every body of this API is a few short fields.
const BODY_MAX_BYTES: usize = 16 * 1024;

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) signaling: Signaling,
    pub(crate) media: palco_sfu::Handle,
    pub(crate) tokens: Tokens,
    pub(crate) origins: Arc<[String]>,
    pub(crate) rooms: Rooms,
}

pub(crate) fn router(app: App) -> Router {
    let v1 = Router::new()
        .route("/guests", post(guests::create))
        .route("/rooms", post(rooms::create).get(rooms::list))
        .route("/rooms/{room}", get(rooms::show))
        .method_not_allowed_fallback(async || Refused::from(ErrorCode::MethodNotAllowed))
        .fallback(async || Refused::from(ErrorCode::NotFound))
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES));
    Router::new()
        .nest("/api/v1", v1)
        .route("/ws", get(socket::open))
        .route("/metrics", get(metrics::show))
        .route("/healthz", get(async || StatusCode::NO_CONTENT))
        .fallback(get(web::page))
        .with_state(app)
}
