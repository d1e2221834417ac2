//! The user hash of whoever is logged in, for apps that use signed sessions. The
//! app's secret stays here.

use std::time::Duration;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use mayday_core::identity::signing;
use serde_json::json;

use super::token_info::{bearer, pair};
use super::{Shared, lock};

/// How long an expiring hash is in force.
const HASH_LIFE: Duration = Duration::from_hours(24);

/// `POST /sign`, with the partner's own token as bearer: nobody gets a hash for a
/// user whom they are not logged in as. `?kind=static` makes one that does not
/// expire.
pub(super) async fn sign(
    State(partner): State<Shared>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let now = partner.clock.now();
    let token = bearer(&headers).unwrap_or_default();
    let Some(minted) = lock(&partner.tokens).find(&token, now).cloned() else {
        return refused(StatusCode::UNAUTHORIZED, "log in first");
    };
    let Some(secret) = &partner.settings.app_secret else {
        return refused(StatusCode::NOT_FOUND, "started without --secret-file");
    };
    let kind = query.and_then(|query| pair(query.as_bytes(), "kind"));
    let expires_at = (kind.as_deref() != Some("static")).then(|| now.plus(HASH_LIFE));
    let hash = match expires_at {
        None => Ok(signing::sign_static(secret, &minted.user)),
        Some(at) => signing::sign_expiring(secret, &partner.settings.app, &minted.user, at),
    };
    let Ok(hash) = hash else {
        return refused(StatusCode::INTERNAL_SERVER_ERROR, "the clock is wrong");
    };
    partner.tell(&format!("signed for {}", minted.user.as_str()));
    let answer = json!({
        "appId": partner.settings.app.as_str(),
        "externalUserId": minted.user.as_str(),
        "userHash": hash,
        "expiresAt": expires_at.map(mayday_core::time::Timestamp::as_secs),
    });
    Json(answer).into_response()
}

fn refused(status: StatusCode, why: &'static str) -> Response {
    (status, Json(json!({"error": why}))).into_response()
}
