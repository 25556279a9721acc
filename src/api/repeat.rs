//! `Idempotency-Key`: a creation that comes again within a day is answered as the first time, and not done again.
//!
//! Of two at the same time one waits for the other, and what has begun is done to its end, also for a client that hangs
//! up. Answers are kept sealed, and bodies known by a keyed hash: a sign-up's hold a session and a password.
//!
//! A server may die between doing and keeping the answer. A planned room is noted in the transaction that plans it and
//! told again all the same; a room ends with its server, and an account that is there is told by `taken`.

use std::hash::{BuildHasher, RandomState};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hmac,
};
use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use palco_protocol::{ErrorCode, RoomId, UserId};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

use super::{App, BODY_MAX_BYTES, caller::credentials, problem::Refused};
use crate::{
    secrets::hex,
    store::{Done, Once},
    tokens::Tokens,
};

/// Its name, as HTTP writes it.
pub(super) const HEADER: &str = "idempotency-key";
const SIGN_UP: &str = "/accounts";
/// What may be asked for again, and how short its key may be. Whoever signs up is nobody yet, and all of them share
/// their keys: these do not meet by chance.
pub(super) const PATHS: [(&str, usize); 3] = [("/rooms", 1), ("/scheduled", 1), (SIGN_UP, 32)];
/// A UUID, or whatever a client counts with.
pub(super) const KEY_MAX_BYTES: usize = 100;
const ANSWER_MAX_BYTES: usize = 64 * 1024;
/// As many creations as run at the same time; those of one key always meet in the same turn.
const TURNS: usize = 64;

/// Whose turn it is, and how answers are sealed.
pub(crate) struct Repeats {
    hasher: RandomState,
    turns: [Mutex<()>; TURNS],
    marks: hmac::Key,
    seal: RandomizedNonceKey,
}

/// What is told again.
#[derive(Serialize, Deserialize)]
struct Answer {
    body: String,
    cookie: Option<String>,
}

impl Repeats {
    pub(crate) fn new(tokens: &Tokens) -> Self {
        let derived = |purpose: &[u8]| hmac::sign(tokens.root(), purpose);
        Self {
            hasher: RandomState::new(),
            turns: std::array::from_fn(|_| Mutex::new(())),
            marks: hmac::Key::new(hmac::HMAC_SHA256, derived(b"repeated requests").as_ref()),
            seal: RandomizedNonceKey::new(&AES_256_GCM, derived(b"repeated answers").as_ref())
                .expect("invariant: what is derived is as long as this cipher's key"),
        }
    }

    async fn turn(&self, caller: UserId, key: &str) -> MutexGuard<'_, ()> {
        let hash = self.hasher.hash_one((caller, key));
        self.turns[usize::try_from(hash % TURNS as u64).unwrap_or(0)].lock().await
    }

    /// Tells which request it was.
    fn mark(&self, path: &str, body: &[u8]) -> String {
        hex(hmac::sign(&self.marks, &[path.as_bytes(), b"\n", body].concat()).as_ref())
    }

    /// Bound to its request: no other's answer can be put in its place.
    fn sealed(&self, request: &str, answer: &Answer) -> Result<String, ErrorCode> {
        let mut text = serde_json::to_vec(answer).map_err(|_| ErrorCode::Internal)?;
        let nonce = self.seal.seal_in_place_append_tag(Aad::from(request), &mut text);
        let nonce = nonce.map_err(|_| ErrorCode::Internal)?;
        Ok(BASE64_STANDARD.encode([&nonce.as_ref()[..], &text].concat()))
    }

    /// Nothing if it was sealed by another data directory's server.
    fn opened(&self, request: &str, sealed: &str) -> Option<Answer> {
        let mut sealed = BASE64_STANDARD.decode(sealed).ok()?;
        let (nonce, text) = sealed.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let text = self.seal.open_in_place(nonce, Aad::from(request), text).ok()?;
        serde_json::from_slice(text).ok()
    }
}

