//! `DELETE /v1/admin/apps/{app}/sessions/{id}`.

use axum::Json;
use mayday_app::admin::SessionTarget;
use serde::Deserialize;
use utoipa::IntoParams;

use super::EndedAnswer;
use crate::admin::allowed::Allowed;
use crate::admin::segments::Segments;
use crate::problem::Problem;

/// Which session.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct SessionPath {
    /// Its id, as listed.
    #[param(example = "0199d7a2-1b7c-7d11-8f20-6e5d4c3b2a1a")]
    id: String,
}

/// End a session
///
/// Its tokens are refused and its connections are cut. `ended` is 0 when it had ended
/// before.
#[utoipa::path(
    delete,
    path = "/v1/admin/apps/{app}/sessions/{id}",
    operation_id = "adminEndSession",
    tag = "Sessions",
    params(
        ("app" = String, Path, description = "The app's public id.", example = "shop"),
        SessionPath,
    ),
    responses((status = 200, description = "The session is not live.", body = EndedAnswer)),
)]
pub(crate) async fn end(
    allowed: Allowed,
    Segments(path): Segments<SessionPath>,
) -> Result<Json<EndedAnswer>, Problem> {
    super::end(&allowed, SessionTarget::Session(path.id), "").await
}
