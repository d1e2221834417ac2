//! `POST /v1/public/sos/{token}/decline`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use mayday_app::App;
use mayday_core::tracking::TrackingAnswer;

use super::view::TrackedSos;
use crate::auth::Peer;
use crate::problem::Problem;

/// Says that the link's contact cannot help.
///
/// The next contact is asked at once, where there is one and nobody helps. A later
/// acknowledgement takes it back.
#[utoipa::path(
    post,
    path = "/v1/public/sos/{token}/decline",
    tag = "Tracking",
    params(("token" = String, Path, description = "As it stands in the link: 32 hexadecimal digits.")),
    responses(
        (status = 200, description = "Noted.", body = TrackedSos),
        (status = 404, description = "No such link: unknown, revoked and dead look the same (`not_found`)."),
        (status = 409, description = "The incident ended: nobody is asked any more (`conflict`)."),
    ),
)]
pub(crate) async fn decline(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    Peer(peer): Peer,
) -> Result<Json<TrackedSos>, Problem> {
    let answer = TrackingAnswer::Declined;
    let view = app.answer_tracking(&token, peer, answer, None).await?;
    Ok(Json(view.into()))
}
