//! `GET /v1/sdk/me`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mayday_app::App;

use crate::auth::FullCaller;
use crate::problem::Problem;
use crate::v1::me::UserAnswer;

/// Show the caller's profile
///
/// The first successful call makes the user known to the server. `id` is the
/// `sdk_user_id` of the MQTT topics.
#[utoipa::path(
    get,
    path = "/v1/sdk/me",
    operation_id = "showMe",
    tag = "Identity",
    responses((status = 200, description = "The profile.", body = UserAnswer)),
)]
pub(crate) async fn show(
    FullCaller(caller): FullCaller,
    State(app): State<Arc<App>>,
) -> Result<Json<UserAnswer>, Problem> {
    Ok(Json(app.me(&caller).await?.into()))
}
