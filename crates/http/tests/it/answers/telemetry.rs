//! `/v1/sdk/telemetry`.

use serde_json::json;

use super::described::Described;
use crate::harness::Server;

const SUBMIT: &str = "POST /v1/sdk/telemetry";
const PATH: &str = "/v1/sdk/telemetry";

pub(super) async fn answers(described: &mut Described) {
    let server = Server::start().await;
    let ana = server.user("ana");
    let sample = json!({"timestamp": "2026-09-09T10:00:00.123456Z", "latitude": 41.4,
        "longitude": 2.17});
    described.saw(SUBMIT, 200, &ana.post(PATH, sample.clone()).await);
    for wrong in [json!({}), json!([]), json!({"latitude": "north"})] {
        described.saw(SUBMIT, 400, &ana.post(PATH, wrong).await);
    }
    let mut relayed = sample;
    relayed["deviceId"] = json!("77");
    relayed["relayNodeId"] = json!(5);
    described.saw(SUBMIT, 422, &ana.post(PATH, relayed).await);
}
