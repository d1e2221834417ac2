//! The description of MQTT is checked in, complete, and true: its addresses are
//! those of the topic grammar, its schemas fit real payloads.

use std::collections::BTreeSet;
use std::path::PathBuf;

use axum::http::Method;
use mayday_core::identity::ExternalUserId;
use mayday_core::ids::UserId;
use mayday_core::topic::{EventFilter, PublishTopic, TopicForm, TopicIdentity};
use mayday_http::asyncapi_json;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::Server;

fn document() -> Value {
    serde_json::from_str(&asyncapi_json()).unwrap()
}

#[test]
fn the_checked_in_document_is_fresh() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/asyncapi.json");
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        checked_in == asyncapi_json(),
        "docs/asyncapi.json is stale: run `cargo xtask openapi`"
    );
}

#[tokio::test]
async fn it_is_served_and_linked() {
    let server = Server::start().await;
    let answer = server.bare(Method::GET, "/asyncapi.json").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.text, asyncapi_json());
    let page = server.bare(Method::GET, "/docs").await.text;
    assert!(page.contains("href=\"/asyncapi.json\""));
}

#[test]
fn every_address_is_one_that_the_server_takes_and_none_is_left_out() {
    let user = UserId(Uuid::from_u128(7));
    let external_id = ExternalUserId::parse("ana:42/ñ").unwrap();
    let identity = TopicIdentity {
        user,
        external_id: &external_id,
        alias_shadowed: false,
    };
    let mut taken = BTreeSet::new();
    let document = document();
    for operation in document["operations"].as_object().unwrap().values() {
        let pointer = operation["channel"]["$ref"].as_str().unwrap();
        let channel = document.pointer(&pointer[1..]).unwrap();
        let topic = channel["address"]
            .as_str()
            .unwrap()
            .replace("{sdkUserId}", &user.to_string())
            .replace("{externalUserId}", "ana%3A42%2F%C3%B1");
        let form = if operation["action"] == "receive" {
            let parsed = identity.publish(&topic);
            format!("{:?}", parsed.unwrap_or_else(|| panic!("{topic}")))
        } else {
            format!("{:?}", identity.filter(&topic))
        };
        assert!(taken.insert(form), "{topic} stands twice");
    }
    let all = [
        format!("{:?}", PublishTopic::Sos(TopicForm::Uuid)),
        format!("{:?}", PublishTopic::Sos(TopicForm::Flat)),
        format!("{:?}", PublishTopic::Telemetry(TopicForm::Uuid)),
        format!("{:?}", PublishTopic::Telemetry(TopicForm::Alias)),
        format!("{:?}", PublishTopic::Telemetry(TopicForm::Flat)),
        format!("{:?}", EventFilter::Own(TopicForm::Uuid)),
        format!("{:?}", EventFilter::Own(TopicForm::Alias)),
    ];
    assert_eq!(taken, BTreeSet::from(all));
}

#[test]
fn every_reference_leads_somewhere() {
    let seen = crate::references::all_lead_somewhere(&document());
    assert!(seen > 30, "{seen}");
}

/// The properties and the required members of a schema, `allOf` and references
/// followed.
fn members(document: &Value, schema: &Value) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut known = BTreeSet::new();
    let mut required = BTreeSet::new();
    let mut pending = vec![schema];
    while let Some(schema) = pending.pop() {
        if let Some(target) = schema["$ref"].as_str() {
            pending.push(document.pointer(&target[1..]).unwrap());
        }
        pending.extend(schema["allOf"].as_array().into_iter().flatten());
        known.extend(
            schema["properties"]
                .as_object()
                .into_iter()
                .flat_map(|p| p.keys().cloned()),
        );
        let names = schema["required"].as_array().into_iter().flatten();
        required.extend(names.map(|name| name.as_str().unwrap().to_owned()));
    }
    (known, required)
}

#[tokio::test]
async fn real_events_fit_their_schemas() {
    let server = Server::start().await;
    let document = document();
    let ana = server.node.caller("ana").await;
    let api = server.user("ana");
    let cry = json!({"timestamp": "2026-09-09T10:00:00Z", "correlationId": "c", "cycleKey": "k", "clientIncidentId": "i"});
    api.post("/v1/sdk/sos", cry.clone()).await.body(200);
    api.post("/v1/sdk/sos/cancel", json!({})).await.body(200);
    server
        .node
        .store
        .clock
        .advance(std::time::Duration::from_mins(1));
    api.post("/v1/sdk/sos", json!({})).await.body(200);
    // Ten minutes is what the default policy allows.
    let clock = &server.node.store.clock;
    clock.advance(std::time::Duration::from_mins(10));
    server.node.app.listen_to_phones().await.unwrap();
    api.post("/v1/sdk/sos", json!({"mobileBattery": 9}))
        .await
        .body(200);
    server.node.app.listen_to_phones().await.unwrap();
    api.post("/v1/sdk/sos/resolve", json!({})).await.body(200);
    let events = {
        let mut tx = server.node.store.read().await.unwrap();
        mayday_app::store::events::read_after(&mut tx, ana.user, 0, 100)
            .await
            .unwrap()
    };
    let mut seen = BTreeSet::new();
    for event in events {
        let body: Value = serde_json::from_slice(&event.render(&ana.user.to_string())).unwrap();
        let kind = body["type"].as_str().unwrap().to_owned();
        let message = match kind.as_str() {
            "sos_ack" => "acknowledged",
            "sos.unanswered" => "unanswered",
            "sos.actuator_update" => "actuatorUpdate",
            "sos.phone_silent" => "phoneSilent",
            "sos.phone_heard" => "phoneHeard",
            "sos.battery_low" => "batteryLow",
            same => same,
        };
        let schema = &document["components"]["messages"][message]["payload"];
        let (known, required) = members(&document, schema);
        let has: BTreeSet<String> = body.as_object().unwrap().keys().cloned().collect();
        assert!(
            has.is_subset(&known),
            "{kind}: {:?} is not described",
            has.difference(&known)
        );
        assert!(
            required.is_subset(&has),
            "{kind}: {:?} is missing",
            required.difference(&has)
        );
        seen.insert(kind);
    }
    let expected = [
        "processed",
        "sos.phone_silent",
        "sos.phone_heard",
        "sos.battery_low",
        "cancelled",
        "resolved",
    ];
    assert!(seen.is_superset(&BTreeSet::from(expected.map(str::to_owned))));
}
