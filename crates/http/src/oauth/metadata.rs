//! `GET /.well-known/oauth-authorization-server` (RFC 8414).

use axum::Json;
use axum::extract::Path;
use serde::Serialize;

use super::{REFRESH_TOKEN, TOKEN_EXCHANGE};
use crate::problem::Problem;
use crate::public_url::PublicUrl;

/// What a client library needs to know.
#[derive(Serialize)]
pub(crate) struct Metadata {
    issuer: String,
    token_endpoint: String,
    grant_types_supported: [&'static str; 2],
    /// Required, and never empty (RFC 8414, 2 and 3.2). There is no authorisation
    /// endpoint, because the app logs its user in: nothing is returned there.
    response_types_supported: [&'static str; 1],
    /// Clients are public: the app's own token is the proof.
    token_endpoint_auth_methods_supported: [&'static str; 1],
    service_documentation: String,
}

/// The discovery document. The issuer is the address that clients reach this
/// server under: `http.public_url`, else the one that was asked.
pub(crate) async fn metadata(url: PublicUrl) -> Result<Json<Metadata>, Problem> {
    Ok(Json(Metadata {
        issuer: url.join(""),
        token_endpoint: url.join("/oauth/token"),
        grant_types_supported: [TOKEN_EXCHANGE, REFRESH_TOKEN],
        response_types_supported: ["none"],
        token_endpoint_auth_methods_supported: ["none"],
        service_documentation: url.join("/docs"),
    }))
}

/// The same where the issuer has a path, which a client puts behind (RFC 8414, 3.1).
pub(crate) async fn metadata_of(
    Path(path): Path<String>,
    url: PublicUrl,
) -> Result<Json<Metadata>, Problem> {
    if path != url.path() {
        return Err(Problem::not_found("no issuer has this path"));
    }
    metadata(url).await
}
