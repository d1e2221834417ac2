//! The outermost layer: the request's id, its error body, its log line and
//! its count. It knows the route's template; paths are never logged.

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::Instant;
use tracing::Instrument;

use crate::problem::{Family, Problem};
use crate::state::Api;

/// Carries the request's id both ways.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that is taken over from a client, in bytes.
const REQUEST_ID_LIMIT_BYTES: usize = 64;
/// Stands for the template of a request that matched no route.
const NO_ROUTE: &str = "(none)";

/// Runs the request and completes its answer.
pub(crate) async fn finish(State(api): State<Api>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = sent_id(request.headers()).unwrap_or_else(|| api.app.fresh_id().to_string());
    let method = method_word(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    let span = tracing::info_span!(
        "http",
        request.id = %id,
        http.method = method,
        http.route = route,
        app.id = tracing::field::Empty,
        user.id = tracing::field::Empty,
    );
    let mut response = next.run(request).instrument(span.clone()).await;

    let problem = response.extensions_mut().remove::<Problem>();
    if let Some(problem) = &problem {
        write_body(&mut response, problem, &id, route);
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    // Answers hold positions and phone numbers: nothing in between keeps them.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));

    let took = started.elapsed();
    let status = response.status().as_u16();
    api.app.metrics().http_answered(method, route, status, took);
    span.in_scope(|| log(status, problem.as_ref(), took, is_probe(route)));
    response
}

/// An id that the client chose, if it is safe to echo and to log.
fn sent_id(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(&REQUEST_ID)?.to_str().ok()?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':');
    let fits = !text.is_empty() && text.len() <= REQUEST_ID_LIMIT_BYTES;
    (fits && text.bytes().all(plain)).then(|| text.to_owned())
}

fn write_body(response: &mut Response, problem: &Problem, id: &str, route: &str) {
    let body = match Family::of(route) {
        Family::Sdk => serde_json::to_vec(&problem.body(id)),
        Family::Sso => serde_json::to_vec(&problem.sso_body(id)),
        Family::Oauth => serde_json::to_vec(&problem.oauth_body()),
    };
    let body = body.unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    *response.body_mut() = Body::from(body);
}

/// Whether machines ask for it every few seconds.
fn is_probe(route: &str) -> bool {
    route == "/metrics" || route.starts_with("/health/")
}

fn log(status: u16, problem: Option<&Problem>, took: std::time::Duration, probe: bool) {
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let code = problem.map(Problem::code);
    if let Some(cause) = problem.and_then(Problem::cause) {
        tracing::error!(
            http.status = status,
            error.code = code,
            error.cause = cause,
            duration_ms,
            "request failed"
        );
    } else if probe {
        tracing::debug!(http.status = status, duration_ms, "probe answered");
    } else {
        tracing::info!(
            http.status = status,
            error.code = code,
            duration_ms,
            "request answered"
        );
    }
}

/// Methods of the standard alone: a client must not be able to make up series.
fn method_word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_str(value).unwrap());
        sent_id(&headers)
    }

    #[test]
    fn probes_are_known_by_their_route() {
        for probe in [
            "/metrics",
            "/health/live",
            "/health/ready",
            "/health/engine",
        ] {
            assert!(is_probe(probe), "{probe}");
        }
        assert!(!is_probe("/v1/sdk/sos/current") && !is_probe(NO_ROUTE));
    }

    #[test]
    fn only_short_plain_ids_are_taken_over() {
        assert_eq!(sent("a-1_2.3:4").as_deref(), Some("a-1_2.3:4"));
        assert_eq!(sent(""), None);
        assert_eq!(sent("a b"), None);
        assert_eq!(sent("a\"b"), None);
        assert_eq!(sent(&"a".repeat(64)).unwrap().len(), 64);
        assert_eq!(sent(&"a".repeat(65)), None);
    }
}
