//! `GET /v1/sdk/sos/drill`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mayday_app::App;

use crate::auth::FullCaller;
use crate::problem::Problem;
use crate::v1::drill::DrillShown;

/// Show the latest drill
///
/// With its report: how far each message got, and who acknowledged when. `drill`
/// is null before the first.
#[utoipa::path(
    get,
    path = "/v1/sdk/sos/drill",
    operation_id = "showDrill",
    tag = "Drills",
    responses((status = 200, description = "The latest drill, or null.", body = DrillShown)),
)]
pub(crate) async fn show(
    FullCaller(caller): FullCaller,
    State(app): State<Arc<App>>,
) -> Result<Json<DrillShown>, Problem> {
    let drill = app.drill(&caller).await?.map(Into::into);
    Ok(Json(DrillShown { drill }))
}
