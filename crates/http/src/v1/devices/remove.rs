//! `DELETE /v1/sdk/devices/{id}`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use mayday_app::App;
use mayday_core::ids::DeviceId;

use crate::auth::FullCaller;
use crate::path::PathId;
use crate::problem::Problem;

/// Remove a device
///
/// From the caller's list. A device that somebody else lists too becomes
/// theirs.
#[utoipa::path(
    delete,
    path = "/v1/sdk/devices/{id}",
    operation_id = "removeDevice",
    tag = "Devices",
    params(("id" = Uuid, Path, description = "The registration's id, not the `hardware_id`.")),
    responses(
        (status = 204, description = "Removed."),
        (status = 404, description = "No device of the caller has this id."),
    ),
)]
pub(crate) async fn remove(
    FullCaller(caller): FullCaller,
    State(app): State<Arc<App>>,
    PathId(id): PathId<DeviceId>,
) -> Result<StatusCode, Problem> {
    app.remove_device(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
