//! `GET /v1/sdk/me/export` and `DELETE /v1/sdk/me`.

use serde_json::json;

use crate::harness::Server;

#[tokio::test]
async fn an_export_is_one_document() {
    let server = Server::start().await;
    let ana = server.user("ana");
    ana.put("/v1/sdk/me", json!({"name": "Ana"}))
        .await
        .body(200);
    ana.post("/v1/sdk/sos", json!({"message": "help"}))
        .await
        .body(200);
    let sample = json!({"timestamp": "2026-09-09T09:59:00Z", "latitude": 1.5, "longitude": 2});
    let stored = ana.post("/v1/sdk/telemetry", sample).await;
    assert_eq!(stored.status.as_u16(), 200);
    let answer = ana.get("/v1/sdk/me/export").await;
    let document = answer.body(200);
    assert_eq!(document["format"], 1);
    assert_eq!(document["profile"][0]["name"], "Ana");
    assert_eq!(document["incidents"][0]["message"], "help");
    assert_eq!(document["telemetry"][0]["latitude"], 1.5);
    let attachment = answer.header("content-disposition").unwrap();
    assert!(attachment.starts_with("attachment"));
    let other = server.user("ben").get("/v1/sdk/me/export").await.body(200);
    assert_eq!(other["incidents"], json!([]));
}

#[tokio::test]
async fn an_erased_user_is_another_one_from_then_on() {
    let server = Server::start().await;
    let ana = server.user("ana");
    ana.put("/v1/sdk/me", json!({"name": "Ana"}))
        .await
        .body(200);
    let before = ana.get("/v1/sdk/me").await.body(200)["user"].take();
    ana.post("/v1/sdk/sos", json!({})).await.body(200);
    let refused = ana.delete("/v1/sdk/me").await;
    let error = refused.error(409, "conflict");
    assert!(error["message"].as_str().unwrap().contains("SOS"));
    ana.post("/v1/sdk/sos/resolve", json!({})).await.body(200);
    ana.delete("/v1/sdk/me").await.nothing();
    let after = ana.get("/v1/sdk/me").await.body(200)["user"].take();
    assert_ne!(after["id"], before["id"]);
    assert_eq!(
        (after["name"].as_str(), before["name"].as_str()),
        (Some(""), Some("Ana"))
    );
    let history = ana.get("/v1/sdk/sos/history").await.body(200);
    assert_eq!(history["incidents"], json!([]));
}
