//! `POST /v1/sso/code`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mayday_app::App;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Peer;
use crate::body::JsonBody;
use crate::problem::Problem;
use crate::v1::sso::OK;

/// Which pending log-in a code is for.
#[derive(Deserialize, ToSchema)]
#[schema(as = SsoCode)]
pub(crate) struct CodeBody {
    /// The mail address of the log-in, as `data.email` told it.
    #[schema(example = "ana@example.org")]
    login: String,
    /// What `data.context.pending` told.
    #[schema(example = "019a5b7e-7c4e-7d0a-9d5c-1f2e3d4c5b6a")]
    pending: String,
}

/// Until when a code is taken.
#[derive(Serialize, ToSchema)]
#[schema(as = SsoCodeSent)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CodeAnswer {
    /// `ok`.
    #[schema(example = "ok")]
    response_code: &'static str,
    /// In seconds since 1970.
    #[schema(example = 1_788_948_600)]
    expire_at: i64,
}

/// Mail the code of a pending log-in
///
/// To the address of that log-in and no other, at most once a minute and five times an
/// hour; a new code replaces the one before. The answer and its time are the same
/// whether or not there is such a log-in.
#[utoipa::path(
    post,
    path = "/v1/sso/code",
    operation_id = "ssoCode",
    tag = "Sessions",
    request_body = CodeBody,
    responses(
        (status = 200, description = "If there is something to be sent, it was.", body = CodeAnswer),
        (status = 400, description = "A member is missing or not valid."),
    ),
)]
pub(crate) async fn code(
    State(app): State<Arc<App>>,
    Peer(peer): Peer,
    JsonBody(body): JsonBody<CodeBody>,
) -> Result<Json<CodeAnswer>, Problem> {
    let expires_at = app.sso_code(&body.login, &body.pending, peer).await?;
    Ok(Json(CodeAnswer {
        response_code: OK,
        expire_at: expires_at.as_secs(),
    }))
}
