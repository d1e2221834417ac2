//! `PUT /v1/sso/settings`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mayday_app::App;
use mayday_core::sso::settings::{SettingsPatch, UserSettings};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::SessionCaller;
use crate::body::JsonBody;
use crate::problem::Problem;
use crate::v1::sso::OK;

/// What is to change; a missing member stays as it is.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = SsoSettingsChange)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SettingsBody {
    /// An ISO 4217 code; an empty text clears.
    #[schema(example = "EUR")]
    currency: Option<String>,
    /// Whether the app shows its advanced mode.
    adv_mode: Option<bool>,
    /// A BCP 47 tag; an empty text clears. Mails are written in it.
    #[schema(example = "es")]
    language: Option<String>,
    /// Whether the app asks the user to replace the signature.
    sig_reset_req: Option<bool>,
    /// Whether the terms were accepted.
    #[serde(rename = "ackTnC")]
    ack_tnc: Option<bool>,
    /// Whether the privacy statement was accepted.
    ack_privacy: Option<bool>,
}

/// The settings as they are now.
#[derive(Serialize, ToSchema)]
#[schema(as = SsoSettings)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches of the contract"
)]
pub(crate) struct SettingsAnswer {
    /// `ok`.
    #[schema(example = "ok")]
    response_code: &'static str,
    /// Null while none is set.
    #[schema(example = "EUR")]
    currency: Option<String>,
    /// Whether the app shows its advanced mode.
    adv_mode: bool,
    /// Null while none is set.
    #[schema(example = "es")]
    language: Option<String>,
    /// Whether the app asks the user to replace the signature.
    sig_reset_req: bool,
    /// Whether the terms were accepted.
    #[serde(rename = "ackTnC")]
    ack_tnc: bool,
    /// Whether the privacy statement was accepted.
    ack_privacy: bool,
}

impl From<UserSettings> for SettingsAnswer {
    fn from(settings: UserSettings) -> Self {
        Self {
            response_code: OK,
            currency: settings.currency,
            adv_mode: settings.adv_mode,
            language: settings.language,
            sig_reset_req: settings.sig_reset_req,
            ack_tnc: settings.ack_tnc,
            ack_privacy: settings.ack_privacy,
        }
    }
}

/// Change the user's settings
///
/// A member that is missing stays as it is. With one that is not valid none is changed.
#[utoipa::path(
    put,
    path = "/v1/sso/settings",
    operation_id = "ssoSettings",
    tag = "Sessions",
    request_body = SettingsBody,
    responses(
        (status = 200, description = "The settings as they are now.", body = SettingsAnswer),
        (status = 400, description = "A member is not valid; none was changed."),
    ),
)]
pub(crate) async fn settings(
    SessionCaller(caller, _): SessionCaller,
    State(app): State<Arc<App>>,
    JsonBody(body): JsonBody<SettingsBody>,
) -> Result<Json<SettingsAnswer>, Problem> {
    let patch = SettingsPatch {
        currency: body.currency,
        adv_mode: body.adv_mode,
        language: body.language,
        sig_reset_req: body.sig_reset_req,
        ack_tnc: body.ack_tnc,
        ack_privacy: body.ack_privacy,
    };
    Ok(Json(app.update_settings(&caller, patch).await?.into()))
}
