//! The API's description: `OpenAPI` 3.1, made from the handlers.
//!
//! A handler documents its success and its own failures. What every signed
//! route may answer (contract: HTTP conventions) is added here from the
//! authorisation table, so that no handler can forget it.

mod webhooks;

use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::OpenApi;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};

use crate::problem::{ErrorBody, Family, OauthErrorBody, SsoErrorBody};
use crate::router::{AUTHORISATION, Access, described_routes};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "mayday",
        description = include_str!("docs/intro.md"),
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "Identity", description = "Who the caller is, and how well prepared."),
        (name = "SOS", description = "A cry for help, from the first trigger to the all-clear."),
        (name = "Check-in", description = "A timer that calls for help when nobody stops it."),
        (name = "Drills", description = "The whole path of an SOS on trial."),
        (name = "Telemetry", description = "Where somebody is, sample by sample."),
        (name = "Devices", description = "The hardware that can cry for help in its owner's name."),
        (name = "Contacts", description = "Whom to tell, in which order."),
        (name = "Tracking", description = "What an emergency contact sees and answers who holds a link."),
        (name = "Sessions", description = "Users whom the app logs in with tokens of its own."),
        (name = "Brokers", description = "What an external MQTT broker asks about its clients."),
        (name = "Webhooks", description = "What the server tells a partner's backend by itself."),
    ),
    components(schemas(ErrorBody, OauthErrorBody, SsoErrorBody)),
)]
struct Frame;

/// The document, with the member that utoipa does not know.
#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    routes: utoipa::openapi::OpenApi,
    webhooks: serde_json::Value,
}

/// The document without its routes.
pub(crate) fn frame() -> utoipa::openapi::OpenApi {
    Frame::openapi()
}

/// The whole document, indented, ending in a line feed: `docs/openapi.json`.
pub fn openapi_json() -> String {
    let mut document = described_routes().into_openapi();
    declare_proof(&mut document);
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in [
            ("GET", &mut item.get),
            ("PUT", &mut item.put),
            ("POST", &mut item.post),
            ("DELETE", &mut item.delete),
        ] {
            if let Some(operation) = operation {
                complete(method, path, operation);
            }
        }
    }
    let document = Document {
        routes: document,
        webhooks: webhooks::webhooks(),
    };
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// `GET /openapi.json`.
pub(crate) async fn document() -> impl IntoResponse {
    static DOCUMENT: LazyLock<String> = LazyLock::new(openapi_json);
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, DOCUMENT.as_str())
}

fn declare_proof(document: &mut utoipa::openapi::OpenApi) {
    let components = document.components.get_or_insert_default();
    let header = |name: &str, text: &str| {
        SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, text)))
    };
    components.add_security_scheme("appId", header("X-App-ID", "The app's public id."));
    components.add_security_scheme(
        "userId",
        header(
            "X-User-ID",
            "The partner's id of the user, as raw UTF-8 bytes.",
        ),
    );
    for (name, scheme) in [
        ("brokerKey", HttpAuthScheme::Bearer),
        ("brokerPassword", HttpAuthScheme::Basic),
    ] {
        let scheme = HttpBuilder::new()
            .scheme(scheme)
            .description(Some("A broker's key, made with `mayday broker-key`."))
            .build();
        components.add_security_scheme(name, SecurityScheme::Http(scheme));
    }
    let session = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "The access token of a session, from `/v1/sso/login`; every signed route takes it too.",
        ))
        .build();
    let partner = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "A key of the app's backend, from `mayday sso key create`.",
        ))
        .build();
    components.add_security_scheme("partnerKey", SecurityScheme::Http(partner));
    components.add_security_scheme("accessToken", SecurityScheme::Http(session));
    components.add_security_scheme(
        "userHash",
        SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some(
                    "Lower-case hex of HMAC-SHA256 over the user id, keyed with the app's \
                     secret; made on the partner's server. The expiring form begins with `x1.`.",
                ))
                .build(),
        ),
    );
}

