//! `GET /v1/sso/sessions`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mayday_app::App;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::SessionCaller;
use crate::problem::Problem;
use crate::v1::sso::{OK, SessionItem};

/// The caller's live sessions, oldest first.
#[derive(Serialize, ToSchema)]
#[schema(as = Sessions)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionsAnswer {
    /// `ok`.
    #[schema(example = "ok")]
    response_code: &'static str,
    /// The sessions.
    sessions: Vec<SessionItem>,
}

/// List the user's sessions
///
/// Those that are live, oldest first.
#[utoipa::path(
    get,
    path = "/v1/sso/sessions",
    operation_id = "ssoSessions",
    tag = "Sessions",
    responses((status = 200, description = "The user's live sessions.", body = SessionsAnswer)),
)]
pub(crate) async fn sessions(
    SessionCaller(caller, _): SessionCaller,
    State(app): State<Arc<App>>,
) -> Result<Json<SessionsAnswer>, Problem> {
    let sessions = app.own_sessions(&caller).await?;
    Ok(Json(SessionsAnswer {
        response_code: OK,
        sessions: sessions.into_iter().map(SessionItem::from).collect(),
    }))
}
