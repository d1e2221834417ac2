//! `/v1/sdk/sos` and what lies below it.

use std::time::Duration;

use serde_json::{Value, json};

use super::described::Described;
use crate::harness::{Server, User};

const SHOW: &str = "GET /v1/sdk/sos";
const TRIGGER: &str = "POST /v1/sdk/sos";
const CANCEL: &str = "POST /v1/sdk/sos/cancel";
const RESOLVE: &str = "POST /v1/sdk/sos/resolve";
const HISTORY: &str = "GET /v1/sdk/sos/history";

/// A trigger with every member that an answer may show.
fn full() -> Value {
    json!({
        "timestamp": "2026-09-09T10:00:00.123456Z",
        "latitude": 41.4, "longitude": 2.17, "altitude": 12.5,
        "deviceId": "305419896", "hardwareId": "CF:82:12", "nodeId": 7,
        "originatorNodeId": 305_419_896_u32,
        "source": "button_ui", "triggerSource": "button_ui", "owner": "app",
        "message": "Fell near the ridge",
        "deviceBattery": {"rawValue": 2, "range": "medium"},
        "deviceCoverage": {"signalStrength": 3, "networkType": "ble", "isConnected": true},
        "mobileBattery": 71, "mobileCoverage": 4,
    })
}

pub(super) async fn answers(described: &mut Described) {
    let server = Server::start().await;
    own(described, &server).await;
    others(described, &server).await;
}

async fn trigger(described: &mut Described, user: &User<'_>, body: Value) -> Value {
    described.saw(TRIGGER, 200, &user.post("/v1/sdk/sos", body).await)
}

async fn cancel(described: &mut Described, user: &User<'_>, status: u16, body: Value) -> Value {
    let answer = user.post("/v1/sdk/sos/cancel", body).await;
    described.saw(CANCEL, status, &answer)
}

/// The caller's own incidents: none, bare, full, ended either way.
async fn own(described: &mut Described, server: &Server) {
    let ana = server.user("ana");
    let none = described.saw(SHOW, 200, &ana.get("/v1/sdk/sos").await);
    assert_eq!(none["incident"], Value::Null);
    cancel(described, &ana, 200, json!({})).await;
    let resolve = || ana.post("/v1/sdk/sos/resolve", json!({}));
    described.saw(RESOLVE, 200, &resolve().await);
    described.saw(HISTORY, 200, &ana.get("/v1/sdk/sos/history").await);

    for body in [json!({}), json!("no object"), full()] {
        trigger(described, &ana, body).await;
        described.saw(SHOW, 200, &ana.get("/v1/sdk/sos").await);
        // A sample of its trail.
        server.node.store.clock.advance(Duration::from_secs(20));
        let time = server.node.app.now().to_string();
        let sample = json!({"timestamp": time, "latitude": 41.5, "longitude": 2.18});
        ana.post("/v1/sdk/telemetry", sample).await.body(200);
        described.saw(RESOLVE, 200, &resolve().await);
    }
    trigger(described, &ana, json!({"latitude": 1, "longitude": 2})).await;
    cancel(described, &ana, 400, json!([])).await;
    let ended = cancel(described, &ana, 200, json!({"reason": "false alarm"})).await;
    assert_eq!(ended["incident"]["state"], "cancelled");

    let page = ana.get("/v1/sdk/sos/history?limit=1").await;
    let page = described.saw(HISTORY, 200, &page);
    let cursor = page["pagination"]["next_cursor"].as_str().unwrap();
    let path = format!("/v1/sdk/sos/history?cursor={cursor}");
    let rest = described.saw(HISTORY, 200, &ana.get(&path).await);
    assert_eq!(rest["incidents"].as_array().unwrap().len(), 3);
    assert!(!rest["incidents"][0]["trail"].as_array().unwrap().is_empty());
    for query in ["limit=0", "limit=phone", "cursor=x", "limit=1&limit=2"] {
        let answer = ana.get(&format!("/v1/sdk/sos/history?{query}")).await;
        described.saw(HISTORY, 400, &answer);
    }
}

/// Somebody else's: relayed, cancelled by a stranger, of an unknown device.
async fn others(described: &mut Described, server: &Server) {
    let (ben, gate) = (server.user("ben"), server.user("gate"));
    let device = json!({"hardware_id": "77"});
    ben.post("/v1/sdk/devices", device).await.body(200);
    let named = json!({"deviceId": "77"});
    trigger(described, &ben, json!({})).await;
    cancel(described, &gate, 409, named.clone()).await;
    cancel(described, &gate, 422, json!({"deviceId": "unheard of"})).await;
    trigger(described, &ben, named.clone()).await;
    let marked = cancel(described, &gate, 200, named.clone()).await;
    let flags = marked["incident"]["flags"].as_array().unwrap();
    assert!(flags.contains(&json!("cancel_requested")), "{marked}");
    let relay = json!({"deviceId": "77", "relayNodeId": 5});
    let brief = trigger(described, &gate, relay).await;
    assert_eq!(brief["incident"]["message"], Value::Null);
    cancel(described, &gate, 200, named).await;
    let unknown = json!({"deviceId": "unheard of", "relayNodeId": 5});
    let answer = gate.post("/v1/sdk/sos", unknown).await;
    described.saw(TRIGGER, 422, &answer);
}
