//! `DELETE /v1/admin/apps/{app}/sessions`.

use axum::Json;
use mayday_app::admin::SessionTarget;
use serde::Deserialize;
use utoipa::IntoParams;

use super::EndedAnswer;
use crate::admin::allowed::Allowed;
use crate::admin::page::Asked;
use crate::problem::Problem;

/// Whose sessions: exactly one of the two, so that a slip of the pen logs nobody out.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EndQuery {
    /// Your id of the one user.
    #[param(example = "ana")]
    user: Option<String>,
    /// `true`: of all users of the app.
    #[param(value_type = Option<bool>, example = true)]
    all: Option<String>,
}

/// End all sessions of a user, or of the app
///
/// Their tokens are refused and their connections are cut. Whoever may log in may do so
/// again.
#[utoipa::path(
    delete,
    path = "/v1/admin/apps/{app}/sessions",
    operation_id = "adminEndSessions",
    tag = "Sessions",
    params(
        ("app" = String, Path, description = "The app's public id.", example = "shop"),
        EndQuery,
    ),
    responses(
        (status = 200, description = "None of them is live.", body = EndedAnswer),
        (status = 400, description = "Neither `user` nor `all=true`, or both."),
    ),
)]
pub(crate) async fn end_all(
    allowed: Allowed,
    Asked(query): Asked<EndQuery>,
) -> Result<Json<EndedAnswer>, Problem> {
    let target = match (query.user, query.all.as_deref()) {
        (Some(user), None) => SessionTarget::User(user),
        (None, Some("true")) => SessionTarget::All,
        _ => {
            let message = "say whose sessions: ?user=ID, or ?all=true for the whole app";
            return Err(Problem::field("", message));
        }
    };
    super::end(&allowed, target, "/user").await
}
