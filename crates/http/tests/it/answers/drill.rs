//! `/v1/sdk/sos/drill`.

use serde_json::{Value, json};

use super::described::Described;
use crate::harness::Server;

const PATH: &str = "/v1/sdk/sos/drill";
const SHOW: &str = "GET /v1/sdk/sos/drill";
const START: &str = "POST /v1/sdk/sos/drill";
const STOP: &str = "DELETE /v1/sdk/sos/drill";

pub(super) async fn answers(described: &mut Described) {
    let server = Server::start().await;
    let ana = server.user("ana");
    let none = described.saw(SHOW, 200, &ana.get(PATH).await);
    assert_eq!(none["drill"], Value::Null);
    let started = described.saw(START, 200, &ana.post(PATH, json!({})).await);
    assert_eq!(started["drill"]["state"], "running");
    let again = described.saw(START, 200, &ana.post(PATH, json!({})).await);
    assert_eq!(again["drill"]["id"], started["drill"]["id"]);
    described.saw(STOP, 204, &ana.delete(PATH).await);
    described.saw(STOP, 204, &ana.delete(PATH).await);
    let over = described.saw(SHOW, 200, &ana.get(PATH).await);
    assert_eq!(over["drill"]["endedBecause"], "stopped");
    for _ in 1..5 {
        described.saw(START, 200, &ana.post(PATH, json!({})).await);
        described.saw(STOP, 204, &ana.delete(PATH).await);
    }
    described.saw(START, 429, &ana.post(PATH, json!({})).await);

    let ben = server.user("ben");
    described.saw(START, 200, &ben.post(PATH, json!({})).await);
    // A drill is no SOS, and a real one ends it.
    let shown = ben.get("/v1/sdk/sos").await.body(200);
    assert_eq!(shown["incident"], Value::Null);
    ben.post("/v1/sdk/sos", json!({})).await.body(200);
    let over = described.saw(SHOW, 200, &ben.get(PATH).await);
    assert_eq!(over["drill"]["endedBecause"], "real_sos");
    described.saw(START, 409, &ben.post(PATH, json!({})).await);
    let history = ben.get("/v1/sdk/sos/history").await.body(200);
    assert_eq!(history["incidents"].as_array().unwrap().len(), 1);
}
