//! `POST /v1/sdk/devices`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mayday_app::{App, AppError};
use mayday_core::device::DeviceDraft;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::auth::FullCaller;
use crate::body::JsonBody;
use crate::problem::Problem;
use crate::v1::devices::DeviceAnswer;

/// A device to register.
#[expect(dead_code, reason = "describes the body; the domain reads its members")]
#[derive(Deserialize, ToSchema)]
pub(crate) struct DeviceBody {
    /// The canonical identifier of the node: not the local Bluetooth id, not
    /// the friendly name (`Meshtastic_1aa8` is refused).
    #[schema(example = "CF:82:12:34:56:78")]
    hardware_id: String,
    /// The firmware; missing keeps what is known.
    #[schema(example = "2.5.1")]
    firmware_version: Option<String>,
    /// The model; missing keeps what is known.
    #[schema(example = "EIXAM R1")]
    hardware_model: Option<String>,
    /// When it was paired; missing keeps what is known.
    #[schema(format = DateTime, example = "2026-09-01T08:00:00.000Z")]
    paired_at: Option<String>,
}

/// Register a device
///
/// Repeating it renews the registration. A device that another user of the app
/// listed earlier is registered too, as `contested`: nobody takes over
/// somebody's SOS by claiming an id.
#[utoipa::path(
    post,
    path = "/v1/sdk/devices",
    operation_id = "registerDevice",
    tag = "Devices",
    request_body = DeviceBody,
    responses(
        (status = 200, description = "The registration.", body = DeviceAnswer),
        (status = 400, description = "A member is missing or not valid; the message names it."),
    ),
)]
pub(crate) async fn register(
    FullCaller(caller): FullCaller,
    State(app): State<Arc<App>>,
    JsonBody(members): JsonBody<Map<String, Value>>,
) -> Result<Json<DeviceAnswer>, Problem> {
    let draft = DeviceDraft::parse(&members).map_err(AppError::fields)?;
    let device = app.register_device(&caller, draft).await?;
    Ok(Json(DeviceAnswer {
        device: device.into(),
    }))
}
