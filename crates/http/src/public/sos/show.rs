//! `GET /v1/public/sos/{token}`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mayday_app::App;

use super::view::TrackedSos;
use crate::auth::Peer;
use crate::problem::Problem;
use crate::public::etag;

/// Shows what a tracking link is about.
///
/// Opening it changes nothing but "opened (maybe a preview)". With the entity tag
/// of an earlier answer in `If-None-Match`: 304 when nothing changed since.
#[utoipa::path(
    get,
    path = "/v1/public/sos/{token}",
    tag = "Tracking",
    params(("token" = String, Path, description = "As it stands in the link: 32 hexadecimal digits.")),
    responses(
        (status = 200, description = "The incident as the link's contact may see it; `ETag` names this state of it.", body = TrackedSos),
        (status = 304, description = "As the answer with that entity tag."),
        (status = 404, description = "No such link: unknown, revoked and dead look the same (`not_found`)."),
    ),
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    Peer(peer): Peer,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let view = app.open_tracking(&token, peer).await?;
    let body = serde_json::to_vec(&TrackedSos::from(view))
        .map_err(|error| Problem::internal(error.to_string()))?;
    let tag = etag::of(&body);
    let common: [(HeaderName, HeaderValue); 3] = [
        (header::ETAG, tag.clone()),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
    ];
    if etag::is_known(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, common).into_response());
    }
    let json = [(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    )];
    Ok((common, json, body).into_response())
}
