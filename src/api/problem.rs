//! Errors of the API as problem+json (RFC 9457), with the socket's codes; bodies and callers read strictly.

use axum::{
    Json, RequestExt,
    extract::{FromRequest, FromRequestParts, Request, rejection::JsonRejection},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use palco_protocol::{ErrorCode, Person, http::Problem};
use serde::de::DeserializeOwned;

use super::App;

/// A refused request.
pub(crate) struct Refused {
    code: ErrorCode,
    detail: Option<String>,
}

impl From<ErrorCode> for Refused {
    fn from(code: ErrorCode) -> Self {
        Self { code, detail: None }
    }
}

impl Refused {
    pub(crate) fn with(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { code, detail: Some(detail.into()) }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let problem = Problem {
            kind: format!("about:blank#{}", self.code.as_str()),
            title: self.code.text().to_owned(),
            status: self.code.http_status(),
            code: self.code,
            detail: self.detail,
        };
        let status =
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(problem)).into_response();
        let problem_json = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, problem_json);
        response
    }
}

/// A JSON body of the right shape.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned + 'static> FromRequest<App> for Body<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &App) -> Result<Self, Refused> {
        match request.extract::<Json<T>, _>().await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(JsonRejection::JsonDataError(error)) => {
                Err(Refused::with(ErrorCode::InvalidField, error.body_text()))
            }
            Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(ErrorCode::TooLarge.into())
            }
            Err(error) => Err(Refused::with(ErrorCode::BadMessage, error.body_text())),
        }
    }
}

/// Who calls: the person of the bearer token.
pub(crate) struct Caller(pub(crate) Person);

impl FromRequestParts<App> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let header = parts.headers.get(header::AUTHORIZATION);
        let token = header
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or(ErrorCode::Unauthorized)?;
        Ok(Self(app.tokens.person(token)?))
    }
}

/// A line of text as people write it: trimmed, not empty, without control characters, not too long.
pub(crate) fn line(field: &str, text: &str, max_chars: usize) -> Result<String, Refused> {
    let text = text.trim();
    let refuse =
        |what: &str| Err(Refused::with(ErrorCode::InvalidField, format!("{field} {what}")));
    if text.is_empty() {
        return refuse("is empty");
    }
    if text.chars().count() > max_chars {
        return refuse(&format!("is longer than {max_chars} characters"));
    }
    if text.chars().any(char::is_control) {
        return refuse("has a control character");
    }
    Ok(text.to_owned())
}

/// The same for a text of several lines, which may be empty.
pub(crate) fn paragraph(field: &str, text: &str, max_chars: usize) -> Result<String, Refused> {
    let unbroken = text.trim().replace('\n', " ");
    if !unbroken.is_empty() {
        line(field, &unbroken, max_chars)?;
    }
    Ok(text.trim().to_owned())
}
