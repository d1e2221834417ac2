//! `POST /v1/sdk/telemetry`.

use axum::Json;
use axum::extract::{Request, State};
use mayday_app::{AppError, TelemetryReceipt};
use mayday_core::transport::Transport;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::SosCaller;
use crate::body::whole;
use crate::problem::Problem;
use crate::state::Api;
use crate::v1::schema::TelemetryBody;

/// That the sample is durable.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TelemetryAnswer {
    /// Always `stored`.
    #[schema(example = "stored")]
    status: &'static str,
}

/// Send a position sample
///
/// Answered once the sample would survive a power cut; from then on every
/// route sees it. A resend overwrites itself. While the caller's incident is
/// open, the sample joins its trail and moves its position. A sample of a
/// relayed device belongs to the device's owner. What is refused is kept as a
/// dead letter for operators to read.
#[utoipa::path(
    post,
    path = "/v1/sdk/telemetry",
    operation_id = "submitTelemetry",
    tag = "Telemetry",
    request_body(
        content = TelemetryBody,
        example = json!({
            "timestamp": "2026-09-09T10:15:30.123456Z",
            "latitude": 41.387_421,
            "longitude": 2.168_612,
            "altitude": 12.4,
            "horizontalAccuracyMeters": 8.5,
            "mobileBattery": 64
        }),
    ),
    responses(
        (status = 200, description = "Stored.", body = TelemetryAnswer),
        (status = 400, description = "A member is missing or not valid."),
        (status = 422, description = "A relayed device that the app does not know; `fields[].pointer` is `/deviceId`."),
    ),
)]
pub(crate) async fn submit(
    SosCaller(caller): SosCaller,
    State(api): State<Api>,
    request: Request,
) -> Result<Json<TelemetryAnswer>, Problem> {
    let body = whole(request.into_body(), api.settings.body_timeout).await?;
    let mut ticket = api.app.submit_telemetry(&caller, body, Transport::Http);
    match ticket.stored().await? {
        TelemetryReceipt::Stored => Ok(Json(TelemetryAnswer { status: "stored" })),
        TelemetryReceipt::Malformed(fields) => Err(AppError::fields(fields).into()),
        TelemetryReceipt::UnknownDevice => Err(AppError::unknown_device().into()),
    }
}
