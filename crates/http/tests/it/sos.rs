//! `/v1/sdk/sos`: shapes and statuses; the rules have their tests in the app.

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Server, User, is_time, keys};

const PATH: &str = "/v1/sdk/sos";
const INCIDENT: [&str; 21] = [
    "acknowledgedAt",
    "actuators",
    "cancelledAt",
    "createdAt",
    "creationTelemetryId",
    "deviceId",
    "flags",
    "hardwareId",
    "id",
    "message",
    "originatorNodeId",
    "owner",
    "positionSnapshot",
    "relayNodeId",
    "relaySource",
    "resolvedAt",
    "source",
    "state",
    "status",
    "triggerSource",
    "updatedAt",
];

fn trigger() -> Value {
    json!({
        "timestamp": "2026-09-09T10:00:00.123456Z",
        "latitude": 41.387_421, "longitude": 2.168_612, "altitude": 12.4,
        "triggerSource": "button_ui", "owner": "app", "message": "help"
    })
}

async fn cry(user: &User<'_>) -> Value {
    user.post(PATH, trigger()).await.body(200)["incident"].take()
}

#[tokio::test]
async fn none_is_null_and_never_404() {
    let server = Server::start().await;
    let ana = server.user("ana");
    assert_eq!(
        ana.get(PATH).await.body(200),
        json!({"incident": null, "receipts": []})
    );
    for path in ["/v1/sdk/sos/cancel", "/v1/sdk/sos/resolve"] {
        let answer = ana.call(Method::POST, path, Body::empty()).await;
        assert_eq!(answer.body(200), json!({"incident": null}), "{path}");
    }
}

#[tokio::test]
async fn an_incident_has_every_member() {
    let server = Server::start().await;
    let ana = server.user("ana");
    let incident = cry(&ana).await;
    assert_eq!(keys(&incident), INCIDENT);
    assert_eq!(incident["state"], "active");
    assert_eq!(incident["status"], "active");
    assert!(is_time(&incident["createdAt"]) && is_time(&incident["updatedAt"]));
    assert_eq!(
        keys(&incident["positionSnapshot"]),
        ["altitude", "latitude", "longitude", "source", "timestamp"]
    );
    assert_eq!(keys(&incident["actuators"]), ["items", "snapshotVersion"]);
    assert_eq!(incident["message"], "help");
    assert_eq!(incident["flags"], json!([]));
    assert_eq!(ana.get(PATH).await.body(200)["incident"], incident);
}

#[tokio::test]
async fn a_repeat_updates_and_an_empty_or_unreadable_body_is_heard() {
    let server = Server::start().await;
    let ana = server.user("ana");
    let first = cry(&ana).await;
    for body in ["", "{", "[1]", "\u{0}\u{1}"] {
        let answer = ana.call(Method::POST, PATH, body.to_owned()).await;
        assert_eq!(answer.body(200)["incident"]["id"], first["id"], "{body:?}");
    }
    let unreadable = server.user("ben").call(Method::POST, PATH, "{").await;
    let flags = unreadable.body(200)["incident"]["flags"].take();
    assert!(
        flags
            .as_array()
            .unwrap()
            .contains(&json!("malformed_payload"))
    );
}

#[tokio::test]
async fn a_body_above_the_limit_is_heard_and_flagged() {
    let server = Server::start().await;
    let mut large = trigger();
    large["message"] = "x".repeat(300_000).into();
    let answer = server.user("ana").post(PATH, large).await;
    let incident = answer.body(200)["incident"].take();
    let flags = incident["flags"].as_array().unwrap();
    assert!(flags.contains(&json!("oversized")), "{flags:?}");
    let mut fits = trigger();
    fits["future"] = "x".repeat(200_000).into();
    let answer = server.user("ben").post(PATH, fits).await;
    assert_eq!(answer.body(200)["incident"]["flags"], json!([]));
}

#[tokio::test]
async fn cancel_and_resolve_show_the_incident_as_it_ended() {
    let server = Server::start().await;
    for (path, state, time) in [
        ("/v1/sdk/sos/cancel", "cancelled", "cancelledAt"),
        ("/v1/sdk/sos/resolve", "resolved", "resolvedAt"),
    ] {
        let ana = server.user(state);
        let open = cry(&ana).await;
        let answer = ana.call(Method::POST, path, Body::empty()).await;
        let ended = answer.body(200)["incident"].take();
        assert_eq!(ended["id"], open["id"]);
        assert_eq!(ended["state"], state);
        assert!(is_time(&ended[time]));
        assert_eq!(
            ana.get(PATH).await.body(200),
            json!({"incident": null, "receipts": []})
        );
    }
}

