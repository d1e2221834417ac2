//! `DELETE /v1/admin/apps/{app}/mail-templates/{mail}/{language}`.

use axum::http::StatusCode;
use mayday_app::admin::{AdminReply, AdminRequest, MailRequest};

use super::TemplatePath;
use crate::admin::allowed::{Allowed, unexpected};
use crate::admin::segments::Segments;
use crate::problem::Problem;

/// Go back to the built-in mail
///
/// 404 when the app has none of its own.
#[utoipa::path(
    delete,
    path = "/v1/admin/apps/{app}/mail-templates/{mail}/{language}",
    operation_id = "adminRemoveMailTemplate",
    tag = "Mails",
    params(
        ("app" = String, Path, description = "The app's public id.", example = "shop"),
        TemplatePath,
    ),
    responses(
        (status = 204, description = "The built-in mail is in force."),
        (status = 400, description = "The language is no tag."),
    ),
)]
pub(crate) async fn remove(
    allowed: Allowed,
    Segments(path): Segments<TemplatePath>,
) -> Result<StatusCode, Problem> {
    let remove = MailRequest::TemplateRemove {
        app_id: allowed.app_id(),
        template: path.mail,
        language: path.language,
    };
    match allowed.ask(AdminRequest::Mail(remove), "").await? {
        AdminReply::Removed => Ok(StatusCode::NO_CONTENT),
        reply => Err(unexpected(&reply)),
    }
}
