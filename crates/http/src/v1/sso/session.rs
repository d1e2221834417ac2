//! `GET /v1/sso/session`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mayday_app::App;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::SessionCaller;
use crate::problem::Problem;
use crate::v1::sso::{DeviceView, OK};

/// The caller's session.
#[derive(Serialize, ToSchema)]
#[schema(as = SessionState)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StateAnswer {
    /// `ok`.
    #[schema(example = "ok")]
    response_code: &'static str,
    /// The session's id.
    id: Uuid,
    /// `ACTIVE`; what is not active is answered 401, with its state in
    /// `data.context`.
    #[schema(example = "ACTIVE")]
    state: &'static str,
    /// When the access token ends, in seconds since 1970.
    #[schema(example = 1_788_948_900)]
    expire_at: i64,
    /// The device.
    device: DeviceView,
}

/// Show the session
///
/// A token that is not in force is answered 401 with what happened to its session.
#[utoipa::path(
    get,
    path = "/v1/sso/session",
    operation_id = "ssoSession",
    tag = "Sessions",
    responses((status = 200, description = "The session is active.", body = StateAnswer)),
)]
pub(crate) async fn session(
    SessionCaller(caller, token): SessionCaller,
    State(app): State<Arc<App>>,
) -> Result<Json<StateAnswer>, Problem> {
    let (view, ends_at) = app.own_session(&caller, &token.0).await?;
    Ok(Json(StateAnswer {
        response_code: OK,
        id: view.id.uuid(),
        state: "ACTIVE",
        expire_at: ends_at.as_secs(),
        device: view.device.into(),
    }))
}
