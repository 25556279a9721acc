//! `GET /api/v1/openapi.json`: the API described for machines (OpenAPI 3.1), from the handlers' own annotations.
//!
//! A route is added with `routes!`, which takes path, method and description from the handler: what is served is
//! described, and what is described is served. Added here is what every operation has in common.

use std::sync::LazyLock;

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use palco_protocol::http::Problem;
use utoipa::{
    OpenApi, ToSchema,
    openapi::{
        Components, ContentBuilder, HttpMethod, ObjectBuilder, OpenApi as Document, PathItem, Ref,
        ResponseBuilder,
        path::{Operation, Parameter, ParameterBuilder, ParameterIn},
        schema::Type,
        security::{
            ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
        },
    },
};

use super::{caller::COOKIE, repeat};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Palco",
        description = "Live audio rooms. docs/protocol.md says what these requests mean, and describes the WebSocket."
    ),
    components(schemas(Problem))
)]
struct Described;

/// What the router's description begins with.
pub(super) fn begin() -> Document {
    Described::openapi()
}

static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let document = complete(super::v1().into_openapi());
    serde_json::to_string(&document).expect("invariant: the document is JSON")
});

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "server",
    responses((status = 200, body = Object, description = "An OpenAPI document")))]
pub(super) async fn show() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str()).into_response()
}

/// Under the API's prefix, with what holds for every operation: its id, how a caller shows who they are, what an
/// error is like.
fn complete(described: Document) -> Document {
    let mut document = Document::default().nest("/api/v1", described);
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            operation.operation_id = Some(id(&method, path));
            if let Some(needed) = &mut operation.security {
                needed.push(SecurityRequirement::new::<_, [&str; 0], &str>("session", []));
            }
            let repeatable = repeat::PATHS.into_iter().find(|(it, _)| path.ends_with(it));
            if let Some((_, least)) = repeatable.filter(|_| method == HttpMethod::Post) {
                operation.parameters.get_or_insert_default().push(idempotency_key(least).into());
            }
            let problem = Ref::from_response_name("Problem");
            operation.responses.responses.insert("default".to_owned(), problem.into());
        }
    }
    let components = document.components.get_or_insert_with(Components::default);
    let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    components.add_security_scheme("token", token);
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(COOKIE)));
    components.add_security_scheme("session", cookie);
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name())));
    let problem = ResponseBuilder::new()
        .description("Refused, or failed: the code says why")
        .content("application/problem+json", content.build());
    components.responses.insert("Problem".to_owned(), problem.build().into());
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (HttpMethod, &mut Operation)> {
    [
        (HttpMethod::Get, &mut item.get),
        (HttpMethod::Put, &mut item.put),
        (HttpMethod::Post, &mut item.post),
        (HttpMethod::Patch, &mut item.patch),
        (HttpMethod::Delete, &mut item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn idempotency_key(least: usize) -> Parameter {
    let about = "The same request with the same key is done once, and answered alike for a day";
    let text = ObjectBuilder::new().schema_type(Type::String);
    ParameterBuilder::new()
        .name(repeat::HEADER)
        .parameter_in(ParameterIn::Header)
        .description(Some(about))
        .schema(Some(text.min_length(Some(least)).max_length(Some(repeat::KEY_MAX_BYTES))))
        .build()
}

/// `get_people_person_followers`: as unique as method and path.
fn id(method: &HttpMethod, path: &str) -> String {
    let method = match method {
        HttpMethod::Put => "put",
        HttpMethod::Post => "post",
        HttpMethod::Patch => "patch",
        HttpMethod::Delete => "delete",
        _ => "get",
    };
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.skip(2).fold(method.to_owned(), |id, word| id + "_" + word)
}

#[cfg(test)]
mod tests;
