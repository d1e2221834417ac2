//! What a token is, for mayday alone (contract: Introspection): asked by `GET` with a
//! query or a bearer, by `POST` with a form or JSON. Whatever is not a live token of
//! ours is an error and no 200.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::tokens::Minted;
use super::{Partner, Shared, lock};

/// `GET` and `POST /tokeninfo`.
pub(super) async fn ask(
    State(partner): State<Shared>,
    method: Method,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    if !partner.may_ask(&headers) {
        partner.tell("asked about a token without our key: refused");
        return refused(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    let name = partner.settings.parameter.as_str();
    let token = match method {
        Method::POST => in_body(&headers, &body, name),
        _ => query
            .and_then(|query| pair(query.as_bytes(), name))
            .or_else(|| bearer(&headers)),
    };
    let Some(token) = token else {
        partner.tell("asked without a token: refused");
        return refused(StatusCode::BAD_REQUEST, "invalid_request");
    };
    let now = partner.clock.now();
    let found = lock(&partner.tokens).find(&token, now).cloned();
    let Some(minted) = found else {
        partner.tell("asked about a token that is not ours or has ended: refused");
        return refused(StatusCode::UNAUTHORIZED, "invalid_token");
    };
    partner.tell(&format!(
        "asked about a token of {}: valid",
        minted.user.as_str()
    ));
    Json(claims(&minted, &partner.settings.audience)).into_response()
}

fn claims(minted: &Minted, audience: &str) -> Value {
    let user = minted.user.as_str();
    json!({
        "sub": user,
        "iat": minted.issued_at.as_secs(),
        "exp": minted.expires_at.as_secs(),
        "email": format!("{user}@example.org"),
        "name": name(user),
        "aud": audience,
    })
}

/// `ana` is called Ana.
fn name(user: &str) -> String {
    let mut letters = user.chars();
    let first = letters.next();
    first
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(letters)
        .collect()
}

fn refused(status: StatusCode, word: &'static str) -> Response {
    (status, Json(json!({"error": word}))).into_response()
}

fn in_body(headers: &HeaderMap, body: &[u8], name: &str) -> Option<String> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    if kind.starts_with("application/json") {
        let value: Value = serde_json::from_slice(body).ok()?;
        return value.get(name)?.as_str().map(str::to_owned);
    }
    pair(body, name)
}

/// The value of one name of a form or a query.
pub(super) fn pair(text: &[u8], name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(text);
    pairs.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
}

/// The token of `Authorization: Bearer`.
pub(super) fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(str::to_owned)
}

impl Partner {
    /// Whether mayday's key is shown, if one is asked for. Digests are compared, so
    /// that the time tells nothing about the key.
    fn may_ask(&self, headers: &HeaderMap) -> bool {
        let Some((header, key)) = &self.settings.api_key else {
            return true;
        };
        let shown = headers.get(header.as_str());
        shown
            .is_some_and(|shown| Sha256::digest(shown.as_bytes()) == Sha256::digest(key.as_bytes()))
    }
}
