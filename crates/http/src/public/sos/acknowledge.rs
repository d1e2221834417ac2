//! `POST /v1/public/sos/{token}/acknowledge`.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use mayday_core::tracking::TrackingAnswer;
use serde::Deserialize;
use utoipa::ToSchema;

use super::view::TrackedSos;
use crate::auth::Peer;
use crate::body;
use crate::problem::Problem;
use crate::state::Api;

/// Who helps. Nothing in it is required, and nothing can be wrong: help is not
/// refused for a form.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = TrackingAcknowledgement)]
pub(crate) struct Acknowledgement {
    /// What the helper calls themselves; without one, the contact's name.
    #[schema(example = "Ben")]
    name: Option<String>,
    /// The emergency services were called.
    called_services: Option<bool>,
}

/// Says that the link's contact helps.
///
/// The same contact again: the same success. An unreadable body counts as one
/// without a name.
#[utoipa::path(
    post,
    path = "/v1/public/sos/{token}/acknowledge",
    tag = "Tracking",
    params(("token" = String, Path, description = "As it stands in the link: 32 hexadecimal digits.")),
    request_body = Option<Acknowledgement>,
    responses(
        (status = 200, description = "It counts from now on.", body = TrackedSos),
        (status = 404, description = "No such link: unknown, revoked and dead look the same (`not_found`)."),
        (status = 409, description = "The incident ended: it can no longer be acknowledged (`conflict`)."),
    ),
)]
pub(crate) async fn acknowledge(
    State(api): State<Api>,
    Path(token): Path<String>,
    Peer(peer): Peer,
    sent: Body,
) -> Result<Json<TrackedSos>, Problem> {
    let bytes = body::whole(sent, api.settings.body_timeout).await;
    let said: Acknowledgement =
        serde_json::from_slice(&bytes.unwrap_or_default()).unwrap_or_default();
    let answer = if said.called_services == Some(true) {
        TrackingAnswer::CalledServices
    } else {
        TrackingAnswer::Helping
    };
    let name = said.name.as_deref();
    let view = api.app.answer_tracking(&token, peer, answer, name).await?;
    Ok(Json(view.into()))
}
