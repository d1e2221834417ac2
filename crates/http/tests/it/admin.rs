//! The admin listener: health and metrics, for loopback names only. Its API is tested
//! in `operator.rs`.

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request};
use mayday_app::testing::TestApp;
use mayday_http::{AdminHost, HttpSettings, admin_router};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::harness::{Server, keys};

async fn ask(node: &TestApp, host: &str, method: Method, path: &str) -> (u16, String, String) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", host)
        .body(Body::empty())
        .unwrap();
    let router = admin_router(
        node.app.clone(),
        HttpSettings::default(),
        AdminHost::Loopback,
    );
    let response = router.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let kind = response.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, kind, String::from_utf8(bytes.to_vec()).unwrap())
}

async fn get(node: &TestApp, path: &str) -> (u16, String, String) {
    ask(node, "127.0.0.1:9090", Method::GET, path).await
}

#[tokio::test]
async fn a_running_node_is_live_and_ready() {
    let node = TestApp::sqlite().await;
    for (path, word) in [("/health/live", "live"), ("/health/ready", "ready")] {
        let (status, _, body) = get(&node, path).await;
        assert_eq!(status, 200, "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body, json!({"status": word}));
    }
}

#[tokio::test]
async fn a_node_whose_store_is_closed_is_live_but_not_ready_and_says_why() {
    let node = TestApp::sqlite().await;
    node.store.close().await;
    let (status, _, body) = get(&node, "/health/ready").await;
    assert_eq!(status, 503, "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["status"], "not_ready");
    assert_eq!(body["reasons"][0]["code"], "store_unreadable");
    assert_eq!(get(&node, "/health/live").await.0, 200);
    assert_eq!(get(&node, "/health/engine").await.0, 200);
}

#[tokio::test]
async fn the_engine_tells_its_figures() {
    let node = TestApp::sqlite().await;
    let (status, _, body) = get(&node, "/health/engine").await;
    assert_eq!(status, 200, "{body}");
    let report: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        keys(&report),
        [
            "clock",
            "copy",
            "disk",
            "jobs",
            "providers",
            "reasons",
            "store",
            "telemetry",
            "warnings"
        ]
    );
    assert_eq!(
        keys(&report["store"]),
        [
            "commands",
            "commit_seconds",
            "commits",
            "failing",
            "last_commit_age_seconds",
            "queued"
        ]
    );
    assert_eq!(
        report["store"]["queued"],
        json!({"sos": 0, "session": 0, "job": 0, "rest": 0})
    );
    assert!(report["store"]["commits"].as_u64().unwrap() > 0);
    assert!(report["disk"]["free_bytes"].as_u64().unwrap() > 0);
    assert_eq!(report["telemetry"]["spill_rows"], 0);
    assert_eq!(report["jobs"]["poison"], 0);
}

#[tokio::test]
async fn metrics_tell_what_happened_without_naming_anybody() {
    let server = Server::start().await;
    server
        .user("ana-secret-name")
        .post("/v1/sdk/sos", json!({}))
        .await
        .body(200);
    server.bare(Method::GET, "/v1/sdk/me").await.body(401);
    let (status, kind, page) = get(&server.node, "/metrics").await;
    assert_eq!(status, 200);
    assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"));
    for line in [
        "mayday_sos_triggers_total{transport=\"http\",outcome=\"opened\"} 1",
        "mayday_auth_failures_total{transport=\"http\",reason=\"unauthorized\"} 1",
        "mayday_http_requests_total{method=\"POST\",route=\"/v1/sdk/sos\",status=\"200\"} 1",
        "mayday_ready 1",
        "mayday_spill_rows 0",
        "# EOF",
    ] {
        assert!(page.contains(line), "{line} in\n{page}");
    }
    assert!(!page.contains("ana-secret-name"));
}

#[tokio::test]
async fn another_name_than_loopback_is_refused() {
    let node = TestApp::sqlite().await;
    for host in ["evil.example", "10.0.0.1:9090"] {
        let (status, _, body) = ask(&node, host, Method::GET, "/metrics").await;
        assert_eq!(status, 421, "{body}");
    }
}

#[tokio::test]
async fn it_changes_nothing() {
    let node = TestApp::sqlite().await;
    for path in [
        "/health/live",
        "/health/ready",
        "/health/engine",
        "/metrics",
    ] {
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            assert_eq!(ask(&node, "localhost", method, path).await.0, 405, "{path}");
        }
    }
    assert_eq!(get(&node, "/v1/sdk/me").await.0, 404);
}
