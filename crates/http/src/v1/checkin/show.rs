//! `GET /v1/sdk/checkin`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mayday_app::App;

use crate::auth::FullCaller;
use crate::problem::Problem;
use crate::v1::checkin::CheckInShown;

/// Show the check-in timer
///
/// `checkin` is null when none runs.
#[utoipa::path(
    get,
    path = "/v1/sdk/checkin",
    operation_id = "showCheckIn",
    tag = "Check-in",
    responses((status = 200, description = "The timer, or null.", body = CheckInShown)),
)]
pub(crate) async fn show(
    FullCaller(caller): FullCaller,
    State(app): State<Arc<App>>,
) -> Result<Json<CheckInShown>, Problem> {
    let checkin = app.check_in(&caller).await?.map(Into::into);
    Ok(Json(CheckInShown { checkin }))
}
