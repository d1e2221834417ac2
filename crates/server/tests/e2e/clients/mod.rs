//! Foreign MQTT clients against the binary: trigger, event, telemetry, wrong
//! password, foreign topic, both protocol versions.
//!
//! paho and mqtt.js run a script each that plays the same scene and reports it
//! as one JSON object, so that both are held to the same sentences.

mod mosquitto;

use std::process::Command;

use serde_json::{Value, json};

use super::harness::clock;
use super::harness::mqtt::Version;
use super::harness::person::Person;
use super::harness::server::{Home, Server};
use super::harness::tools;

/// 3.1.1 as the scripts and `mosquitto_pub -V` spell it.
fn spelled(version: Version) -> &'static str {
    match version {
        Version::V311 => "311",
        Version::V5 => "5",
    }
}

/// The stage of a scene, as the scripts read it from their standard input.
fn stage(server: &Server, person: &Person, version: Version) -> Value {
    let (host, port) = server.mqtt.split_once(':').unwrap();
    json!({
        "host": host,
        "port": port.parse::<u16>().unwrap(),
        "version": spelled(version),
        "username": person.username(),
        "password": person.hash,
        "uuid": person.uuid(server),
        "alias": person.external_id,
        "timestamp": clock::iso(clock::now()),
    })
}

/// What each client must report of the scene.
fn check(report: &Value, stage: &Value, version: Version) {
    // 5: 0x86 bad user name or password, or 0x87 not authorised; 3.1.1: 4 or 5.
    let refused = report["wrong_password"].as_u64().unwrap();
    match version {
        Version::V5 => assert!([0x86, 0x87].contains(&refused), "{report}"),
        Version::V311 => assert!([4, 5].contains(&refused), "{report}"),
    }
    assert_eq!(report["subscribed"], json!([1, 1]), "{report}");
    assert_eq!(report["sos"], json!(0), "{report}");
    assert_eq!(report["telemetry"], json!(0), "{report}");
    let event = &report["event"];
    assert_eq!(event["type"], "processed", "{report}");
    assert_eq!(event["status"], "active", "{report}");
    assert_eq!(event["userId"], stage["uuid"], "{report}");
    assert_eq!(event["occurredAt"], stage["timestamp"], "{report}");
    assert!(event["snapshotVersion"].as_u64().is_some(), "{report}");
    match version {
        Version::V5 => assert_eq!(report["foreign"], json!(0x87), "{report}"),
        Version::V311 => assert_eq!(report["foreign"], "closed", "{report}"),
    }
}

fn play(name: &str, command: impl Fn() -> Command) {
    if tools::skipped(name) {
        return;
    }
    let home = Home::new();
    let partner = home.app("acme");
    let server = home.serve();
    for version in Version::BOTH {
        let person = partner.person(&format!("{name}-{}", spelled(version)));
        let stage = stage(&server, &person, version);
        let said = tools::run(&mut command(), &stage.to_string());
        assert!(said.success, "{name} {version:?}: {said:?}");
        let report: Value = serde_json::from_str(said.out.trim())
            .unwrap_or_else(|error| panic!("{error}: {said:?}"));
        check(&report, &stage, version);
    }
}

#[test]
fn paho_in_python() {
    play("paho", || {
        let mut command = Command::new(tools::clients().join("venv/bin/python3"));
        command.arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/e2e/clients/scene.py"
        ));
        command
    });
}

#[test]
fn mqtt_js_in_node() {
    play("mqttjs", || {
        let mut command = Command::new("node");
        command
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/e2e/clients/scene.js"
            ))
            .env("NODE_PATH", tools::clients().join("node_modules"));
        command
    });
}
