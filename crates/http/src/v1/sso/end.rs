//! `DELETE /v1/sso/sessions/{id}`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use mayday_app::App;
use mayday_core::ids::SessionId;

use crate::auth::SessionCaller;
use crate::problem::Problem;

/// End one of the user's sessions
///
/// Its tokens are refused at once, and its connections are cut.
#[utoipa::path(
    delete,
    path = "/v1/sso/sessions/{id}",
    operation_id = "ssoEndSession",
    tag = "Sessions",
    params(("id" = String, Path, description = "The session's id, as listed.")),
    responses(
        (status = 204, description = "The session has ended."),
        (status = 404, description = "The user has no live session of this id."),
    ),
)]
pub(crate) async fn end(
    SessionCaller(caller, _): SessionCaller,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id: SessionId = id
        .parse()
        .map_err(|_| Problem::not_found("session not found"))?;
    app.end_own_session(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
