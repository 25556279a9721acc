//! `Idempotency-Key`: a creation that comes again within a day is answered as the first time, and not done again.
//!
//! Only where the answer holds no secret, for it is kept. Of two at the same time one waits for the other. A server
//! that dies between doing and keeping forgets that it did.

use std::hash::{BuildHasher, RandomState};

use axum::{
    body::{Body, to_bytes},
    extract::{FromRequestParts, Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use palco_protocol::{ErrorCode, UserId};
use tokio::sync::{Mutex, MutexGuard};

use super::{App, BODY_MAX_BYTES, caller::Caller, problem::Refused};
use crate::{secrets::hashed, store::Done};

/// Its name, as HTTP writes it.
pub(super) const HEADER: &str = "idempotency-key";
/// What may be asked for again.
pub(super) const PATHS: [&str; 2] = ["/rooms", "/scheduled"];
/// A UUID, or whatever a client counts with.
const KEY_MAX_BYTES: usize = 100;
const ANSWER_MAX_BYTES: usize = 64 * 1024;
/// As many creations as run at the same time; those of one key always meet in the same turn.
const TURNS: usize = 64;

/// Whose turn it is.
pub(crate) struct Turns {
    hasher: RandomState,
    turns: [Mutex<()>; TURNS],
}

impl Turns {
    pub(crate) fn new() -> Self {
        Self { hasher: RandomState::new(), turns: std::array::from_fn(|_| Mutex::new(())) }
    }

    async fn take(&self, caller: UserId, key: &str) -> MutexGuard<'_, ()> {
        let hash = self.hasher.hash_one((caller, key));
        self.turns[usize::try_from(hash % TURNS as u64).unwrap_or(0)].lock().await
    }
}

/// Around the whole API.
pub(super) async fn once(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, Refused> {
    let creates = request.method() == Method::POST && PATHS.contains(&request.uri().path());
    let Some(key) = request.headers().get(HEADER).filter(|_| creates) else {
        return Ok(next.run(request).await);
    };
    let key = key.to_str().ok().filter(|key| (1..=KEY_MAX_BYTES).contains(&key.len()));
    let bad =
        || Refused::with(ErrorCode::InvalidField, "Idempotency-Key is not 1 to 100 characters");
    let key = key.ok_or_else(bad)?.to_owned();

    let (mut parts, body) = request.into_parts();
    let Caller(caller) =
        <Caller as FromRequestParts<App>>::from_request_parts(&mut parts, &app).await?;
    let caller = caller.person.id;
    let body = to_bytes(body, BODY_MAX_BYTES).await.map_err(|_| ErrorCode::TooLarge)?;
    let asked = [parts.uri.path().as_bytes(), b"\n", &body].concat();
    let request_hash = hashed(&asked);

    let _turn = app.turns.take(caller, &key).await;
    if let Some(done) = app.identities.store.done_before(caller, &key).await? {
        if done.request != request_hash {
            return Err(ErrorCode::KeyReused.into());
        }
        let status = u16::try_from(done.status).ok().and_then(|it| StatusCode::from_u16(it).ok());
        return Ok(json(status.unwrap_or(StatusCode::OK), Body::from(done.body)));
    }
    let answer = next.run(Request::from_parts(parts, Body::from(body))).await;
    if !answer.status().is_success() {
        // Nothing was done: it may be tried again.
        return Ok(answer);
    }
    let status = answer.status();
    let body = to_bytes(answer.into_body(), ANSWER_MAX_BYTES).await;
    let body = body.map_err(|_| ErrorCode::Internal)?;
    let done = Done {
        request: request_hash,
        status: i64::from(status.as_u16()),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    if let Err(error) = app.identities.store.remember_done(caller, &key, &done).await {
        tracing::warn!(%error, "an answer could not be kept for when its request comes again");
    }
    Ok(json(status, Body::from(body)))
}

fn json(status: StatusCode, body: Body) -> Response {
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (status, kind, body).into_response()
}
