//! `/v1/sdk/devices`.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Server, is_time, keys};

#[tokio::test]
async fn a_device_is_registered_listed_and_removed() {
    let server = Server::start().await;
    let ana = server.user("ana");
    let body = ana.get("/v1/sdk/devices").await.body(200);
    assert_eq!(body, json!({"devices": []}));
    let device = json!({
        "hardware_id": "CF:82:12:34:56:78",
        "firmware_version": "2.5.1",
        "hardware_model": "EIXAM R1",
        "paired_at": "2026-09-01T08:00:00.000000Z",
        "unknown": true
    });
    let body = ana.post("/v1/sdk/devices", device).await.body(200);
    assert_eq!(keys(&body), ["device"]);
    let device = &body["device"];
    assert_eq!(
        keys(device),
        [
            "created_at",
            "firmware_version",
            "hardware_id",
            "hardware_model",
            "id",
            "ownership",
            "paired_at",
            "updated_at"
        ]
    );
    assert_eq!(device["hardware_id"], "CF:82:12:34:56:78");
    assert_eq!(device["paired_at"], "2026-09-01T08:00:00.000Z");
    assert_eq!(device["ownership"], "owner");
    assert!(is_time(&device["created_at"]) && is_time(&device["updated_at"]));
    let list = ana.get("/v1/sdk/devices").await.body(200);
    assert_eq!(list["devices"], json!([device]));
    let path = format!("/v1/sdk/devices/{}", device["id"].as_str().unwrap());
    ana.delete(&path).await.nothing();
    ana.delete(&path).await.error(404, "not_found");
    ana.delete("/v1/sdk/devices/CF:82")
        .await
        .error(404, "not_found");
}

#[tokio::test]
async fn registering_again_is_the_same_device() {
    let server = Server::start().await;
    let ana = server.user("ana");
    let device = json!({"hardware_id": "305419896"});
    let first = ana.post("/v1/sdk/devices", device.clone()).await.body(200);
    let second = ana.post("/v1/sdk/devices", device).await.body(200);
    assert_eq!(first["device"]["id"], second["device"]["id"]);
}

#[tokio::test]
async fn a_later_claim_is_answered_200_and_contested() {
    let server = Server::start().await;
    let device = json!({"hardware_id": "305419896"});
    server
        .user("ana")
        .post("/v1/sdk/devices", device.clone())
        .await
        .body(200);
    server.node.store.clock.advance(Duration::from_secs(1));
    let claim = server.user("ben").post("/v1/sdk/devices", device).await;
    assert_eq!(claim.body(200)["device"]["ownership"], "contested");
}

#[tokio::test]
async fn a_friendly_name_or_none_is_a_400_that_names_the_field() {
    let server = Server::start().await;
    let ana = server.user("ana");
    for wrong in [json!({}), json!({"hardware_id": "Meshtastic_1aa8"})] {
        let error = ana
            .post("/v1/sdk/devices", wrong)
            .await
            .error(400, "validation_error");
        assert_eq!(error["fields"][0]["pointer"], "/hardware_id");
    }
}
