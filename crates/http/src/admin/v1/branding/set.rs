//! `PUT /v1/admin/apps/{app}/branding`.

use axum::Json;
use mayday_app::admin::{AdminReply, AdminRequest, BrandingChange, MailReply, MailRequest};
use serde::Deserialize;
use utoipa::ToSchema;

use super::BrandingAnswer;
use crate::admin::allowed::{Allowed, only, unexpected};
use crate::body::JsonBody;
use crate::problem::Problem;

/// What is changed; the empty text clears, whatever is missing stays as it is.
#[derive(Deserialize, ToSchema)]
#[schema(as = AdminBrandingChange)]
pub(crate) struct ChangeBody {
    /// The app's name as mails have it.
    #[schema(example = "Shop Safe")]
    app_name: Option<String>,
    /// Where its logo lies: `https`.
    logo_url: Option<String>,
    /// Where its users ask for help.
    support_email: Option<String>,
    /// The line that ends a mail.
    copyright: Option<String>,
    /// The sender's name.
    sender_name: Option<String>,
    /// The sender's address.
    sender_address: Option<String>,
    /// Whoever runs the app, for what goes wrong.
    owner_email: Option<String>,
    /// Whether mails go out that nobody asked for.
    notices: Option<bool>,
}

impl ChangeBody {
    fn blamed(&self) -> &'static str {
        only([
            ("/app_name", self.app_name.is_some()),
            ("/logo_url", self.logo_url.is_some()),
            ("/support_email", self.support_email.is_some()),
            ("/copyright", self.copyright.is_some()),
            ("/sender_name", self.sender_name.is_some()),
            ("/sender_address", self.sender_address.is_some()),
            ("/owner_email", self.owner_email.is_some()),
        ])
    }
}

/// Change how the app's mails look
///
/// From the next mail on.
#[utoipa::path(
    put,
    path = "/v1/admin/apps/{app}/branding",
    operation_id = "adminSetBranding",
    tag = "Mails",
    params(("app" = String, Path, description = "The app's public id.", example = "shop")),
    request_body = ChangeBody,
    responses(
        (status = 200, description = "What is set now.", body = BrandingAnswer),
        (status = 400, description = "A member is none; the message says which."),
    ),
)]
pub(crate) async fn set(
    allowed: Allowed,
    JsonBody(body): JsonBody<ChangeBody>,
) -> Result<Json<BrandingAnswer>, Problem> {
    let pointer = body.blamed();
    let brand = MailRequest::Brand {
        app_id: allowed.app_id(),
        change: Box::new(BrandingChange {
            app_name: body.app_name,
            logo_url: body.logo_url,
            support_email: body.support_email,
            copyright: body.copyright,
            sender_name: body.sender_name,
            sender_address: body.sender_address,
            owner_email: body.owner_email,
            notices: body.notices,
        }),
    };
    match allowed.ask(AdminRequest::Mail(brand), pointer).await? {
        AdminReply::Mail(MailReply::Branding(view)) => Ok(Json(view.into())),
        reply => Err(unexpected(&reply)),
    }
}
