//! A store that cannot commit: nothing is stored, and the caller is told to
//! try again (contract: HTTP, 503 `unavailable`).

use serde_json::{Value, json};

use crate::harness::Server;

const SOS: &str = "/v1/sdk/sos";
const TELEMETRY: &str = "/v1/sdk/telemetry";

fn body() -> Value {
    json!({"timestamp": "2026-09-09T10:00:00.123456Z", "latitude": 41.4, "longitude": 2.17})
}

#[tokio::test]
async fn nothing_is_stored_and_the_answer_says_when_to_try_again() {
    let server = Server::start().await;
    let ana = server.user("ana");
    ana.get("/v1/sdk/me").await.body(200);
    for path in [SOS, TELEMETRY] {
        for text in [body().to_string(), "nonsense".to_owned()] {
            server.node.fail_commits(true);
            let answer = ana.call(axum::http::Method::POST, path, text).await;
            answer.error(503, "unavailable");
            let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!(wait > 0, "{path}");
            server.node.fail_commits(false);
            assert_eq!(ana.get(SOS).await.body(200)["incident"], Value::Null);
            let user = server.node.caller("ana").await.user;
            let latest = server.node.app.latest_position(user).await.unwrap();
            assert!(latest.is_none(), "{path}");
        }
    }
}

#[tokio::test]
async fn what_is_sent_again_once_the_store_commits_is_stored_once() {
    let server = Server::start().await;
    let ana = server.user("ana");
    ana.get("/v1/sdk/me").await.body(200);
    server.node.fail_commits(true);
    ana.post(SOS, body()).await.error(503, "unavailable");
    ana.post(TELEMETRY, body()).await.error(503, "unavailable");
    server.node.fail_commits(false);
    ana.post(TELEMETRY, body()).await.body(200);
    let incident = ana.post(SOS, body()).await.body(200)["incident"].take();
    assert_eq!(incident["state"], "active");
    let history = ana.get("/v1/sdk/sos/history").await.body(200);
    let incidents = history["incidents"].as_array().unwrap();
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0]["incident"]["id"], incident["id"]);
}

#[tokio::test]
async fn a_newcomer_is_answered_the_same_way() {
    let server = Server::start().await;
    let ana = server.user("ana");
    server.node.fail_commits(true);
    let answer = ana.post(SOS, body()).await;
    answer.error(503, "unavailable");
    assert!(answer.header("retry-after").is_some());
    server.node.fail_commits(false);
    ana.post(SOS, body()).await.body(200);
}
