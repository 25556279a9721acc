//! Pages of other origins, those that the operator allows (`--origin`), may call the API too: with a token of their
//! own, never with a visitor's cookies.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Browsers keep an answer this long at most (Chromium: two hours).
const KEPT: Duration = Duration::from_secs(7_200);

pub(super) fn layer(origins: &[String]) -> CorsLayer {
    // A value that cannot stand in a header is no origin of any browser.
    let origins = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("idempotency-key"),
        ])
        .expose_headers([header::LOCATION, header::RETRY_AFTER])
        .max_age(KEPT)
}
