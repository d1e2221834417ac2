//! `DELETE /v1/sdk/checkin`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use mayday_app::App;

use crate::auth::FullCaller;
use crate::problem::Problem;

/// Stop the check-in timer
///
/// Idempotent. An SOS that the timer has raised already goes on until it is
/// cancelled.
#[utoipa::path(
    delete,
    path = "/v1/sdk/checkin",
    operation_id = "stopCheckIn",
    tag = "Check-in",
    responses((status = 204, description = "No timer runs.")),
)]
pub(crate) async fn stop(
    FullCaller(caller): FullCaller,
    State(app): State<Arc<App>>,
) -> Result<StatusCode, Problem> {
    app.stop_check_in(&caller).await?;
    Ok(StatusCode::NO_CONTENT)
}
