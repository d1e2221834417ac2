//! What holds on every route (contract: HTTP conventions).

use axum::body::Body;
use axum::http::{Method, Request};
use mayday_http::HttpSettings;
use serde_json::json;

use crate::harness::Server;

#[tokio::test]
async fn doubled_slashes_are_one() {
    let server = Server::start().await;
    let ana = server.user("ana");
    for path in [
        "//v1/sdk/me",
        "/v1//sdk///me",
        "///v1/sdk/sos/history?limit=1",
    ] {
        ana.get(path).await.body(200);
    }
}

#[tokio::test]
async fn an_unknown_route_is_a_404_and_another_method_a_405() {
    let server = Server::start().await;
    for path in [
        "/",
        "/v1",
        "/v1/sdk/nothing",
        "/v1/sdk/me/",
        "/docs/nothing",
    ] {
        server.bare(Method::GET, path).await.error(404, "not_found");
    }
    for (method, path, allow) in [
        (Method::PATCH, "/v1/sdk/me", "GET,HEAD,PUT,DELETE"),
        (Method::GET, "/v1/sdk/telemetry", "POST"),
        (Method::PATCH, "/v1/sdk/contacts/1", "PUT,DELETE"),
        (Method::POST, "/v1/sdk/contacts/reorder", "PUT"),
    ] {
        let answer = server.bare(method, path).await;
        answer.error(405, "not_found");
        let mut allowed: Vec<_> = answer.header("allow").unwrap().split(',').collect();
        let mut expected: Vec<_> = allow.split(',').collect();
        allowed.sort_unstable();
        expected.sort_unstable();
        assert_eq!(allowed, expected, "{path}");
    }
}

#[tokio::test]
async fn options_tells_the_methods_and_head_is_get_without_a_body() {
    let server = Server::start().await;
    let options = server.bare(Method::OPTIONS, "/v1/sdk/sos").await;
    options.nothing();
    assert!(options.header("allow").unwrap().contains("POST"));
    assert_eq!(options.header("access-control-allow-origin"), None);
    let ana = server.user("ana");
    let head = ana.call(Method::HEAD, "/v1/sdk/me", Body::empty()).await;
    assert_eq!(head.status.as_u16(), 200);
    assert_eq!(head.text, "");
    let refused = server.bare(Method::HEAD, "/v1/sdk/me").await;
    assert_eq!((refused.status.as_u16(), refused.text.as_str()), (401, ""));
}

#[tokio::test]
async fn a_request_id_is_taken_over_or_made() {
    let server = Server::start().await;
    let ana = server.user("ana");
    let mut request = ana.request(Method::GET, "/v1/sdk/sos", Body::empty());
    let sent = "from-the-phone:1".parse().unwrap();
    request.headers_mut().insert("x-request-id", sent);
    let answer = server.send(request).await;
    assert_eq!(answer.header("x-request-id"), Some("from-the-phone:1"));
    let mut request = ana.request(Method::GET, "/nothing", Body::empty());
    let forged = "a b\"c".parse().unwrap();
    request.headers_mut().insert("x-request-id", forged);
    let error = server.send(request).await.error(404, "not_found");
    assert_eq!(error["request_id"].as_str().unwrap().len(), 36);
}

#[tokio::test]
async fn answers_are_kept_by_nobody_in_between() {
    let server = Server::start().await;
    for answer in [
        server.user("ana").get("/v1/sdk/me").await,
        server.bare(Method::GET, "/v1/sdk/me").await,
    ] {
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
}

#[tokio::test]
async fn a_body_above_256_kib_is_413_but_on_sos() {
    let server = Server::start().await;
    let ana = server.user("ana");
    let large = json!({"name": "x".repeat(300_000)});
    for path in ["/v1/sdk/contacts", "/v1/sdk/devices", "/v1/sdk/telemetry"] {
        let answer = ana.post(path, large.clone()).await;
        answer.error(413, "payload_too_large");
    }
    ana.put("/v1/sdk/me", large.clone())
        .await
        .error(413, "payload_too_large");
    ana.post("/v1/sdk/sos", large.clone()).await.body(200);
    let cancelled = ana.post("/v1/sdk/sos/cancel", large).await;
    cancelled.error(400, "validation_error");
    let current = ana.get("/v1/sdk/sos").await.body(200);
    assert_eq!(current["incident"]["state"], "active");
}

#[tokio::test]
async fn the_content_type_of_a_request_is_not_looked_at() {
    let server = Server::start().await;
    let ana = server.user("ana");
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "nonsense",
    ] {
        let body = Body::from(r#"{"name":"Ana"}"#);
        let mut request = ana.request(Method::PUT, "/v1/sdk/me", body);
        request
            .headers_mut()
            .insert("content-type", kind.parse().unwrap());
        server.send(request).await.body(200);
    }
}

#[tokio::test]
async fn large_answers_are_compressed_when_the_client_takes_it() {
    let server = Server::start().await;
    let request = || Request::get("/openapi.json").header("accept-encoding", "gzip");
    let (parts, body) = {
        use tower::ServiceExt;
        let request = request().body(Body::empty()).unwrap();
        let response = server.router.clone().oneshot(request).await.unwrap();
        response.into_parts()
    };
    assert_eq!(parts.headers["content-encoding"], "gzip");
    let packed = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let plain = server.bare(Method::GET, "/openapi.json").await;
    assert_eq!(plain.header("content-encoding"), None);
    assert!(packed.len() * 4 < plain.text.len());
}

#[tokio::test]
async fn cors_is_off_unless_configured() {
    let preflight = || {
        Request::builder()
            .method(Method::OPTIONS)
            .uri("/v1/sdk/sos")
            .header("origin", "https://app.example")
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "x-app-id,x-user-id,authorization",
            )
            .body(Body::empty())
            .unwrap()
    };
    let off = Server::start().await.send(preflight()).await;
    assert_eq!(off.header("access-control-allow-origin"), None);
    let on = Server::with(HttpSettings {
        cors_origins: vec!["https://app.example".into()],
        ..HttpSettings::default()
    })
    .await;
    let answer = on.send(preflight()).await;
    assert_eq!(answer.status.as_u16(), 200);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://app.example")
    );
    let headers = answer.header("access-control-allow-headers").unwrap();
    assert!(headers.contains("x-app-id") && headers.contains("authorization"));
    // An error must be readable for the browser's code as well.
    let mut request = Request::get("/v1/sdk/me").body(Body::empty()).unwrap();
    let origin = "https://app.example".parse().unwrap();
    request.headers_mut().insert("origin", origin);
    let refused = on.send(request).await;
    refused.error(401, "unauthorized");
    assert_eq!(
        refused.header("access-control-allow-origin"),
        Some("https://app.example")
    );
    let mut request = Request::get("/v1/sdk/me").body(Body::empty()).unwrap();
    let other = "https://evil.example".parse().unwrap();
    request.headers_mut().insert("origin", other);
    let other = on.send(request).await;
    assert_eq!(other.header("access-control-allow-origin"), None);
}
