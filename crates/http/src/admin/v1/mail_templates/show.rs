//! `GET /v1/admin/apps/{app}/mail-templates/{mail}/{language}`.

use axum::Json;
use mayday_app::admin::{AdminReply, AdminRequest, MailReply, MailRequest, MailSource};
use serde::Serialize;
use utoipa::ToSchema;

use super::TemplatePath;
use crate::admin::allowed::{Allowed, unexpected};
use crate::admin::segments::Segments;
use crate::problem::Problem;

/// The source of a mail.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminMailSource)]
pub(crate) struct SourceAnswer {
    /// Which mail.
    #[schema(example = "new_sign_in")]
    template: String,
    /// The language.
    #[schema(example = "es")]
    language: String,
    /// Whether any part is the app's own.
    own: bool,
    /// What it may name.
    variables: Vec<String>,
    /// The subject.
    subject: String,
    /// The text.
    text: String,
    /// The HTML.
    html: String,
}

/// Show the source of a mail
///
/// The app's own parts, and the built-in ones where it has none.
#[utoipa::path(
    get,
    path = "/v1/admin/apps/{app}/mail-templates/{mail}/{language}",
    operation_id = "adminShowMailTemplate",
    tag = "Mails",
    params(
        ("app" = String, Path, description = "The app's public id.", example = "shop"),
        TemplatePath,
    ),
    responses(
        (status = 200, description = "The source in force.", body = SourceAnswer),
        (status = 400, description = "The language is no tag."),
    ),
)]
pub(crate) async fn show(
    allowed: Allowed,
    Segments(path): Segments<TemplatePath>,
) -> Result<Json<SourceAnswer>, Problem> {
    let show = MailRequest::TemplateShow {
        app_id: allowed.app_id(),
        template: path.mail,
        language: path.language,
    };
    match allowed.ask(AdminRequest::Mail(show), "").await? {
        AdminReply::Mail(MailReply::Source(source)) => Ok(Json(source.into())),
        reply => Err(unexpected(&reply)),
    }
}

impl From<MailSource> for SourceAnswer {
    fn from(source: MailSource) -> Self {
        Self {
            template: source.template,
            language: source.language,
            own: source.own,
            variables: source.variables,
            subject: source.subject,
            text: source.text,
            html: source.html,
        }
    }
}
