//! `/v1/sdk/telemetry`.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Server, keys};

const PATH: &str = "/v1/sdk/telemetry";

fn sample() -> Value {
    json!({"timestamp": "2026-09-09T10:00:00.123456Z", "latitude": 41.4, "longitude": 2.17})
}

#[tokio::test]
async fn a_sample_is_stored_and_moves_the_open_incident() {
    let server = Server::start().await;
    let ana = server.user("ana");
    ana.post("/v1/sdk/sos", json!({})).await.body(200);
    let body = ana.post(PATH, sample()).await.body(200);
    assert_eq!(keys(&body), ["status"]);
    let incident = ana.get("/v1/sdk/sos").await.body(200)["incident"].take();
    assert_eq!(incident["positionSnapshot"]["latitude"], 41.4);
    assert_eq!(incident["positionSnapshot"]["source"], "telemetry");
}

#[tokio::test]
async fn a_malformed_sample_is_a_400_that_names_the_field() {
    let server = Server::start().await;
    let ana = server.user("ana");
    for (member, wrong) in [
        ("timestamp", json!("1970-01-01T00:00:00Z")),
        ("latitude", json!(91)),
        ("longitude", Value::Null),
        ("horizontalAccuracyMeters", json!(-1)),
        ("mobileBattery", json!(101)),
        ("kind", json!(7)),
        ("score", json!("high")),
    ] {
        let mut body = sample();
        body[member] = wrong;
        let error = ana.post(PATH, body).await.error(400, "validation_error");
        assert_eq!(error["fields"][0]["pointer"], format!("/{member}"));
    }
    let mut body = sample();
    body["deviceBattery"] = json!({"rawValue": 4, "range": "ok"});
    let error = ana
        .post(PATH, body.clone())
        .await
        .error(400, "validation_error");
    assert_eq!(error["fields"][0]["pointer"], "/deviceBattery/rawValue");
    // The same is no reason to refuse a cry for help.
    ana.post("/v1/sdk/sos", body).await.body(200);
    for text in ["", "{", "[]"] {
        let answer = ana.call(Method::POST, PATH, text).await;
        answer.error(400, "validation_error");
    }
}

#[tokio::test]
async fn a_relayed_sample_of_an_unknown_device_is_a_422_that_clients_react_to() {
    let server = Server::start().await;
    let mut body = sample();
    body["deviceId"] = "2271560481".into();
    body["relayNodeId"] = 305_419_896.into();
    let answer = server.user("ana").post(PATH, body).await;
    let error = answer.error(422, "validation_error");
    assert_eq!(error["fields"][0]["pointer"], "/deviceId");
}
