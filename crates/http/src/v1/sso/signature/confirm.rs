//! `POST /v1/sso/signature/reset/confirm`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mayday_app::{App, ResetConfirm};
use serde::Deserialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::Done;
use crate::auth::SessionCaller;
use crate::body::JsonBody;
use crate::problem::Problem;

/// What replaces a forgotten PIN.
#[derive(Deserialize, ToSchema)]
#[schema(as = SignatureResetConfirm)]
pub(crate) struct ConfirmBody {
    /// The six digits of the mail; spaces do not matter.
    #[schema(example = "004 711")]
    code: String,
    /// The answers, in the order of the questions.
    #[schema(example = json!(["Rex", "Calle Mayor", "Verdi"]))]
    answers: Vec<String>,
    /// The new PIN: six digits.
    #[schema(example = "471108")]
    signature: String,
}

/// Replace a forgotten signature
///
/// What of it was wrong is not told. The fifth wrong one ends every session of the user
/// (`verification_limit`), mails the user and notifies the app's server.
#[utoipa::path(
    post,
    path = "/v1/sso/signature/reset/confirm",
    operation_id = "ssoConfirmReset",
    tag = "Signature",
    request_body = ConfirmBody,
    responses(
        (status = 200, description = "The new signature is in force.", body = Done),
        (status = 400, description = "A member is missing or not valid; it was not counted."),
        (status = 403, description = "The code or an answer is wrong, or the code is used or over (`verification_failed`)."),
    ),
)]
pub(crate) async fn confirm(
    SessionCaller(caller, _): SessionCaller,
    State(app): State<Arc<App>>,
    JsonBody(body): JsonBody<ConfirmBody>,
) -> Result<Json<Done>, Problem> {
    let sent = ResetConfirm {
        code: Zeroizing::new(body.code),
        answers: body.answers.into_iter().map(Zeroizing::new).collect(),
        signature: Zeroizing::new(body.signature),
    };
    app.confirm_reset(&caller, sent).await?;
    Ok(Json(Done::new()))
}
