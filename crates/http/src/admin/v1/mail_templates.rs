//! `/v1/admin/apps/{app}/mail-templates`: mails in an app's own words.

pub(crate) mod list;
pub(crate) mod remove;
pub(crate) mod set;
pub(crate) mod show;

use serde::Deserialize;
use utoipa::IntoParams;

/// Which mail, in which language.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct TemplatePath {
    /// Which mail.
    #[param(example = "new_sign_in")]
    mail: String,
    /// BCP 47.
    #[param(example = "es")]
    language: String,
}
