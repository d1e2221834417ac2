//! `POST /v1/sso/logout`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use mayday_app::App;

use crate::auth::{AccessToken, Peer};
use crate::problem::Problem;

/// Log out
///
/// Ends the session of the access token, expired or not. Idempotent: a session that
/// has ended is a success too.
#[utoipa::path(
    post,
    path = "/v1/sso/logout",
    operation_id = "ssoLogout",
    tag = "Sessions",
    responses((status = 204, description = "The session has ended.")),
)]
pub(crate) async fn logout(
    State(app): State<Arc<App>>,
    Peer(peer): Peer,
    AccessToken(token): AccessToken,
) -> Result<StatusCode, Problem> {
    app.sso_logout(&token, peer).await?;
    Ok(StatusCode::NO_CONTENT)
}
