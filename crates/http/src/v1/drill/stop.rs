//! `DELETE /v1/sdk/sos/drill`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use mayday_app::App;

use crate::auth::FullCaller;
use crate::problem::Problem;

/// Stop the drill
///
/// Idempotent. Whoever was told hears that it is over.
#[utoipa::path(
    delete,
    path = "/v1/sdk/sos/drill",
    operation_id = "stopDrill",
    tag = "Drills",
    responses((status = 204, description = "No drill runs.")),
)]
pub(crate) async fn stop(
    FullCaller(caller): FullCaller,
    State(app): State<Arc<App>>,
) -> Result<StatusCode, Problem> {
    app.stop_drill(&caller).await?;
    Ok(StatusCode::NO_CONTENT)
}
