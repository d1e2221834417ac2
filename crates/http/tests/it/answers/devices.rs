//! `/v1/sdk/devices`.

use serde_json::json;

use super::described::Described;
use crate::harness::Server;

const PATH: &str = "/v1/sdk/devices";
const REMOVE: &str = "DELETE /v1/sdk/devices/{id}";

pub(super) async fn answers(described: &mut Described) {
    let server = Server::start().await;
    let ana = server.user("ana");
    let full = json!({"hardware_id": "CF:82:12", "firmware_version": "2.5.1",
        "hardware_model": "EIXAM R1", "paired_at": "2026-09-01T08:00:00Z"});
    let made = ana.post(PATH, full).await;
    let made = described.saw("POST /v1/sdk/devices", 200, &made);
    let bare = ana.post(PATH, json!({"hardware_id": "77"})).await;
    described.saw("POST /v1/sdk/devices", 200, &bare);
    for wrong in [
        json!({}),
        json!([]),
        json!({"hardware_id": "Meshtastic_1aa8"}),
        json!({"hardware_id": "78", "hardware_model": 5, "paired_at": "yesterday"}),
    ] {
        described.saw("POST /v1/sdk/devices", 400, &ana.post(PATH, wrong).await);
    }
    described.saw("GET /v1/sdk/devices", 200, &ana.get(PATH).await);
    let path = format!("{PATH}/{}", made["device"]["id"].as_str().unwrap());
    described.saw(REMOVE, 204, &ana.delete(&path).await);
    described.saw(REMOVE, 404, &ana.delete(&path).await);
}
