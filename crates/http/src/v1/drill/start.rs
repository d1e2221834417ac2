//! `POST /v1/sdk/sos/drill`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mayday_app::App;

use crate::auth::FullCaller;
use crate::problem::Problem;
use crate::v1::drill::DrillAnswer;

/// Start a drill
///
/// Runs the whole path of an SOS: grace window, messages, calls, tracking page,
/// all-clear; every message says that it is a drill. It is never an SOS: not in
/// `/v1/sdk/sos`, not on `sos/events`. It ends when somebody acknowledges, when
/// nobody is left to ask, after an hour, and at once when a real SOS comes. While
/// one runs, the answer is that one. At most 5 within 24 hours.
#[utoipa::path(
    post,
    path = "/v1/sdk/sos/drill",
    operation_id = "startDrill",
    tag = "Drills",
    responses(
        (status = 200, description = "The drill that runs now.", body = DrillAnswer),
        (status = 409, description = "A real SOS is open."),
    ),
)]
pub(crate) async fn start(
    FullCaller(caller): FullCaller,
    State(app): State<Arc<App>>,
) -> Result<Json<DrillAnswer>, Problem> {
    let drill = app.start_drill(&caller).await?.into();
    Ok(Json(DrillAnswer { drill }))
}
