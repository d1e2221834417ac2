//! `POST /v1/sdk/sos/cancel`.

use axum::Json;
use axum::extract::{Request, State};
use mayday_app::CancelReceipt;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::FullCaller;
use crate::body::readable;
use crate::problem::Problem;
use crate::state::Api;
use crate::v1::sos::{CancelAnswer, Shown};

/// Which incident to cancel. Other members are recorded with it.
#[expect(dead_code, reason = "describes the body; the app parses the bytes")]
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SosCancel {
    /// The device whose owner's incident is meant. Missing: the caller's own.
    #[schema(example = "305419896")]
    device_id: Option<String>,
    /// The user's PIN, where the app asks for it. Recorded nowhere.
    #[schema(example = "471108")]
    signature: Option<String>,
}

/// Cancel as a false alarm
///
/// Idempotent: null when nothing was open. With `deviceId`, the open incident
/// of that device's owner is meant. Somebody else's incident is cancelled only
/// by the gateway that alone relayed it; for anybody else it stays open, flagged
/// `cancel_requested`, and operators are told.
#[utoipa::path(
    post,
    path = "/v1/sdk/sos/cancel",
    operation_id = "cancelSos",
    tag = "SOS",
    request_body(content = Option<SosCancel>, example = json!({})),
    responses(
        (status = 200, description = "The incident as it is now, or null.", body = CancelAnswer),
        (status = 400, description = "The body is not a JSON object, or larger than 256 KiB."),
        (status = 403, description = "The app asks for the PIN and there is none (`signature_required`), or it is another (`signature_invalid`); or the user is blocked (`user_blocked`)."),
        (status = 409, description = "The open incident of that device's owner does not involve the device (`conflict`)."),
        (status = 422, description = "The app does not know the device; `fields[].pointer` is `/deviceId`."),
    ),
)]
pub(crate) async fn cancel(
    FullCaller(caller): FullCaller,
    State(api): State<Api>,
    request: Request,
) -> Result<Json<CancelAnswer>, Problem> {
    let body = readable(request.into_body(), api.settings.body_timeout).await?;
    let incident = match api.app.cancel_sos(&caller, &body).await? {
        CancelReceipt::Nothing => None,
        CancelReceipt::Own(incident) => Some(Shown::own(*incident)),
        CancelReceipt::Foreign(incident) => Some(Shown::brief(&incident)),
    };
    Ok(Json(CancelAnswer { incident }))
}
