//! Foreign MQTT clients against the binary: trigger, event, telemetry, wrong
//! password, foreign topic, both protocol versions, every transport.
//!
//! paho, mqtt.js and rumqttc run a program each that plays the same scene and
//! reports it as one JSON object, so that all are held to the same sentences.

mod mosquitto;
mod sslscan;

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

/// What carries a client's packets, as the scripts spell it.
const TRANSPORTS: [&str; 4] = ["tcp", "tls", "ws", "wss"];

/// Where the server waits for it.
fn address<'s>(server: &'s Server, transport: &str) -> &'s str {
    match transport {
        "tcp" => &server.mqtt,
        "tls" => server.mqtts.as_ref().unwrap(),
        "ws" => &server.http,
        _ => server.https.as_ref().unwrap(),
    }
}

/// The stage of a scene, as the scripts read it from their standard input.
fn stage(
    home: &Home,
    server: &Server,
    person: &Person,
    (transport, path): (&str, &str),
    version: Version,
) -> Value {
    let (host, port) = address(server, transport).split_once(':').unwrap();
    json!({
        "host": host,
        "transport": transport,
        "path": path,
        "ca": home.certificate(),
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

/// Plays the scene over every transport; WebSockets are at the first path for
/// 3.1.1, at the second for 5.
fn play(name: &str, paths: [&str; 2], command: impl Fn() -> Command) {
    if tools::skipped(name) {
        return;
    }
    let home = Home::new();
    let partner = home.app("acme");
    let server = home.serve_with_tls();
    for transport in TRANSPORTS {
        for (version, path) in Version::BOTH.into_iter().zip(paths) {
            let id = format!("{name}-{transport}-{}", spelled(version));
            let person = partner.person(&id);
            let stage = stage(&home, &server, &person, (transport, path), version);
            let said = tools::run(&mut command(), &stage.to_string());
            assert!(said.success, "{id}: {said:?}");
            let report: Value = serde_json::from_str(said.out.trim())
                .unwrap_or_else(|error| panic!("{id}: {error}: {said:?}"));
            check(&report, &stage, version);
        }
    }
}

#[test]
fn paho_in_python() {
    play("paho", ["/mqtt", "/ws"], || {
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
    play("mqttjs", ["/", "//mqtt"], || {
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

#[test]
fn rumqttc_in_rust() {
    play("rumqttc", ["", "/mqtt"], || {
        Command::new(tools::clients().join("rumqttc/release/rumqttc-scene"))
    });
}
