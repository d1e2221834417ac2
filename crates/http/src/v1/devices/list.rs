//! `GET /v1/sdk/devices`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mayday_app::App;

use crate::auth::FullCaller;
use crate::problem::Problem;
use crate::v1::devices::DevicesAnswer;

/// List the devices
///
/// The caller's, the first registered first.
#[utoipa::path(
    get,
    path = "/v1/sdk/devices",
    operation_id = "listDevices",
    tag = "Devices",
    responses((status = 200, description = "The devices.", body = DevicesAnswer)),
)]
pub(crate) async fn list(
    FullCaller(caller): FullCaller,
    State(app): State<Arc<App>>,
) -> Result<Json<DevicesAnswer>, Problem> {
    let devices = app.devices(&caller).await?;
    Ok(Json(DevicesAnswer {
        devices: devices.into_iter().map(Into::into).collect(),
    }))
}
