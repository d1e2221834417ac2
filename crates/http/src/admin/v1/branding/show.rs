//! `GET /v1/admin/apps/{app}/branding`.

use axum::Json;
use mayday_app::admin::{AdminReply, AdminRequest, MailReply, MailRequest};

use super::BrandingAnswer;
use crate::admin::allowed::{Allowed, unexpected};
use crate::problem::Problem;

/// Show how the app's mails look
///
/// Name, logo, addresses and copyright.
#[utoipa::path(
    get,
    path = "/v1/admin/apps/{app}/branding",
    operation_id = "adminShowBranding",
    tag = "Mails",
    params(("app" = String, Path, description = "The app's public id.", example = "shop")),
    responses((status = 200, description = "What is set.", body = BrandingAnswer)),
)]
pub(crate) async fn show(allowed: Allowed) -> Result<Json<BrandingAnswer>, Problem> {
    let show = MailRequest::Branding {
        app_id: allowed.app_id(),
    };
    match allowed.ask(AdminRequest::Mail(show), "").await? {
        AdminReply::Mail(MailReply::Branding(view)) => Ok(Json(view.into())),
        reply => Err(unexpected(&reply)),
    }
}
