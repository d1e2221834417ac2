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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use mayday_app::testing::TestApp;
    use tower::ServiceExt;
    use tower_http::catch_panic::CatchPanicLayer;

    use super::*;
    use crate::settings::HttpSettings;

    /// The answer of a handler that fails in its own way.
    async fn ask(path: &str) -> (StatusCode, serde_json::Value) {
        let node = TestApp::sqlite().await;
        let settings = HttpSettings {
            request_timeout: Duration::from_millis(20),
            ..HttpSettings::default()
        };
        let api = Api::new(node.app.clone(), settings);
        let router = Router::new()
            .route("/slow", get(std::future::pending::<StatusCode>))
            .route("/panics", get(|| async { panic!("secret") as StatusCode }))
            .layer(from_fn_with_state(api.clone(), limit_time))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn_with_state(api.clone(), finish))
            .with_state(api);
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 4_096).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_handler_that_takes_too_long_is_a_503() {
        let (status, body) = ask("/slow").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(body["error"]["code"], "unavailable");
    }

    #[tokio::test]
    async fn a_panic_is_a_500_that_tells_nothing() {
        let (status, body) = ask("/panics").await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(body["error"]["message"], "internal error");
        assert!(!body.to_string().contains("secret"));
    }
}
