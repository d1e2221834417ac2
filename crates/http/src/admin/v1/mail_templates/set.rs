//! `PUT /v1/admin/apps/{app}/mail-templates/{mail}/{language}`.

use axum::Json;
use mayday_app::admin::{AdminReply, AdminRequest, MailReply, MailRequest, MailSample, OwnParts};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::TemplatePath;
use crate::admin::allowed::{Allowed, only, unexpected};
use crate::admin::segments::Segments;
use crate::body::JsonBody;
use crate::problem::Problem;

/// The parts of the app's own; whatever is missing stays as it is.
#[derive(Deserialize, ToSchema)]
#[schema(as = AdminMailParts)]
pub(crate) struct PartsBody {
    /// The subject.
    #[schema(example = "{{ app }}: ¿es usted?")]
    subject: Option<String>,
    /// The text.
    text: Option<String>,
    /// The HTML.
    html: Option<String>,
}

/// The mail with made-up values.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminMailSample)]
pub(crate) struct SampleAnswer {
    /// Which mail.
    #[schema(example = "new_sign_in")]
    template: String,
    /// The language.
    #[schema(example = "es")]
    language: String,
    /// The subject.
    subject: String,
    /// The text.
    text: String,
    /// The HTML.
    html: String,
}

/// Write a mail in the app's own words
///
/// The parts are checked first: a mail that could not be written is not taken. Answers
/// it as the app's users would get it.
#[utoipa::path(
    put,
    path = "/v1/admin/apps/{app}/mail-templates/{mail}/{language}",
    operation_id = "adminSetMailTemplate",
    tag = "Mails",
    params(
        ("app" = String, Path, description = "The app's public id.", example = "shop"),
        TemplatePath,
    ),
    request_body = PartsBody,
    responses(
        (status = 200, description = "The mail as it would be sent.", body = SampleAnswer),
        (status = 400, description = "A part cannot be written; the message says why."),
        (status = 409, description = "The mail has the most languages that it may have."),
    ),
)]
pub(crate) async fn set(
    allowed: Allowed,
    Segments(path): Segments<TemplatePath>,
    JsonBody(body): JsonBody<PartsBody>,
) -> Result<Json<SampleAnswer>, Problem> {
    let pointer = only([
        ("/subject", body.subject.is_some()),
        ("/text", body.text.is_some()),
        ("/html", body.html.is_some()),
    ]);
    if body.subject.is_none() && body.text.is_none() && body.html.is_none() {
        let message = "give subject, text or html: there is nothing to set";
        return Err(Problem::field("", message));
    }
    let set = MailRequest::TemplateSet {
        app_id: allowed.app_id(),
        template: path.mail,
        language: path.language,
        own: Box::new(OwnParts {
            subject: body.subject,
            text: body.text,
            html: body.html,
        }),
    };
    match allowed.ask(AdminRequest::Mail(set), pointer).await? {
        AdminReply::Mail(MailReply::Sample(sample)) => Ok(Json(sample.into())),
        reply => Err(unexpected(&reply)),
    }
}

impl From<MailSample> for SampleAnswer {
    fn from(sample: MailSample) -> Self {
        Self {
            template: sample.template,
            language: sample.language,
            subject: sample.subject,
            text: sample.text,
            html: sample.html,
        }
    }
}
