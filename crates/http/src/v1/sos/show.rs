//! `GET /v1/sdk/sos`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mayday_app::App;
use mayday_core::escalation::Ladder;

use crate::auth::SosCaller;
use crate::problem::Problem;
use crate::v1::sos::OpenSosAnswer;

/// Show the open incident
///
/// With the newest known position, and with the receipts of what was sent to
/// contacts. `incident` is null when none is open; that is never a 404. A proof
/// that is genuine but expired is taken.
#[utoipa::path(
    get,
    path = "/v1/sdk/sos",
    operation_id = "showSos",
    tag = "SOS",
    responses((status = 200, description = "The open incident, or null.", body = OpenSosAnswer)),
)]
pub(crate) async fn show(
    SosCaller(caller): SosCaller,
    State(app): State<Arc<App>>,
) -> Result<Json<OpenSosAnswer>, Problem> {
    let incident = app.current_sos(&caller).await?;
    let receipts = match &incident {
        Some(incident) => app.receipts(incident).await?,
        None => Ladder::default(),
    };
    Ok(Json(OpenSosAnswer::new(incident, &receipts)))
}
