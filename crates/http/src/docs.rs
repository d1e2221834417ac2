//! `/docs`: the API's description for people, drawn from `/openapi.json` by a
//! page that needs no other host. Its policy allows nothing but itself.

use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};

use axum::extract::Path;

use crate::problem::Problem;

const HTML: &str = include_str!("docs/index.html");
const STYLE: &str = include_str!("docs/docs.css");
const SCRIPT: &str = include_str!("docs/docs.js");
const ICON: &str = include_str!("docs/icon.svg");

/// Nothing inline, nothing from elsewhere, in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// `GET /docs`.
pub(crate) async fn page() -> Response {
    file("text/html; charset=utf-8", HTML)
}

/// `GET /docs/{file}`: what the page loads.
pub(crate) async fn asset(Path(name): Path<String>) -> Result<Response, Problem> {
    match name.as_str() {
        "docs.css" => Ok(file("text/css; charset=utf-8", STYLE)),
        "docs.js" => Ok(file("text/javascript; charset=utf-8", SCRIPT)),
        "icon.svg" => Ok(file("image/svg+xml", ICON)),
        _ => Err(Problem::not_found("no such file of the documentation")),
    }
}

fn file(kind: &'static str, text: &'static str) -> Response {
    let headers: [(HeaderName, &'static str); 4] = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}
