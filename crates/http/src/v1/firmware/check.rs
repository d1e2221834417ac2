//! `GET /v1/sdk/firmware/check`.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use mayday_app::{App, FirmwareOffer};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::auth::FullCaller;
use crate::problem::Problem;

/// What the device has, and what it is.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CheckQuery {
    /// What the device says it runs. One that does not begin with a number is
    /// older than every release.
    #[param(value_type = String, max_length = 64, example = "2.5.1")]
    current_version: Option<String>,
    /// The device's model, in either case.
    #[param(value_type = String, max_length = 64, example = "EIXAM R1")]
    hardware_model: Option<String>,
}

/// Whether there is an update.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FirmwareAnswer {
    /// Whether there is one.
    update_available: bool,
    /// The newest release, when it is newer than what the device has.
    firmware: Option<FirmwareView>,
}

/// A release.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Firmware)]
struct FirmwareView {
    /// Ask for a link to it by this id.
    #[schema(example = "0199d7a3-77aa-7b40-93c1-5d6e7f809102")]
    id: Uuid,
    /// Its version.
    #[schema(example = "2.6.0")]
    version: String,
    /// The model that it is for.
    #[schema(example = "EIXAM R1")]
    hardware_model: String,
    /// SHA-256 of its bytes, in lower-case hex.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    sha256_hash: String,
    /// Its size.
    #[schema(example = 812_344)]
    file_size_bytes: i64,
    /// What is new; null when nothing was said.
    #[schema(example = "Longer battery life")]
    release_notes: Option<String>,
    /// Always true: what is offered is published.
    is_active: bool,
}

/// Check for a firmware update
///
/// Compares what the device runs with the newest published release for its
/// model, as `SemVer` has it; a missing part is 0, a leading `v` and what follows
/// `+` count for nothing.
#[utoipa::path(
    get,
    path = "/v1/sdk/firmware/check",
    operation_id = "checkFirmware",
    tag = "Devices",
    params(CheckQuery),
    responses(
        (status = 200, description = "The answer.", body = FirmwareAnswer),
        (status = 400, description = "A parameter is missing or not valid; the message names it."),
    ),
)]
pub(crate) async fn check(
    FullCaller(caller): FullCaller,
    State(app): State<Arc<App>>,
    query: Result<Query<CheckQuery>, QueryRejection>,
) -> Result<Json<FirmwareAnswer>, Problem> {
    let Query(query) = query.map_err(|_| {
        let message = "current_version and hardware_model must be given once each";
        Problem::field("/current_version", message)
    })?;
    let current = query.current_version.unwrap_or_default();
    let model = query.hardware_model.unwrap_or_default();
    let offer = app.check_firmware(&caller, &current, &model).await?;
    Ok(Json(FirmwareAnswer {
        update_available: offer.is_some(),
        firmware: offer.map(FirmwareView::from),
    }))
}

impl From<FirmwareOffer> for FirmwareView {
    fn from(offer: FirmwareOffer) -> Self {
        Self {
            id: offer.id.uuid(),
            version: offer.version,
            hardware_model: offer.hardware_model,
            sha256_hash: offer.sha256,
            file_size_bytes: offer.size_bytes,
            release_notes: Some(offer.notes).filter(|notes| !notes.is_empty()),
            is_active: true,
        }
    }
}
