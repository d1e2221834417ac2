//! `POST /v1/sso/signature/reset`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mayday_app::App;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::SessionCaller;
use crate::problem::Problem;
use crate::v1::sso::OK;

/// A code is under way.
#[derive(Serialize, ToSchema)]
#[schema(as = SignatureReset)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResetAnswer {
    /// `ok`.
    #[schema(example = "ok")]
    response_code: &'static str,
    /// Until when the code is taken, in seconds since 1970.
    #[schema(example = 1_788_948_600)]
    expire_at: i64,
    /// What is to be answered beside it, in this order.
    questions: Vec<String>,
}

/// Mail the code that replaces a forgotten signature
///
/// To the address that the app's server vouched for, at most once a minute and five
/// times an hour: 429. A new code replaces the one before; only the session that
/// asked can confirm it.
#[utoipa::path(
    post,
    path = "/v1/sso/signature/reset",
    operation_id = "ssoResetSignature",
    tag = "Signature",
    responses(
        (status = 200, description = "The code is under way.", body = ResetAnswer),
        (status = 409, description = "No signature, or no questions are set (`conflict`)."),
    ),
)]
pub(crate) async fn reset(
    SessionCaller(caller, _): SessionCaller,
    State(app): State<Arc<App>>,
) -> Result<Json<ResetAnswer>, Problem> {
    let ticket = app.ask_reset(&caller).await?;
    Ok(Json(ResetAnswer {
        response_code: OK,
        expire_at: ticket.expires_at.as_secs(),
        questions: ticket.questions,
    }))
}
