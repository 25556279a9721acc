//! The web client and its SDK, embedded in the binary: built by Vite into `web-demo/dist`, each file with its
//! compressed forms beside it.

use std::{borrow::Cow, sync::LazyLock};

use aws_lc_rs::digest;
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "web-demo/dist"]
struct Dist;

/// Only this server's own scripts and styles, and what the build put into its page; its own sockets; nobody
/// frames it.
static CONTENT_SECURITY_POLICY: LazyLock<String> = LazyLock::new(|| {
    let page = Dist::get("index.html").map(|file| file.data).unwrap_or_default();
    let within: String = inline_scripts(&String::from_utf8_lossy(&page)).map(source_of).collect();
    format!(
        "default-src 'self'; script-src 'self'{within}; connect-src 'self' ws: wss:; \
         img-src 'self' data:; media-src 'self' blob: mediastream:; object-src 'none'; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
});

/// What stands between a plain `<script>` and its end: all inline scripts that the build writes.
fn inline_scripts(page: &str) -> impl Iterator<Item = &str> {
    let after_tag = page.split("<script>").skip(1);
    after_tag.filter_map(|rest| rest.split_once("</script>")).map(|(script, _)| script)
}

/// Its hash-source, after a space (CSP Level 3, section 2.3.1).
fn source_of(script: &str) -> String {
    let digest = digest::digest(&digest::SHA256, script.as_bytes());
    format!(" 'sha256-{}'", BASE64_STANDARD.encode(digest))
}

/// What the build writes beside each file (web-demo/vite.shared.ts), best first.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// A file of the web client; any other path is a page of the client's own and gets its index.
pub(crate) async fn page(uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    if is_file(path) {
        return respond(path, &headers);
    }
    // A missing script is missing: an index in its place would only confuse.
    if path.starts_with("assets/") || path.starts_with("sdk/") {
        return StatusCode::NOT_FOUND.into_response();
    }
    if is_file("index.html") {
        return respond("index.html", &headers);
    }
    (
        StatusCode::SERVICE_UNAVAILABLE,
        "This binary was built without the web client; `make run` builds both.\n",
    )
        .into_response()
}

fn is_file(path: &str) -> bool {
    // A compressed form is no file of its own.
    Dist::get(path).is_some() && !ENCODINGS.iter().any(|(_, ending)| path.ends_with(ending))
}

/// The file in the best form that the client takes, or that it has it already.
fn respond(path: &str, request: &HeaderMap) -> Response {
    let (file, encoding) = best_form(path, request);
    let Some(file) = file else { return StatusCode::NOT_FOUND.into_response() };
    let tag = entity_tag(&file, encoding);
    let known = request.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let unchanged = known.is_some_and(|known| known.split(',').any(|one| one.trim() == tag));
    let mut response = if unchanged {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::new(Body::from(match file.data {
            Cow::Borrowed(bytes) => bytes.into(),
            Cow::Owned(bytes) => axum::body::Bytes::from(bytes),
        }))
    };
    let headers = response.headers_mut();
    // The SDK's types; by its ending alone it would be a film.
    let mime = match path.ends_with(".d.ts") {
        true => mime_guess::mime::TEXT_PLAIN_UTF_8,
        false => mime_guess::from_path(path).first_or_octet_stream(),
    };
    // Vite puts a hash into the names under assets/: they never change.
    let cache = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let mut set = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, mime.as_ref());
    set(header::CACHE_CONTROL, cache);
    set(header::ETAG, &tag);
    set(header::VARY, "Accept-Encoding");
    set(header::CONTENT_SECURITY_POLICY, &CONTENT_SECURITY_POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "same-origin");
    if let Some(encoding) = encoding {
        set(header::CONTENT_ENCODING, encoding);
    }
    // The SDK is for pages of other origins; it is public and comes without anybody's cookies.
    if path.starts_with("sdk/") {
        set(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    }
    response
}

fn best_form(path: &str, request: &HeaderMap) -> (Option<EmbeddedFile>, Option<&'static str>) {
    for (encoding, ending) in ENCODINGS {
        if accepts(request, encoding)
            && let Some(file) = Dist::get(&format!("{path}{ending}"))
        {
            return (Some(file), Some(encoding));
        }
    }
    (Dist::get(path), None)
}

/// Strong, and another one for each form (RFC 9110, section 8.8.3.3).
fn entity_tag(file: &EmbeddedFile, encoding: Option<&str>) -> String {
    let hash = file.metadata.sha256_hash();
    let hex: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}-{}\"", encoding.unwrap_or("plain"))
}

/// Whether `Accept-Encoding` names the coding without refusing it (`q=0`).
fn accepts(request: &HeaderMap, coding: &str) -> bool {
    request
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| {
            let mut parts = item.split(';').map(str::trim);
            parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding))
                && !parts.any(|part| {
                    part.strip_prefix("q=")
                        .is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q == 0.0))
                })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taking(encodings: &'static str) -> HeaderMap {
        [(header::ACCEPT_ENCODING, HeaderValue::from_static(encodings))].into_iter().collect()
    }

    #[test]
    fn a_page_s_own_scripts_are_allowed_by_their_digest_and_no_others() {
        let page =
            "<head><script>a()</script><script src=\"/b.js\"></script><script></script></head>";
        let scripts: Vec<_> = inline_scripts(page).collect();
        assert_eq!(scripts, ["a()", ""]);
        // printf '' | openssl dgst -sha256 -binary | base64
        assert_eq!(source_of(""), " 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='");
    }

    #[test]
    fn codings_are_taken_when_named_and_not_refused() {
        assert!(accepts(&taking("gzip, deflate, br"), "br"));
        assert!(accepts(&taking("GZIP;q=0.5"), "gzip"));
        assert!(!accepts(&taking("br;q=0, gzip"), "br"));
        assert!(!accepts(&taking("br; q=0.0"), "br"));
        assert!(!accepts(&taking("brotli"), "br"));
        assert!(!accepts(&HeaderMap::new(), "gzip"));
    }
}