/// With a creation that has a key.
#[derive(Clone)]
pub(super) enum Again {
    /// It may come again: what it makes is to be noted.
    Perhaps(Once),
    /// It has come before and made this.
    Made(RoomId),
}

impl Again {
    pub(super) fn once(&self) -> Option<&Once> {
        if let Self::Perhaps(once) = self { Some(once) } else { None }
    }
}

/// Around the whole API.
pub(super) async fn once(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, Refused> {
    let path = PATHS.into_iter().find(|(path, _)| *path == request.uri().path());
    let path = path.filter(|_| request.method() == Method::POST);
    let (Some((path, least)), Some(key)) = (path, request.headers().get(HEADER)) else {
        return Ok(next.run(request).await);
    };
    let key = key.to_str().ok().filter(|key| (least..=KEY_MAX_BYTES).contains(&key.len()));
    let bad = || {
        let what = format!("Idempotency-Key is not {least} to {KEY_MAX_BYTES} characters");
        Refused::with(ErrorCode::InvalidField, what)
    };
    let key = key.ok_or_else(bad)?.to_owned();
    let caller = if path == SIGN_UP {
        UserId(Uuid::nil())
    } else {
        let token = credentials(request.headers(), &app)?.ok_or(ErrorCode::Unauthorized)?;
        app.identities.known(token).await?.person.id
    };
    let (mut parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_MAX_BYTES).await.map_err(|_| ErrorCode::TooLarge)?;
    let mark = app.repeats.mark(path, &body);
    // In a task of its own, which a client that hangs up does not end.
    let done = tokio::spawn(async move {
        let _turn = app.repeats.turn(caller, &key).await;
        match app.identities.store.done_before(caller, &key).await? {
            Some(done) if done.request != mark => Err(ErrorCode::KeyReused.into()),
            Some(done) if done.made().is_none() => told_again(&app, &done),
            done => {
                let made = done.and_then(|done| done.made());
                let once = || Once { caller, key: key.clone(), request: mark.clone() };
                parts.extensions.insert(made.map_or_else(|| Again::Perhaps(once()), Again::Made));
                let answer = next.run(Request::from_parts(parts, Body::from(body))).await;
                kept(&app, caller, &key, mark, answer).await
            }
        }
    });
    done.await.map_err(|_| Refused::from(ErrorCode::Internal))?
}

fn told_again(app: &App, done: &Done) -> Result<Response, Refused> {
    let answer = app.repeats.opened(&done.request, &done.body).ok_or(ErrorCode::Internal)?;
    let status = u16::try_from(done.status).ok().and_then(|it| StatusCode::from_u16(it).ok());
    let cookie = answer.cookie.map(HeaderValue::try_from).transpose();
    let cookie = cookie.map_err(|_| ErrorCode::Internal)?;
    Ok(json(status.unwrap_or(StatusCode::OK), answer.body.into(), cookie))
}

/// What was done is kept; what was refused may be tried again.
async fn kept(
    app: &App,
    caller: UserId,
    key: &str,
    request: String,
    answer: Response,
) -> Result<Response, Refused> {
    let status = answer.status();
    if !status.is_success() {
        return Ok(answer);
    }
    let cookie = answer.headers().get(header::SET_COOKIE).cloned();
    let body = to_bytes(answer.into_body(), ANSWER_MAX_BYTES).await;
    let body = body.map_err(|_| ErrorCode::Internal)?;
    let again = Answer {
        body: String::from_utf8_lossy(&body).into_owned(),
        cookie: cookie.as_ref().and_then(|it| it.to_str().ok()).map(str::to_owned),
    };
    let body_kept = app.repeats.sealed(&request, &again)?;
    let done = Done { request, status: i64::from(status.as_u16()), body: body_kept };
    if let Err(error) = app.identities.store.remember_done(caller, key, &done).await {
        tracing::warn!(%error, "an answer could not be kept for when its request comes again");
    }
    Ok(json(status, body, cookie))
}

fn json(status: StatusCode, body: Bytes, cookie: Option<HeaderValue>) -> Response {
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    let mut response = (status, kind, body).into_response();
    if let Some(cookie) = cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
