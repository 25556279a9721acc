//! Signing up, in and out, and resetting a password.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use palco_protocol::{
    ErrorCode, UserId,
    http::{CreateAccount, RequestReset, ResetPassword, SessionIn, SignIn, SignedIn},
    limits,
};
use palco_signaling::Tokens;
use uuid::Uuid;

use super::{
    App,
    caller::{credentials, origin_allowed, set_cookie},
    problem::{Body, Path, Refused, line},
    rate::{Limited, Origin},
};
use crate::{
    mail::Mail,
    secrets::{SESSION_PREFIX, fresh, hashed},
    store::{Account, NewAccount, utc_ms},
};

/// How long one stays signed in on a device.
const SESSION_LIFE: Duration = Duration::from_hours(24 * 30);
/// How long the link to a new password works.
const RESET_LIFE: Duration = Duration::from_hours(1);

/// Signs up.
#[utoipa::path(post, path = "/accounts", tag = "accounts",
    request_body = CreateAccount, responses((status = 201, body = SignedIn, description = "Signed up and in")))]
pub(super) async fn create(
    State(app): State<App>,
    origin: Origin,
    headers: HeaderMap,
    Body(body): Body<CreateAccount>,
) -> Result<Response, Refused> {
    app.limits.check(Limited::SignUp, origin)?;
    let handle = handle(&body.handle)?;
    let name = line("name", &body.name, limits::NAME_MAX_CHARS)?;
    let email = body.email.as_deref().map(email).transpose()?;
    let password = app.passwords.hash(password(body.password)?).await?;
    let id = UserId(Uuid::now_v7());
    let new = NewAccount { id, handle, name, email, password };
    let account = app.identities.store.create_account(new).await?;
    sign_in(&app, &headers, StatusCode::CREATED, &account, body.session).await
}

/// Signs in.
#[utoipa::path(post, path = "/session", tag = "accounts",
    request_body = SignIn, responses((status = 200, body = SignedIn, description = "Signed in")))]
pub(super) async fn open_session(
    State(app): State<App>,
    origin: Origin,
    headers: HeaderMap,
    Body(body): Body<SignIn>,
) -> Result<Response, Refused> {
    app.limits.check(Limited::Password, origin)?;
    // Also for each account, from wherever it is guessed at.
    app.limits.check_login(&body.login)?;
    if body.password.chars().count() > limits::PASSWORD_MAX_CHARS {
        return Err(ErrorCode::WrongPassword.into());
    }
    let known = app.identities.store.credentials(&body.login).await?;
    let (account, kept) = known.unzip();
    let matches = app.passwords.check(body.password, kept).await?;
    let Some(account) = account.filter(|_| matches) else {
        tracing::info!("a sign-in failed");
        return Err(ErrorCode::WrongPassword.into());
    };
    if account.suspended {
        return Err(ErrorCode::Suspended.into());
    }
    sign_in(&app, &headers, StatusCode::OK, &account, body.session).await
}

/// Signs out. Of nobody it is a no-op.
#[utoipa::path(delete, path = "/session", tag = "accounts", security((), ("token" = [])),
    responses((status = 204, description = "Signed out")))]
pub(super) async fn close_session(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let token = credentials(&headers, &app)?.filter(|it| it.starts_with(SESSION_PREFIX));
    if let Some(token) = token
        && let Some(account) = app.identities.store.end_session(&hashed(token)).await?
    {
        app.signaling.sign_out(account, Tokens::Only(token)).await;
    }
    let gone = [(header::SET_COOKIE, set_cookie(&headers, "", 0))];
    Ok((StatusCode::NO_CONTENT, gone).into_response())
}

/// A link to a new password: accepted, whether there is such an account or not.
#[utoipa::path(post, path = "/password-resets", tag = "accounts",
    request_body = RequestReset, responses((status = 202, description = "Accepted")))]
pub(super) async fn request_reset(
    State(app): State<App>,
    origin: Origin,
    Body(body): Body<RequestReset>,
) -> Result<StatusCode, Refused> {
    app.limits.check(Limited::Reset, origin)?;
    // Beside the answer, so that its time does not tell either.
    tokio::spawn(async move {
        if let Err(code) = begin_reset(&app, &body.login).await {
            tracing::warn!(code = code.as_str(), "a password reset could not be sent");
        }
    });
    Ok(StatusCode::ACCEPTED)
}