#[tokio::test]
async fn cancelling_by_device_is_409_or_422_when_it_does_not_fit() {
    let server = Server::start().await;
    let ana = server.user("ana");
    let device = json!({"hardware_id": "305419896"});
    ana.post("/v1/sdk/devices", device).await.body(200);
    cry(&ana).await;
    let path = "/v1/sdk/sos/cancel";
    let other = ana.post(path, json!({"deviceId": "305419896"})).await;
    other.error(409, "conflict");
    let unknown = ana.post(path, json!({"deviceId": "7"})).await;
    let error = unknown.error(422, "validation_error");
    assert_eq!(error["fields"][0]["pointer"], "/deviceId");
    let broken = ana.call(Method::POST, path, "{").await;
    broken.error(400, "validation_error");
    assert_eq!(ana.get(PATH).await.body(200)["incident"]["state"], "active");
}

#[tokio::test]
async fn a_gateway_sees_no_more_than_it_must_of_somebody_elses_incident() {
    let server = Server::start().await;
    let device = json!({"hardware_id": "2271560481"});
    let ana = server.user("ana");
    ana.post("/v1/sdk/devices", device).await.body(200);
    let mut relayed = trigger();
    relayed["deviceId"] = "2271560481".into();
    relayed["relayNodeId"] = 305_419_896.into();
    let gateway = server.user("gateway");
    let brief = gateway.post(PATH, relayed).await.body(200)["incident"].take();
    assert_eq!(keys(&brief), ["flags", "id", "state", "status"]);
    let own = ana.get(PATH).await.body(200)["incident"].take();
    assert_eq!(own["id"], brief["id"]);
    assert_eq!(
        gateway.get(PATH).await.body(200),
        json!({"incident": null, "receipts": []})
    );
}

#[tokio::test]
async fn a_relay_of_an_unknown_device_is_a_422_that_clients_react_to() {
    let server = Server::start().await;
    let mut relayed = trigger();
    relayed["deviceId"] = "2271560481".into();
    relayed["relayNodeId"] = 305_419_896.into();
    let gateway = server.user("gateway");
    let error = gateway
        .post(PATH, relayed)
        .await
        .error(422, "validation_error");
    assert_eq!(error["fields"][0]["pointer"], "/deviceId");
    assert_eq!(
        gateway.get(PATH).await.body(200),
        json!({"incident": null, "receipts": []})
    );
}

#[tokio::test]
async fn the_history_is_paged_newest_first() {
    let server = Server::start().await;
    let ana = server.user("ana");
    let mut ids = Vec::new();
    for second in 1..=3 {
        server
            .node
            .store
            .clock
            .advance(std::time::Duration::from_secs(second));
        let mut body = trigger();
        body["timestamp"] = format!("2026-09-09T10:00:0{second}.000Z").into();
        body["mobileBattery"] = json!(71);
        let opened = ana.post(PATH, body).await.body(200)["incident"].take();
        ids.insert(0, opened["id"].clone());
        ana.call(Method::POST, "/v1/sdk/sos/resolve", Body::empty())
            .await
            .body(200);
    }
    let page = ana.get("/v1/sdk/sos/history?limit=2").await.body(200);
    assert_eq!(keys(&page), ["incidents", "pagination"]);
    assert_eq!(keys(&page["pagination"]), ["has_more", "next_cursor"]);
    let items = page["incidents"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(keys(&items[0]), ["creationTelemetry", "incident", "trail"]);
    assert_eq!(
        keys(&items[0]["creationTelemetry"]),
        [
            "altitude",
            "deviceBattery",
            "deviceCoverage",
            "id",
            "latitude",
            "longitude",
            "mobileBattery",
            "mobileCoverage",
            "occurredAt"
        ]
    );
    assert_eq!(items[0]["incident"]["id"], ids[0]);
    // As sent: 71, not 71.0.
    let battery = &items[0]["creationTelemetry"]["mobileBattery"];
    assert_eq!(*battery, json!(71));
    assert_eq!(
        items[0]["creationTelemetry"]["occurredAt"],
        "2026-09-09T10:00:03.000Z"
    );
    assert_eq!(page["pagination"]["has_more"], true);
    let cursor = page["pagination"]["next_cursor"].as_str().unwrap();
    let last = ana
        .get(&format!("/v1/sdk/sos/history?limit=2&cursor={cursor}"))
        .await
        .body(200);
    assert_eq!(last["incidents"][0]["incident"]["id"], ids[2]);
    assert_eq!(
        last["pagination"],
        json!({"next_cursor": null, "has_more": false})
    );
}

#[tokio::test]
async fn a_wrong_limit_or_cursor_is_a_400() {
    let server = Server::start().await;
    let ana = server.user("ana");
    for query in ["limit=0", "limit=101", "limit=x", "cursor=nonsense"] {
        let path = format!("/v1/sdk/sos/history?{query}");
        ana.get(&path).await.error(400, "validation_error");
    }
    ana.get("/v1/sdk/sos/history?limit=&other=1")
        .await
        .body(200);
}
