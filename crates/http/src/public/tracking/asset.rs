//! `GET /t/assets/{file}`: what the page loads. Named with a mark of its content,
//! so that a phone keeps it and a new version is fetched.

use axum::extract::Path;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};

use super::frame;
use crate::problem::Problem;

const KEPT: &str = "public, max-age=604800, immutable";

/// `GET /t/assets/{file}`.
pub(crate) async fn asset(Path(name): Path<String>) -> Result<Response, Problem> {
    match name.as_str() {
        "tracking.css" => Ok(file("text/css; charset=utf-8", frame::STYLE)),
        "tracking.js" => Ok(file("text/javascript; charset=utf-8", frame::SCRIPT)),
        "icon.svg" => Ok(file("image/svg+xml", frame::ICON)),
        _ => Err(Problem::not_found("no such file of the tracking page")),
    }
}

fn file(kind: &'static str, text: &'static str) -> Response {
    let headers: [(HeaderName, &'static str); 4] = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, KEPT),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
    ];
    (headers, text).into_response()
}
