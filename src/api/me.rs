//! One's own account: reading, changing, deleting, exporting it.

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use palco_protocol::{
    ErrorCode,
    http::{About, Account, ChangePassword, DeleteAccount, UpdateAccount},
    limits,
};
use palco_signaling::Tokens;

use super::{
    App,
    accounts::{email, handle, password},
    caller::{Member, credentials, set_cookie},
    problem::{Body, Refused, line, paragraph},
    rate::{Limited, Origin},
};
use crate::{
    pictures,
    secrets::hashed,
    store::{self, ProfileChange},
};

/// One's own account.
#[utoipa::path(get, path = "/me", tag = "accounts", security(("token" = [])),
    responses((status = 200, body = Account, description = "The account")))]
pub(super) async fn show(Member(account): Member) -> Json<Account> {
    Json(account.own())
}

/// Changes one's own account.
#[utoipa::path(patch, path = "/me", tag = "accounts", security(("token" = [])),
    request_body = UpdateAccount, responses((status = 200, body = Account, description = "As it is now")))]
pub(super) async fn update(
    State(app): State<App>,
    Member(account): Member,
    Body(body): Body<UpdateAccount>,
) -> Result<Json<Account>, Refused> {
    let id = account.id;
    app.identities.store.update_account(id, changed(account, body)?).await?;
    let account = app.identities.store.account(id).await?.ok_or(ErrorCode::Unauthorized)?;
    Ok(Json(account.own()))
}

fn changed(account: store::Account, body: UpdateAccount) -> Result<ProfileChange, Refused> {
    let was = account.about;
    let optional_line = |field: &str, text: String, max| {
        if text.trim().is_empty() { Ok(String::new()) } else { line(field, &text, max) }
    };
    Ok(ProfileChange {
        handle: body.handle.map_or(Ok(account.handle), |text| handle(&text))?,
        name: body
            .name
            .map_or(Ok(account.name), |text| line("name", &text, limits::NAME_MAX_CHARS))?,
        email: match body.email {
            None => account.email,
            Some(text) if text.trim().is_empty() => None,
            Some(text) => Some(email(&text)?),
        },
        about: About {
            headline: body.headline.map_or(Ok(was.headline), |text| {
                optional_line("headline", text, limits::HEADLINE_MAX_CHARS)
            })?,
            bio: body
                .bio
                .map_or(Ok(was.bio), |text| paragraph("bio", &text, limits::BIO_MAX_CHARS))?,
            links: body.links.map_or(Ok(was.links), |list| each("links", list, link))?,
            languages: body
                .languages
                .map_or(Ok(was.languages), |list| each("languages", list, language))?,
            topics: body.topics.map_or(Ok(was.topics), |list| each("topics", list, topic))?,
            creator: body.creator.unwrap_or(was.creator),
        },
    })
}

/// A short list without repetitions, each item checked.
pub(super) fn each(
    field: &str,
    list: Vec<String>,
    check: fn(&str) -> Result<String, Refused>,
) -> Result<Vec<String>, Refused> {
    if list.len() > limits::LIST_MAX {
        let what = format!("{field} has more than {} items", limits::LIST_MAX);
        return Err(Refused::with(ErrorCode::InvalidField, what));
    }
    let mut checked = Vec::with_capacity(list.len());
    for item in list {
        let item = check(&item)?;
        if !checked.contains(&item) {
            checked.push(item);
        }
    }
    Ok(checked)
}

/// The address of a page.
fn link(text: &str) -> Result<String, Refused> {
    let text = line("link", text, limits::LINK_MAX_BYTES)?;
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    if host.is_some_and(|host| !host.is_empty()) && !text.contains(char::is_whitespace) {
        Ok(text)
    } else {
        Err(Refused::with(ErrorCode::InvalidField, "link is no http or https address"))
    }
}

