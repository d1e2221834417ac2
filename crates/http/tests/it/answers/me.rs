//! `/v1/sdk/me`.

use serde_json::json;

use super::described::Described;
use crate::harness::Server;

const PATH: &str = "/v1/sdk/me";

pub(super) async fn answers(described: &mut Described) {
    let server = Server::start().await;
    let ana = server.user("ana");
    described.saw("GET /v1/sdk/me", 200, &ana.get(PATH).await);
    let change = json!({"name": "Ana", "email": "a@b.example", "phone": "+34600111222",
        "address": "C/ Mayor 1"});
    let changed = ana.put(PATH, change).await;
    described.saw("PUT /v1/sdk/me", 200, &changed);
    described.saw("GET /v1/sdk/me", 200, &ana.get(PATH).await);
    let wrong = [
        json!([]),
        json!({"name": 5}),
        json!({"phone": "600", "email": "x"}),
        json!({"address": "x".repeat(256)}),
    ];
    for body in wrong {
        described.saw("PUT /v1/sdk/me", 400, &ana.put(PATH, body).await);
    }
    ana.post("/v1/sdk/sos", json!({"message": "help"})).await;
    let sample = json!({"timestamp": "2026-09-09T09:59:00Z", "latitude": 1.5, "longitude": 2});
    ana.post("/v1/sdk/telemetry", sample).await;
    let exported = ana.get("/v1/sdk/me/export").await;
    described.saw("GET /v1/sdk/me/export", 200, &exported);
    described.saw("DELETE /v1/sdk/me", 409, &ana.delete(PATH).await);
    ana.post("/v1/sdk/sos/resolve", json!({})).await;
    described.saw("DELETE /v1/sdk/me", 204, &ana.delete(PATH).await);
}
