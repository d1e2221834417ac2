//! `POST /v1/sso/refresh`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mayday_app::{App, SsoRefresh};
use serde::Deserialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::auth::Peer;
use crate::body::JsonBody;
use crate::problem::Problem;
use crate::v1::sso::SessionAnswer;

/// A pair of tokens of one session.
#[derive(Deserialize, ToSchema)]
#[schema(as = SsoRefresh)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefreshBody {
    /// The access token, expired or not.
    access_token: String,
    /// The refresh token.
    refresh_token: String,
}

/// Refresh a session
///
/// Hands out the next pair. When the answer is lost, the same pair is taken again
/// for a minute, as long as its successor was not used; after that it ends the
/// session, because somebody has a copy.
#[utoipa::path(
    post,
    path = "/v1/sso/refresh",
    operation_id = "ssoRefresh",
    tag = "Sessions",
    request_body = RefreshBody,
    responses(
        (status = 200, description = "The session with its next pair.", body = SessionAnswer),
        (status = 400, description = "A member is missing or not valid."),
        (status = 401, description = "The session has ended (`session_evicted`, `session_logged_out`, `session_revoked`, `session_expired`, `verification_limit`), or the tokens are none of one session (`unauthorized`)."),
    ),
)]
pub(crate) async fn refresh(
    State(app): State<Arc<App>>,
    Peer(peer): Peer,
    JsonBody(body): JsonBody<RefreshBody>,
) -> Result<Json<SessionAnswer>, Problem> {
    let refresh = SsoRefresh {
        realm: None,
        access_token: Some(Zeroizing::new(body.access_token)),
        refresh_token: Zeroizing::new(body.refresh_token),
    };
    Ok(Json(app.sso_refresh(refresh, peer).await?.into()))
}