/// A BCP 47 tag, as far as its form says: subtags of letters and digits.
pub(super) fn language(text: &str) -> Result<String, Refused> {
    let text = line("language", text, 35)?;
    let mut subtags = text.split('-');
    let primary = subtags.next().unwrap_or_default();
    let well_formed = (2..=8).contains(&primary.len())
        && primary.bytes().all(|byte| byte.is_ascii_alphabetic())
        && subtags.all(|subtag| {
            (1..=8).contains(&subtag.len())
                && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
    if well_formed {
        Ok(text)
    } else {
        Err(Refused::with(ErrorCode::InvalidField, "language is no BCP 47 tag"))
    }
}

/// A topic as it is kept: lower case, so that the same one is found again.
pub(super) fn topic(text: &str) -> Result<String, Refused> {
    Ok(line("topic", text.trim().trim_start_matches('#'), limits::TOPIC_MAX_CHARS)?.to_lowercase())
}

/// Another password.
#[utoipa::path(post, path = "/me/password", tag = "accounts", security(("token" = [])),
    request_body = ChangePassword, responses((status = 204, description = "Every other session ended")))]
pub(super) async fn change_password(
    State(app): State<App>,
    Member(account): Member,
    origin: Origin,
    headers: HeaderMap,
    Body(body): Body<ChangePassword>,
) -> Result<StatusCode, Refused> {
    app.limits.check(Limited::Password, origin)?;
    confirm(&app, &account, body.current).await?;
    let password = app.passwords.hash(password(body.new)?).await?;
    let own = credentials(&headers, &app)?;
    let kept = own.map(hashed);
    app.identities.store.set_password(account.id, password, kept.as_deref()).await?;
    app.signaling.sign_out(account.id, own.map_or(Tokens::All, Tokens::AllBut)).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes one's own account.
#[utoipa::path(delete, path = "/me", tag = "accounts", security(("token" = [])),
    request_body = DeleteAccount, responses((status = 204, description = "Gone")))]
pub(super) async fn delete(
    State(app): State<App>,
    Member(account): Member,
    origin: Origin,
    headers: HeaderMap,
    Body(body): Body<DeleteAccount>,
) -> Result<Response, Refused> {
    app.limits.check(Limited::Password, origin)?;
    confirm(&app, &account, body.password).await?;
    app.identities.store.delete_account(account.id).await?;
    app.signaling.sign_out(account.id, Tokens::All).await;
    let gone = [(header::SET_COOKIE, set_cookie(&headers, "", 0))];
    Ok((StatusCode::NO_CONTENT, gone).into_response())
}

async fn confirm(app: &App, account: &store::Account, password: String) -> Result<(), Refused> {
    app.limits.check_login(&account.handle)?;
    let known = app.identities.store.credentials(&account.handle).await?;
    if app.passwords.check(password, known.map(|(_, kept)| kept)).await? {
        Ok(())
    } else {
        Err(ErrorCode::WrongPassword.into())
    }
}

/// The body is the picture.
#[utoipa::path(put, path = "/me/avatar", tag = "accounts", security(("token" = [])),
    request_body(content = Vec<u8>, content_type = "image/*"), responses((status = 200, body = Account, description = "As it is now")))]
pub(super) async fn set_avatar(
    State(app): State<App>,
    Member(account): Member,
    picture: Bytes,
) -> Result<Json<Account>, Refused> {
    let made = tokio::task::spawn_blocking(move || pictures::avatar(&picture)).await;
    let image = made
        .map_err(|_| ErrorCode::Internal)?
        .map_err(|what| Refused::with(ErrorCode::InvalidField, what))?;
    // The version is part of the address: it may be cached for ever.
    let version = &hashed(BASE64_STANDARD.encode(&image))[..16];
    let stored = BASE64_STANDARD.encode(&image);
    app.identities.store.set_avatar(account.id, Some((version, stored))).await?;
    let account = app.identities.store.account(account.id).await?.ok_or(ErrorCode::Unauthorized)?;
    Ok(Json(account.own()))
}

/// No picture.
#[utoipa::path(delete, path = "/me/avatar", tag = "accounts", security(("token" = [])),
    responses((status = 204, description = "Done")))]
pub(super) async fn remove_avatar(
    State(app): State<App>,
    Member(account): Member,
) -> Result<StatusCode, Refused> {
    app.identities.store.set_avatar(account.id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Everything the server keeps of the caller, as one JSON file.
#[utoipa::path(get, path = "/me/export", tag = "accounts", security(("token" = [])),
    responses((status = 200, body = Object, description = "The file")))]
pub(super) async fn export(
    State(app): State<App>,
    Member(account): Member,
) -> Result<Response, Refused> {
    let data = app.identities.store.export(account.id).await?;
    let attachment = [(header::CONTENT_DISPOSITION, "attachment; filename=\"palco-export.json\"")];
    Ok((attachment, Json(data)).into_response())
}
