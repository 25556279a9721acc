//! Errors of the API as problem+json (RFC 9457), with the socket's codes; bodies, paths and queries read strictly.

use std::time::Duration;

use axum::{
    Json, RequestExt,
    extract::{
        FromRequest, FromRequestParts, Request,
        rejection::{JsonRejection, QueryRejection},
    },
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use palco_protocol::{
    ErrorCode,
    http::{Problem, TakenField},
};
use serde::de::DeserializeOwned;

use super::App;
use crate::store::StoreError;

/// A refused request.
pub(crate) struct Refused {
    code: ErrorCode,
    detail: Option<String>,
    field: Option<TakenField>,
    retry_after: Option<Duration>,
}

impl From<ErrorCode> for Refused {
    fn from(code: ErrorCode) -> Self {
        Self { code, detail: None, field: None, retry_after: None }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        let field = if let StoreError::Taken(field) = error { Some(field) } else { None };
        Self { field, ..ErrorCode::from(error).into() }
    }
}

impl Refused {
    pub(crate) fn with(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..code.into() }
    }
}

impl Refused {
    /// Refused for now.
    pub(crate) fn after(code: ErrorCode, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..code.into() }
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
            field: self.field,
        };
        let status =
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(problem)).into_response();
        let problem_json = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, problem_json);
        if let Some(wait) = self.retry_after {
            // Whole seconds (RFC 9110, section 10.2.3), never too early.
            let seconds = HeaderValue::from(wait.as_secs() + 1);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
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

/// What the path says. A segment that cannot be read names nothing.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Path<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let read = axum::extract::Path::from_request_parts(parts, app).await;
        read.map(|axum::extract::Path(value)| Self(value)).map_err(|_| ErrorCode::NotFound.into())
    }
}

/// What the query says.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let read = axum::extract::Query::from_request_parts(parts, app).await;
        let refused =
            |error: QueryRejection| Refused::with(ErrorCode::InvalidField, error.body_text());
        read.map(|axum::extract::Query(value)| Self(value)).map_err(refused)
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
