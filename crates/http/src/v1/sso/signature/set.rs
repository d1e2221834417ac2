//! `PUT /v1/sso/signature`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mayday_app::{App, SignatureChange};
use serde::Deserialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::Done;
use crate::auth::SessionCaller;
use crate::body::JsonBody;
use crate::problem::Problem;

/// What is to change.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = SignatureChange)]
pub(crate) struct SetBody {
    /// The new PIN: six digits. Required while none is set.
    #[schema(example = "471108")]
    signature: Option<String>,
    /// The PIN as it is. Required when one is set.
    current: Option<String>,
    /// A second PIN, to be given under duress; an empty text removes it.
    duress: Option<String>,
}

/// Set or change the signature
///
/// Five wrong PINs lock it for 15 minutes, five more for twice as long.
#[utoipa::path(
    put,
    path = "/v1/sso/signature",
    operation_id = "ssoSetSignature",
    tag = "Signature",
    request_body = SetBody,
    responses(
        (status = 200, description = "It is in force.", body = Done),
        (status = 400, description = "A member is missing or not valid."),
        (status = 403, description = "`current` is missing (`signature_required`) or wrong (`signature_invalid`)."),
        (status = 409, description = "It was changed at the same instant (`conflict`)."),
    ),
)]
pub(crate) async fn set(
    SessionCaller(caller, _): SessionCaller,
    State(app): State<Arc<App>>,
    JsonBody(body): JsonBody<SetBody>,
) -> Result<Json<Done>, Problem> {
    let change = SignatureChange {
        signature: body.signature.map(Zeroizing::new),
        current: body.current.map(Zeroizing::new),
        duress: body.duress.map(Zeroizing::new),
    };
    app.set_signature(&caller, change).await?;
    Ok(Json(Done::new()))
}