async fn begin_reset(app: &App, login: &str) -> Result<(), ErrorCode> {
    let Some((account, _)) = app.identities.store.credentials(login).await? else { return Ok(()) };
    let secret = fresh("");
    let expires_at_ms = utc_ms() + life_ms(RESET_LIFE);
    app.identities.store.create_reset(&hashed(&secret), account.id, expires_at_ms).await?;
    // In the fragment, which browsers send nowhere.
    let path = format!("/reset#{secret}");
    match (&app.mail, &account.email) {
        (Some(mail), Some(address)) => mail.send(reset_mail(&account, address, mail, &path)).await,
        _ => {
            tracing::warn!(target: "palco::reset", handle = account.handle, path, "a new password was asked for");
            Ok(())
        }
    }
}

fn reset_mail(account: &Account, address: &str, mail: &crate::mail::Mailer, path: &str) -> Mail {
    Mail {
        to: address.to_owned(),
        subject: "A new password for Palco".to_owned(),
        text: format!(
            "Hello {},\n\nsomebody asked for a new password for your account @{}. If it was you, choose one here \
             within an hour:\n\n{}\n\nIf not, nothing needs doing: your password stays as it is.\n",
            account.name,
            account.handle,
            mail.link(path)
        ),
    }
}

/// A new password.
#[utoipa::path(post, path = "/password-resets/{token}", tag = "accounts",
    request_body = ResetPassword, responses((status = 204, description = "Every session ended")))]
pub(super) async fn reset(
    State(app): State<App>,
    origin: Origin,
    Path(token): Path<String>,
    Body(body): Body<ResetPassword>,
) -> Result<StatusCode, Refused> {
    app.limits.check(Limited::Password, origin)?;
    let account = app.identities.store.reset(&hashed(&token)).await?;
    let account = account.ok_or(ErrorCode::TokenExpired)?;
    let password = app.passwords.hash(password(body.password)?).await?;
    app.identities.store.set_password(account, password, None).await?;
    app.signaling.sign_out(account, Tokens::All).await;
    Ok(StatusCode::NO_CONTENT)
}

async fn sign_in(
    app: &App,
    headers: &HeaderMap,
    status: StatusCode,
    account: &Account,
    session: SessionIn,
) -> Result<Response, Refused> {
    // Another page must not sign its visitor in as somebody (login CSRF).
    if session == SessionIn::Cookie && !origin_allowed(headers, &app.origins) {
        return Err(ErrorCode::ForbiddenOrigin.into());
    }
    let token = fresh(SESSION_PREFIX);
    let expires_at_ms = utc_ms() + life_ms(SESSION_LIFE);
    app.identities.store.create_session(&hashed(&token), account.id, expires_at_ms).await?;
    let account = account.own();
    Ok(match session {
        SessionIn::Token => {
            (status, Json(SignedIn { account, token: Some(token) })).into_response()
        }
        SessionIn::Cookie => {
            let cookie = set_cookie(headers, &token, SESSION_LIFE.as_secs());
            let body = Json(SignedIn { account, token: None });
            (status, [(header::SET_COOKIE, cookie)], body).into_response()
        }
    })
}

fn life_ms(life: Duration) -> i64 {
    i64::try_from(life.as_millis()).unwrap_or(i64::MAX)
}

/// A handle as it is kept: lower case.
pub(super) fn handle(text: &str) -> Result<String, Refused> {
    let text = text.trim().trim_start_matches('@').to_lowercase();
    let well_formed = (limits::HANDLE_MIN_CHARS..=limits::HANDLE_MAX_CHARS).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if well_formed {
        Ok(text)
    } else {
        let what = "handle is not 3 to 20 of a to z, 0 to 9 and _, beginning with a letter";
        Err(Refused::with(ErrorCode::InvalidField, what))
    }
}

/// An email address as it is kept: lower case, as nearly every server takes it. Whether it works, a mail tells.
pub(super) fn email(text: &str) -> Result<String, Refused> {
    let text = line("email", text, limits::EMAIL_MAX_CHARS)?.to_lowercase();
    let plausible = text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && domain.contains('.') && !domain.contains('@')
    }) && !text.contains(char::is_whitespace);
    if plausible {
        Ok(text)
    } else {
        Err(Refused::with(ErrorCode::InvalidField, "email is not an address"))
    }
}

/// A password that may be set: long enough, and not endless.
pub(super) fn password(text: String) -> Result<String, Refused> {
    let length = text.chars().count();
    if (limits::PASSWORD_MIN_CHARS..=limits::PASSWORD_MAX_CHARS).contains(&length) {
        Ok(text)
    } else {
        let what = format!(
            "password is not {} to {} characters long",
            limits::PASSWORD_MIN_CHARS,
            limits::PASSWORD_MAX_CHARS
        );
        Err(Refused::with(ErrorCode::InvalidField, what))
    }
}
