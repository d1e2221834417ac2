//! `/metrics`: the `OpenMetrics` text format.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use mayday_app::App;

use crate::problem::Problem;

/// The media type of `OpenMetrics` 1.0.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Every metric of this node.
pub(super) async fn page(State(app): State<Arc<App>>) -> Result<impl IntoResponse, Problem> {
    let page = app
        .metrics_page()
        .await
        .map_err(|error| Problem::internal(format!("metrics cannot be written: {error}")))?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], page))
}
