//! `GET /v1/sso/profile`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mayday_app::App;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::SessionCaller;
use crate::problem::Problem;
use crate::v1::sso::OK;

/// The session's user.
#[derive(Serialize, ToSchema)]
#[schema(as = SsoProfile)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProfileAnswer {
    /// `ok`.
    #[schema(example = "ok")]
    response_code: &'static str,
    /// Who it is.
    profile: PersonView,
    /// Whether the terms were accepted.
    #[serde(rename = "ackTnC")]
    ack_tnc: bool,
    /// Whether the privacy statement was accepted.
    ack_privacy: bool,
    /// Whether a signature is set.
    has_pwd: bool,
}

/// A person as the app shows them.
#[derive(Serialize, ToSchema)]
#[schema(as = SsoPerson)]
pub(crate) struct PersonView {
    /// The app's own id of the user.
    #[schema(example = "user-42")]
    user: String,
    /// Null when it is not known.
    #[schema(example = "Ana Núñez")]
    name: Option<String>,
    /// The address that the app's own server vouched for at the last log-in, and codes
    /// are mailed to. Null when it is not known.
    #[schema(example = "ana@example.org")]
    email: Option<String>,
    /// Null: pictures are not kept here.
    avatar: Option<String>,
}

/// Show the user
///
/// Who it is by the app's own id, and whether a signature is set.
#[utoipa::path(
    get,
    path = "/v1/sso/profile",
    operation_id = "ssoProfile",
    tag = "Sessions",
    responses((status = 200, description = "The session's user.", body = ProfileAnswer)),
)]
pub(crate) async fn profile(
    SessionCaller(caller, _): SessionCaller,
    State(app): State<Arc<App>>,
) -> Result<Json<ProfileAnswer>, Problem> {
    let known = app.sso_profile(&caller).await?;
    Ok(Json(ProfileAnswer {
        response_code: OK,
        profile: PersonView {
            user: caller.external_id.to_string(),
            name: known.name,
            email: known.email,
            avatar: None,
        },
        ack_tnc: known.settings.ack_tnc,
        ack_privacy: known.settings.ack_privacy,
        has_pwd: known.has_pin,
    }))
}
