//! `/health/live`, `/health/ready`, `/health/engine`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use mayday_app::{App, HealthReport, NotReady};
use serde::Serialize;

use crate::problem::Problem;

/// `live`, `ready` or `not_ready`, and why not.
#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<NotReady>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<NotReady>,
}

/// The process runs and answers: 200, without looking at anything else.
/// Restarting a server because its disk is full would help nobody.
pub(super) async fn live() -> Json<Verdict> {
    Json(Verdict {
        status: "live",
        reasons: Vec::new(),
        warnings: Vec::new(),
    })
}

/// 200 when an SOS can be stored here, else 503 with the reasons.
pub(super) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, Json<Verdict>) {
    let report = app.health().await;
    let (status, word) = if report.is_ready() {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not_ready")
    };
    let verdict = Verdict {
        status: word,
        reasons: report.reasons,
        warnings: report.warnings,
    };
    (status, Json(verdict))
}

/// All figures, always 200: for people and dashboards.
pub(super) async fn engine(State(app): State<Arc<App>>) -> Json<HealthReport> {
    Json(app.health().await)
}

/// What there is instead.
pub(super) async fn no_route() -> Problem {
    Problem::not_found(
        "no such route: try /health/ready, /health/live, /health/engine, /metrics or /openapi.json",
    )
}
