//! `POST /v1/sso/signature/verify`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mayday_app::App;
use serde::Deserialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::Done;
use crate::auth::SessionCaller;
use crate::body::JsonBody;
use crate::problem::Problem;

/// A PIN.
#[derive(Deserialize, ToSchema)]
#[schema(as = SignatureShown)]
pub(crate) struct VerifyBody {
    /// Six digits.
    #[schema(example = "471108")]
    signature: String,
}

/// Verify the signature
///
/// Five wrong PINs lock it for 15 minutes, five more for twice as long: 429.
#[utoipa::path(
    post,
    path = "/v1/sso/signature/verify",
    operation_id = "ssoVerifySignature",
    tag = "Signature",
    request_body = VerifyBody,
    responses(
        (status = 200, description = "It is the user's.", body = Done),
        (status = 400, description = "A member is missing or not valid."),
        (status = 403, description = "It is not (`signature_invalid`)."),
        (status = 409, description = "None is set (`conflict`)."),
    ),
)]
pub(crate) async fn verify(
    SessionCaller(caller, _): SessionCaller,
    State(app): State<Arc<App>>,
    JsonBody(body): JsonBody<VerifyBody>,
) -> Result<Json<Done>, Problem> {
    let typed = Zeroizing::new(body.signature);
    app.verify_signature(&caller, &typed).await?;
    Ok(Json(Done::new()))
}
