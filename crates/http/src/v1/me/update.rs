//! `PUT /v1/sdk/me`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mayday_app::App;
use mayday_core::profile::ProfilePatch;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::FullCaller;
use crate::body::JsonBody;
use crate::problem::Problem;
use crate::v1::me::UserAnswer;

/// A partial change: a missing member stays as it is, an empty text clears.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ProfileChange {
    /// At most 120 characters.
    #[schema(max_length = 120, example = "Ana Núñez")]
    name: Option<String>,
    /// A mail address `x@y.z`.
    #[schema(max_length = 254, example = "ana@example.org")]
    email: Option<String>,
    /// Strict E.164.
    #[schema(pattern = r"^(\+[1-9]\d{7,14})?$", example = "+34600111222")]
    phone: Option<String>,
    /// A postal address.
    #[schema(max_length = 255, example = "Carrer de Mallorca 401, Barcelona")]
    address: Option<String>,
}

/// Change the caller's profile
///
/// Only the members sent are changed; `""` clears one. Answers the whole
/// profile as it is afterwards.
#[utoipa::path(
    put,
    path = "/v1/sdk/me",
    operation_id = "updateMe",
    tag = "Identity",
    request_body = ProfileChange,
    responses(
        (status = 200, description = "The profile after the change.", body = UserAnswer),
        (status = 400, description = "A member is not valid; the message names it."),
    ),
)]
pub(crate) async fn update(
    FullCaller(caller): FullCaller,
    State(app): State<Arc<App>>,
    JsonBody(change): JsonBody<ProfileChange>,
) -> Result<Json<UserAnswer>, Problem> {
    let patch = ProfilePatch {
        name: change.name,
        email: change.email,
        phone: change.phone,
        address: change.address,
    };
    Ok(Json(app.update_me(&caller, patch).await?.into()))
}
