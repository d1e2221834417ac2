//! The description of the admin API: `OpenAPI` 3.1, made from the handlers, a document
//! of its own. What the public listener serves is for the SDK and says nothing of it.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use utoipa::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{RefOr, Response};

use super::described_routes;
use crate::openapi::name_error_bodies;
use crate::problem::ErrorBody;

/// The proof's name in the document.
const KEY: &str = "adminKey";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "mayday admin API",
        description = "What `mayday policy`, `sso`, `session` and `mail` do, for programs. It is served by the admin listener alone.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "Policy", description = "How an app escalates an SOS."),
        (name = "Sessions", description = "Users whom the app logs in with tokens of its own."),
        (name = "Mails", description = "How an app's mails look and what they say."),
    ),
    components(schemas(ErrorBody)),
)]
struct Frame;

/// The document without its routes.
pub(super) fn frame() -> utoipa::openapi::OpenApi {
    Frame::openapi()
}

/// The whole document, indented, ending in a line feed: `docs/admin-openapi.json`.
pub fn admin_openapi_json() -> String {
    let mut document = described_routes().into_openapi();
    let key = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A key of `mayday admin-key create`."))
        .build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(KEY, SecurityScheme::Http(key));
    for (path, item) in &mut document.paths.paths {
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.delete,
        ];
        for operation in operations.into_iter().flatten() {
            complete(path, operation);
        }
    }
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// `GET /openapi.json` of the admin listener.
pub(super) async fn document() -> impl IntoResponse {
    static DOCUMENT: LazyLock<String> = LazyLock::new(admin_openapi_json);
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, DOCUMENT.as_str())
}

/// Adds the proof and what every route may answer.
fn complete(path: &str, operation: &mut Operation) {
    operation.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], _>(KEY, [])]);
    let takes_body = operation.request_body.is_some();
    for (status, text) in COMMON {
        if matches!(*status, "408" | "413") && !takes_body {
            continue;
        }
        operation
            .responses
            .responses
            .entry((*status).to_owned())
            .or_insert_with(|| RefOr::T(Response::new(*text)));
    }
    name_error_bodies(path, operation);
}

const COMMON: &[(&str, &str)] = &[
    (
        "401",
        "No admin key, or none that is good (`unauthorized`).",
    ),
    (
        "403",
        "The key is good for another app, or only for looking (`unauthorized`).",
    ),
    ("404", "There is no such app, or nothing of that name."),
    (
        "408",
        "The body did not arrive in time and nothing was done: send the request again (`unavailable`).",
    ),
    (
        "413",
        "The body is larger than 256 KiB (`payload_too_large`).",
    ),
    (
        "429",
        "Too many wrong keys from this address (`rate_limited`); see `Retry-After`. A good key is never limited.",
    ),
    ("500", "A fault of the server (`internal`)."),
    (
        "503",
        "Nothing was stored; try again (`unavailable`); see `Retry-After`.",
    ),
];
