//! `GET /v1/sdk/network/psk`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mayday_app::App;
use mayday_core::network_key::KEY_BYTES;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::FullCaller;
use crate::problem::Problem;

/// The key of the radio network. Clients refuse an answer with any other member.
#[derive(Serialize, ToSchema)]
#[schema(as = NetworkKey)]
pub(crate) struct NetworkKeyAnswer {
    /// 64 lower-case hexadecimal digits.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    psk: String,
    /// Always `AES-256`.
    #[schema(example = "AES-256")]
    algorithm: &'static str,
    /// Always 32.
    #[schema(example = 32)]
    bytes: usize,
    /// `app`, or `global` when the app has no key of its own.
    #[schema(example = "app")]
    scope: &'static str,
}

/// Show the key of the radio network
///
/// Ask when a device is provisioned, and keep the key nowhere. A user who asks
/// more than 10 times a minute is answered 429.
#[utoipa::path(
    get,
    path = "/v1/sdk/network/psk",
    operation_id = "showNetworkKey",
    tag = "Devices",
    responses(
        (status = 200, description = "The key.", body = NetworkKeyAnswer),
        (status = 404, description = "No key is set, neither for the app nor for all."),
    ),
)]
pub(crate) async fn show(
    FullCaller(caller): FullCaller,
    State(app): State<Arc<App>>,
) -> Result<Json<NetworkKeyAnswer>, Problem> {
    let (key, scope) = app.network_key(&caller).await?;
    Ok(Json(NetworkKeyAnswer {
        psk: key.to_hex().as_str().to_owned(),
        algorithm: "AES-256",
        bytes: KEY_BYTES,
        scope: scope.as_str(),
    }))
}
