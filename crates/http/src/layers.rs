//! What happens to every request around its handler, outermost first:
//! slashes collapsed, request id and log line, CORS, compression, panics
//! caught, time limited.

mod cors;
mod finish;
mod slashes;

pub(crate) use cors::cors;
pub(crate) use finish::finish;
pub(crate) use slashes::collapse_slashes;

use std::any::Any;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::Problem;
use crate::state::Api;

/// Answers 503 when the handler takes too long. What it handed to the store
/// goes on there: a dropped request cannot abort an SOS.
pub(crate) async fn limit_time(State(api): State<Api>, request: Request, next: Next) -> Response {
    tokio::time::timeout(api.settings.request_timeout, next.run(request))
        .await
        .unwrap_or_else(|_| Problem::too_slow().into_response())
}

/// A panic is a fault of ours like any other: 500, logged, and the server goes on.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature that the layer asks for"
)]
pub(crate) fn panicked(payload: Box<dyn Any + Send + 'static>) -> Response {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    Problem::internal(format!("a handler panicked: {text}")).into_response()
}

/// No such path.
pub(crate) async fn no_route() -> Problem {
    Problem::not_found("no such route: see /docs")
}

/// A known path, another method: 405, or for OPTIONS an empty 204. The router
/// adds `Allow` to either.
pub(crate) async fn other_method(method: Method) -> Response {
    if method == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        Problem::method_not_allowed().into_response()
    }
}
