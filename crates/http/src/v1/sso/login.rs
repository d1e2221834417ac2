//! `POST /v1/sso/login`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mayday_app::{App, SsoLogin};
use serde::Deserialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::auth::Peer;
use crate::body::JsonBody;
use crate::problem::Problem;
use crate::v1::sso::{DeviceView, SessionAnswer};

/// Who logs in.
#[derive(Deserialize, ToSchema)]
#[schema(as = SsoLogin)]
pub(crate) struct LoginBody {
    /// The app's public id.
    #[schema(example = "shop")]
    realm: String,
    /// The token that the app's own log-in gave its user.
    token: String,
    /// The device.
    #[serde(default)]
    #[schema(required = false)]
    device: Option<DeviceView>,
}

/// Log in with the app's own token
///
/// The app's server is asked what the token is. `invalid_token` is its word: the
/// user must log in to the app again. `sso_unavailable` is nobody's word: keep the
/// user and try again after `Retry-After`. A user has as many sessions as the app
/// allows, and the one that was idle longest makes room.
#[utoipa::path(
    post,
    path = "/v1/sso/login",
    operation_id = "ssoLogin",
    tag = "Sessions",
    request_body = LoginBody,
    responses(
        (status = 200, description = "The session.", body = SessionAnswer),
        (status = 400, description = "A member is missing or not valid."),
        (status = 401, description = "The token makes no session (`invalid_token`), or its session was ended so that it makes none any more (`session_revoked`, `verification_limit`); or the realm is unknown (`unauthorized`)."),
        (status = 409, description = "The address is that of another account (`link_required`): `data.email` is the address, and `data.context.pending` names the log-in for `/v1/sso/code`."),
        (status = 503, description = "The app's server does not answer (`sso_unavailable`), or nothing could be stored (`unavailable`); see `Retry-After`."),
    ),
)]
pub(crate) async fn login(
    State(app): State<Arc<App>>,
    Peer(peer): Peer,
    JsonBody(body): JsonBody<LoginBody>,
) -> Result<Json<SessionAnswer>, Problem> {
    let login = SsoLogin {
        realm: body.realm,
        token: Zeroizing::new(body.token),
        device: body.device.unwrap_or_default().into(),
    };
    Ok(Json(app.sso_login(login, peer).await?.into()))
}
