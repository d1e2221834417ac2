//! `GET /v1/sdk/device-configs`.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use mayday_app::App;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::auth::FullCaller;
use crate::problem::Problem;

/// Which country.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConfigQuery {
    /// Two letters of ISO 3166-1 in either case; missing or empty: the `default`
    /// entry.
    #[param(pattern = "^([A-Za-z]{2})?$", example = "ES")]
    country_iso: Option<String>,
}

/// Show the device configuration of a country
///
/// A free-form object that the app's administrator has set, such as the radio's
/// region. A country without an entry of its own is answered the `default` one.
/// 404 when there is neither: leave the device as it is.
#[utoipa::path(
    get,
    path = "/v1/sdk/device-configs",
    operation_id = "showDeviceConfig",
    tag = "Devices",
    params(ConfigQuery),
    responses(
        (
            status = 200,
            description = "The configuration.",
            body = serde_json::Map<String, serde_json::Value>,
            example = json!({"country": "ES", "region": "EU868", "lora_region_code": 3}),
        ),
        (status = 404, description = "Nothing is set for this country, or it is none."),
    ),
)]
pub(crate) async fn show(
    FullCaller(caller): FullCaller,
    State(app): State<Arc<App>>,
    query: Result<Query<ConfigQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|_| {
        Problem::not_found("country_iso must be given once, as two letters of ISO 3166-1")
    })?;
    let country = query.country_iso.as_deref();
    let config = app.device_config(&caller, country).await?;
    let kind = [(header::CONTENT_TYPE, "application/json")];
    Ok((kind, config).into_response())
}