/// Adds what every signed route has in common.
fn complete(method: &str, path: &str, operation: &mut Operation) {
    let access = AUTHORISATION
        .iter()
        .find(|(m, p, _)| *m == method && *p == path)
        .map_or(Access::Full, |(_, _, access)| *access);
    if access == Access::Public {
        complete_public(path, operation);
        return;
    }
    let session = || SecurityRequirement::new::<_, [&str; 0], _>("accessToken", []);
    operation.security = Some(match access {
        Access::Broker => vec![
            SecurityRequirement::new::<_, [&str; 0], _>("brokerKey", []),
            SecurityRequirement::new::<_, [&str; 0], _>("brokerPassword", []),
        ],
        Access::Partner => vec![SecurityRequirement::new::<_, [&str; 0], _>(
            "partnerKey",
            [],
        )],
        Access::Session => vec![session()],
        Access::Login | Access::Public => Vec::new(),
        Access::Full | Access::Sos | Access::Provider => vec![
            SecurityRequirement::new::<_, [&str; 0], _>("appId", [])
                .add::<_, [&str; 0], _>("userId", [])
                .add::<_, [&str; 0], _>("userHash", []),
            session(),
        ],
    });
    let word = match access {
        Access::Sos => "genuine",
        Access::Broker => "broker",
        Access::Partner => "partner",
        Access::Session => "session",
        Access::Login => "login",
        Access::Full | Access::Public | Access::Provider => "full",
    };
    operation.extensions = Some(Extensions::builder().add("x-proof", word).build());
    let sos = path == "/v1/sdk/sos" && method == "POST";
    let takes_body = operation.request_body.is_some() && !sos;
    // Contract: SOS, never 413. A body that no handler takes is not read at all.
    let sized = operation.request_body.is_some() && !path.starts_with("/v1/sdk/sos");
    for (status, text) in COMMON {
        // A backend is no user who could be blocked.
        let nobody = *status == "403" && access == Access::Partner;
        let none = (*status == "413" && !sized) || (*status == "408" && !takes_body);
        if nobody || none || is_never_given(path, status) {
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

/// Whoever is blocked may log out, a request for a code proves nothing, and OAuth calls the
/// token of whoever is blocked a bad one.
fn is_never_given(path: &str, status: &str) -> bool {
    match path {
        "/v1/sso/logout" | "/oauth/token" => status == "403",
        "/v1/sso/code" => matches!(status, "401" | "403"),
        _ => false,
    }
}

/// Adds what a route may answer whose proof stands in its path.
fn complete_public(path: &str, operation: &mut Operation) {
    operation.security = Some(Vec::new());
    let writes = operation.responses.responses.contains_key("409");
    for (status, text) in PUBLIC {
        if *status != "429" && !writes {
            continue;
        }
        let answers = &mut operation.responses.responses;
        answers.insert((*status).to_owned(), RefOr::T(Response::new(*text)));
    }
    name_error_bodies(path, operation);
}

pub(crate) fn name_error_bodies(path: &str, operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && !status.starts_with('2')
            && response.content.is_empty()
            && status != "304"
        {
            *response = ResponseBuilder::from(response.clone())
                .content("application/json", error_content(Family::of(path)))
                .build();
        }
    }
}

/// What every signed route may answer.
const COMMON: &[(&str, &str)] = &[
    (
        "401",
        "No valid proof: headers missing, unknown app (`unauthorized`), inactive app (`app_inactive`), or a proof that is stale where it must be in force.",
    ),
    ("403", "The user is blocked (`user_blocked`)."),
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
        "Too many failed proofs from this address or for this user (`rate_limited`); see `Retry-After`. A valid proof is never limited.",
    ),
    ("500", "A fault of the server (`internal`)."),
    (
        "503",
        "Nothing was stored; try again (`unavailable`); see `Retry-After`.",
    ),
];

/// What every route may answer whose proof stands in its path.
const PUBLIC: &[(&str, &str)] = &[
    (
        "429",
        "Too many unknown links from this address (`rate_limited`); see `Retry-After`. A link that works is never limited.",
    ),
    ("500", "A fault of the server (`internal`)."),
    (
        "503",
        "Nothing was stored; try again (`unavailable`); see `Retry-After`.",
    ),
];

fn error_content(family: Family) -> Content {
    let schema = match family {
        Family::Sdk => "Error",
        Family::Sso => "SsoError",
        Family::Oauth => "OauthError",
    };
    Content::new(Some(RefOr::Ref(Ref::from_schema_name(schema))))
}
