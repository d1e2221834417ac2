//! `GET /v1/admin/apps/{app}/policy`.

use axum::response::Response;
use mayday_app::admin::{AdminReply, AdminRequest, PolicyRequest};

use super::{PolicyAnswer, tagged};
use crate::admin::allowed::{Allowed, unexpected};
use crate::problem::Problem;

/// Show the policy in force
///
/// With its version in `ETag`, for a later `If-Match`.
#[utoipa::path(
    get,
    path = "/v1/admin/apps/{app}/policy",
    operation_id = "adminShowPolicy",
    tag = "Policy",
    params(("app" = String, Path, description = "The app's public id.", example = "shop")),
    responses((status = 200, description = "The policy.", body = PolicyAnswer)),
)]
pub(crate) async fn show(allowed: Allowed) -> Result<Response, Problem> {
    let show = PolicyRequest::Show {
        app_id: allowed.app_id(),
    };
    match allowed.ask(AdminRequest::Policy(show), "").await? {
        AdminReply::Policy(view) => Ok(tagged(view)),
        reply => Err(unexpected(&reply)),
    }
}
