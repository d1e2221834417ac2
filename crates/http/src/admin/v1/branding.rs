//! `/v1/admin/apps/{app}/branding`: how an app's mails look.

pub(crate) mod set;
pub(crate) mod show;

use mayday_app::admin::BrandingView;
use mayday_core::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// How an app's mails look.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminBranding)]
pub(crate) struct BrandingAnswer {
    /// The app's public id.
    #[schema(example = "shop")]
    app_id: String,
    /// The app's name as mails have it.
    #[schema(example = "Shop Safe")]
    app_name: String,
    /// Where its logo lies.
    logo_url: Option<String>,
    /// Where its users ask for help.
    support_email: Option<String>,
    /// The line that ends a mail.
    copyright: Option<String>,
    /// The sender's name; null: the server's.
    sender_name: Option<String>,
    /// The sender's address; null: the server's.
    sender_address: Option<String>,
    /// Whoever runs the app, for what goes wrong.
    owner_email: Option<String>,
    /// Whether mails go out that nobody asked for.
    notices: bool,
    /// When it was set; null: never.
    #[schema(value_type = Option<String>, format = DateTime)]
    updated_at: Option<Timestamp>,
}

impl From<BrandingView> for BrandingAnswer {
    fn from(view: BrandingView) -> Self {
        Self {
            app_id: view.app_id,
            app_name: view.app_name,
            logo_url: view.logo_url,
            support_email: view.support_email,
            copyright: view.copyright,
            sender_name: view.sender_name,
            sender_address: view.sender_address,
            owner_email: view.owner_email,
            notices: view.notices,
            updated_at: view.updated_at,
        }
    }
}
