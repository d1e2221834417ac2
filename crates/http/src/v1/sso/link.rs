//! `POST /v1/sso/link`.

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

/// A pending log-in and the code that was mailed for it.
#[derive(Deserialize, ToSchema)]
#[schema(as = SsoLink)]
pub(crate) struct LinkBody {
    /// The app's public id.
    #[schema(example = "shop")]
    realm: String,
    /// The token that the log-in was tried with.
    token: String,
    /// The six digits of the mail; spaces do not matter.
    #[schema(example = "004 711")]
    code: String,
    /// The device.
    #[serde(default)]
    #[schema(required = false)]
    device: Option<DeviceView>,
}

/// Join a log-in with the account that has its address
///
/// The account keeps its contacts, devices and incidents and takes the log-in's name;
/// whoever still proves the name that it had before is the same user. After five wrong
/// codes the token makes no session any more.
#[utoipa::path(
    post,
    path = "/v1/sso/link",
    operation_id = "ssoLink",
    tag = "Sessions",
    request_body = LinkBody,
    responses(
        (status = 200, description = "The session.", body = SessionAnswer),
        (status = 400, description = "A member is missing or not valid."),
        (status = 401, description = "As for a log-in; `verification_limit`: the code was wrong too often."),
        (status = 403, description = "The code is wrong, used or over, or none was sent (`verification_failed`)."),
        (status = 503, description = "The app's server does not answer (`sso_unavailable`), or nothing could be stored (`unavailable`); see `Retry-After`."),
    ),
)]
pub(crate) async fn link(
    State(app): State<Arc<App>>,
    Peer(peer): Peer,
    JsonBody(body): JsonBody<LinkBody>,
) -> Result<Json<SessionAnswer>, Problem> {
    let login = SsoLogin {
        realm: body.realm,
        token: Zeroizing::new(body.token),
        device: body.device.unwrap_or_default().into(),
    };
    let code = Zeroizing::new(body.code);
    Ok(Json(app.sso_link(login, &code, peer).await?.into()))
}
