//! `POST /v1/sdk/checkin`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mayday_app::App;

use crate::auth::FullCaller;
use crate::body::JsonBody;
use crate::problem::Problem;
use crate::v1::checkin::{CheckInAnswer, CheckInBody};

/// Start the check-in timer, or start it anew
///
/// When it runs out before it is stopped or started anew, the server raises an
/// SOS for the caller with `triggerSource` `check-in`, once, whatever has become
/// of the phone. Without connection the phone cannot stop it: choose the time
/// with that in mind.
#[utoipa::path(
    post,
    path = "/v1/sdk/checkin",
    operation_id = "startCheckIn",
    tag = "Check-in",
    request_body = CheckInBody,
    responses(
        (status = 200, description = "The timer that runs now.", body = CheckInAnswer),
        (status = 400, description = "A member is missing or not valid."),
    ),
)]
pub(crate) async fn start(
    FullCaller(caller): FullCaller,
    State(app): State<Arc<App>>,
    JsonBody(body): JsonBody<CheckInBody>,
) -> Result<Json<CheckInAnswer>, Problem> {
    let check_in = app.start_check_in(&caller, body.into()).await?;
    Ok(Json(CheckInAnswer {
        checkin: check_in.into(),
    }))
}
