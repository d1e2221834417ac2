//! `GET /v1/admin/apps/{app}/sso`.

use axum::Json;
use mayday_app::admin::{AdminReply, AdminRequest, SsoRequest};

use super::SettingsAnswer;
use crate::admin::allowed::{Allowed, unexpected};
use crate::problem::Problem;

/// Show the cap and the time-outs of sessions
///
/// 404 until `mayday sso set` lets the app's users log in with its tokens.
#[utoipa::path(
    get,
    path = "/v1/admin/apps/{app}/sso",
    operation_id = "adminShowSso",
    tag = "Sessions",
    params(("app" = String, Path, description = "The app's public id.", example = "shop")),
    responses((status = 200, description = "What is set.", body = SettingsAnswer)),
)]
pub(crate) async fn show(allowed: Allowed) -> Result<Json<SettingsAnswer>, Problem> {
    let show = SsoRequest::Show {
        app_id: allowed.app_id(),
    };
    match allowed.ask(AdminRequest::Sso(show), "").await? {
        AdminReply::Sso(view) => Ok(Json(view.into())),
        reply => Err(unexpected(&reply)),
    }
}
