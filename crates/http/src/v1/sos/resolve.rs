//! `POST /v1/sdk/sos/resolve`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mayday_app::App;

use crate::auth::FullCaller;
use crate::problem::Problem;
use crate::v1::sos::SosAnswer;

/// Close as handled
///
/// Takes no body. Idempotent: null when nothing was open.
#[utoipa::path(
    post,
    path = "/v1/sdk/sos/resolve",
    operation_id = "resolveSos",
    tag = "SOS",
    responses((status = 200, description = "The resolved incident, or null.", body = SosAnswer)),
)]
pub(crate) async fn resolve(
    FullCaller(caller): FullCaller,
    State(app): State<Arc<App>>,
) -> Result<Json<SosAnswer>, Problem> {
    Ok(Json(app.resolve_sos(&caller).await?.into()))
}
