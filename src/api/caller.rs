//! Who calls: by a bearer token, or by the session cookie of a page of this server.

use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::{HeaderMap, HeaderValue, header, request::Parts},
};
use palco_protocol::ErrorCode;

use super::{
    App,
    problem::Refused,
    rate::{Limited, Origin},
};
use crate::{identity::Known, store::Account};

/// The session cookie. `__Host-` would demand HTTPS, which a first `make run` has not.
pub(crate) const COOKIE: &str = "palco_session";

/// Anybody with a valid token: an account, or a guest.
pub(crate) struct Caller(pub(crate) Known);

/// Somebody with an account.
pub(crate) struct Member(pub(crate) Account);

/// An operator: an account that is one, or whoever can read the data directory.
pub(crate) struct Admin;

impl FromRequestParts<App> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let token = credentials(&parts.headers, app)?.ok_or(ErrorCode::Unauthorized)?;
        let known = app.identities.known(token).await?;
        if !parts.method.is_safe() {
            // What others write without a name, to sign up or in, is counted on its own.
            app.limits.check_writer(known.person.id)?;
            let origin = Origin::from_request_parts(parts, app).await?;
            app.limits.check(Limited::Write, origin)?;
        }
        Ok(Self(known))
    }
}

/// Without credentials, or with those of a session that is over, the caller is a stranger.
impl OptionalFromRequestParts<App> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Self>, Refused> {
        let Some(token) = credentials(&parts.headers, app)? else { return Ok(None) };
        match app.identities.known(token).await {
            Ok(known) => Ok(Some(Self(known))),
            Err(ErrorCode::TokenExpired | ErrorCode::Unauthorized) => Ok(None),
            Err(code) => Err(code.into()),
        }
    }
}

impl FromRequestParts<App> for Member {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let Caller(known) =
            <Caller as FromRequestParts<App>>::from_request_parts(parts, app).await?;
        Ok(Self(known.account.ok_or(ErrorCode::AccountRequired)?))
    }
}

impl FromRequestParts<App> for Admin {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        if let Some(token) = credentials(&parts.headers, app)?
            && app.identities.tokens.is_operator(token)
        {
            return Ok(Self);
        }
        let Member(account) = Member::from_request_parts(parts, app).await?;
        if account.admin { Ok(Self) } else { Err(ErrorCode::Forbidden.into()) }
    }
}

/// The token of the request. A cookie counts only for this server's own pages: a browser sends it along with what
/// other pages ask for, too, but cannot lie about their origin.
pub(crate) fn credentials<'a>(
    headers: &'a HeaderMap,
    app: &App,
) -> Result<Option<&'a str>, Refused> {
    if let Some(header) = headers.get(header::AUTHORIZATION) {
        let token = header.to_str().ok().and_then(|value| value.strip_prefix("Bearer "));
        return token.map(Some).ok_or_else(|| ErrorCode::Unauthorized.into());
    }
    let Some(token) = cookie(headers) else { return Ok(None) };
    if !origin_allowed(headers, &app.origins) {
        return Err(ErrorCode::ForbiddenOrigin.into());
    }
    Ok(Some(token))
}

/// The session cookie's value.
pub(crate) fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE && !value.is_empty()).then_some(value))
}

/// A browser names the page's origin: it must be this server's own, or one the operator allows. Other
/// programs send none.
pub(crate) fn origin_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    if allowed.iter().any(|one| one == origin) {
        return true;
    }
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    host.is_some() && authority == host
}

/// `Set-Cookie` for a session of this life; an empty token and no life take it away. Secure where the page came by
/// HTTPS, which its origin says.
pub(crate) fn set_cookie(headers: &HeaderMap, token: &str, life_s: u64) -> HeaderValue {
    let origin = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok());
    let secure =
        if origin.is_some_and(|origin| origin.starts_with("https://")) { "; Secure" } else { "" };
    let text =
        format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={life_s}{secure}");
    HeaderValue::from_str(&text).expect("invariant: a token is hexadecimal")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter()
            .map(|(name, value)| {
                (header::HeaderName::from_static(name), HeaderValue::from_static(value))
            })
            .collect()
    }

    #[test]
    fn a_page_of_this_server_may_connect_and_others_may_not() {
        let own = headers(&[("origin", "https://palco.example"), ("host", "palco.example")]);
        let foreign = headers(&[("origin", "https://evil.example"), ("host", "palco.example")]);
        let null = headers(&[("origin", "null"), ("host", "palco.example")]);
        let program = headers(&[("host", "palco.example")]);
        assert!(origin_allowed(&own, &[]));
        assert!(!origin_allowed(&foreign, &[]));
        assert!(origin_allowed(&foreign, &["https://evil.example".to_owned()]));
        assert!(!origin_allowed(&null, &[]));
        assert!(origin_allowed(&program, &[]));
    }

    #[test]
    fn the_session_is_found_among_other_cookies() {
        assert_eq!(cookie(&headers(&[("cookie", "a=1; palco_session=abc; b=2")])), Some("abc"));
        assert_eq!(cookie(&headers(&[("cookie", "xpalco_session=abc")])), None);
        assert_eq!(cookie(&headers(&[("cookie", "palco_session=")])), None);
    }

    #[test]
    fn the_cookie_is_for_the_server_alone_and_secure_where_the_page_is() {
        let plain = set_cookie(&headers(&[("origin", "http://localhost:8080")]), "ab", 60);
        assert_eq!(plain, "palco_session=ab; Path=/; HttpOnly; SameSite=Lax; Max-Age=60");
        let secure = set_cookie(&headers(&[("origin", "https://palco.example")]), "ab", 60);
        assert!(secure.to_str().unwrap().ends_with("; Secure"));
    }
}
