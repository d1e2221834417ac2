//! `GET /v1/admin/apps/{app}/mail-templates`.

use axum::Json;
use mayday_app::admin::{AdminReply, AdminRequest, MailReply, MailRequest, TemplateView};
use mayday_core::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::allowed::{Allowed, unexpected};
use crate::problem::Problem;

/// The templates of the app's own.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminMailTemplates)]
pub(crate) struct ListAnswer {
    /// By mail and language.
    templates: Vec<TemplateAnswer>,
}

/// A template of the app's own.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminMailTemplate)]
struct TemplateAnswer {
    /// Which mail.
    #[schema(example = "new_sign_in")]
    template: String,
    /// The language.
    #[schema(example = "es")]
    language: String,
    /// Whether the subject is the app's own.
    subject: bool,
    /// Whether the text is.
    text: bool,
    /// Whether the HTML is.
    html: bool,
    /// When it was set.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// List the templates of the app's own
///
/// All other mails are built in.
#[utoipa::path(
    get,
    path = "/v1/admin/apps/{app}/mail-templates",
    operation_id = "adminListMailTemplates",
    tag = "Mails",
    params(("app" = String, Path, description = "The app's public id.", example = "shop")),
    responses((status = 200, description = "The templates.", body = ListAnswer)),
)]
pub(crate) async fn list(allowed: Allowed) -> Result<Json<ListAnswer>, Problem> {
    let list = MailRequest::TemplateList {
        app_id: allowed.app_id(),
    };
    match allowed.ask(AdminRequest::Mail(list), "").await? {
        AdminReply::Mail(MailReply::Templates { templates }) => Ok(Json(ListAnswer {
            templates: templates.into_iter().map(Into::into).collect(),
        })),
        reply => Err(unexpected(&reply)),
    }
}

impl From<TemplateView> for TemplateAnswer {
    fn from(view: TemplateView) -> Self {
        Self {
            template: view.template,
            language: view.language,
            subject: view.subject,
            text: view.text,
            html: view.html,
            updated_at: view.updated_at,
        }
    }
}
