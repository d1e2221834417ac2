//! `mosquitto_pub` and `mosquitto_sub`, as a newcomer types them.

use std::process::Command;

use serde_json::Value;

use super::{address, spelled};
use crate::harness::clock;
use crate::harness::mqtt::Version;
use crate::harness::person::Person;
use crate::harness::server::{Home, Server};
use crate::harness::tools::{self, Said, Talker};

fn body(timestamp: &str) -> String {
    format!(r#"{{"timestamp":"{timestamp}","latitude":41.38,"longitude":2.17}}"#)
}

/// Into a pipe it would keep its lines to itself; `stdbuf` makes it speak.
fn mosquitto(program: &str, scene: &Scene<'_>, person: &Person, version: Version) -> Command {
    let (host, port) = address(scene.server, scene.transport)
        .split_once(':')
        .unwrap();
    let mut command = Command::new("stdbuf");
    command
        .args(["-oL", program])
        .args(["-h", host, "-p", port, "-V", spelled(version), "-q", "1"])
        .args(["-u", &person.username(), "-P", &person.hash]);
    if scene.transport == "tls" {
        command.arg("--cafile").arg(scene.home.certificate());
    }
    command
}

/// It speaks plain and with TLS, but no WebSocket.
const SPOKEN: [&str; 2] = ["tcp", "tls"];

/// Where it goes.
struct Scene<'a> {
    home: &'a Home,
    server: &'a Server,
    transport: &'static str,
}

fn publish(scene: &Scene<'_>, person: &Person, version: Version, topic: &str, body: &str) -> Said {
    let mut command = mosquitto("mosquitto_pub", scene, person, version);
    tools::run(command.args(["-t", topic, "-m", body]), "")
}

/// Each transport that it speaks with each version.
fn both_of_each() -> impl Iterator<Item = (&'static str, Version)> {
    let versions = |transport| Version::BOTH.map(|version| (transport, version));
    SPOKEN.into_iter().flat_map(versions)
}

#[test]
fn mosquitto_raises_an_sos_and_hears_its_event() {
    if tools::skipped("mosquitto") {
        return;
    }
    let home = Home::new();
    let partner = home.app("acme");
    let server = home.serve_with_tls();
    for (transport, version) in both_of_each() {
        let scene = Scene {
            home: &home,
            server: &server,
            transport,
        };
        let person = partner.person(&format!("mosquitto {transport} {}", spelled(version)));
        let uuid = person.uuid(&server);
        let events = format!("sos/events/{uuid}");
        let mut subscribe = mosquitto("mosquitto_sub", &scene, &person, version);
        let subscriber = Talker::start(subscribe.args(["-d", "-t", &events]));
        subscriber.hear("Subscribed");

        let timestamp = clock::iso(clock::now());
        let sos = body(&timestamp);
        let said = publish(
            &scene,
            &person,
            version,
            &format!("sos/alerts/{uuid}"),
            &sos,
        );
        assert!(said.success && said.err.is_empty(), "{version:?}: {said:?}");
        let event: Value = serde_json::from_str(&subscriber.hear("processed")).unwrap();
        assert_eq!(event["occurredAt"], timestamp.as_str());
        assert_eq!(event["userId"], uuid.as_str());

        let said = publish(&scene, &person, version, &format!("tel/{uuid}/data"), &sos);
        assert!(said.success && said.err.is_empty(), "{version:?}: {said:?}");

        let open = person
            .http(&server, "GET", "/v1/sdk/sos", "")
            .unwrap()
            .json();
        assert_eq!(open["incident"]["id"], event["incidentId"]);
        assert_eq!(open["incident"]["state"], "active");
    }
}

#[test]
fn mosquitto_is_refused_with_a_wrong_password_and_on_a_foreign_topic() {
    if tools::skipped("mosquitto") {
        return;
    }
    let home = Home::new();
    let partner = home.app("acme");
    let server = home.serve_with_tls();
    let other = partner.person("other").uuid(&server);
    let sos = body(&clock::iso(clock::now()));
    for (transport, version) in both_of_each() {
        let scene = Scene {
            home: &home,
            server: &server,
            transport,
        };
        let person = partner.person("ana");
        let mut liar = person.clone();
        liar.hash = "0".repeat(64);
        let said = publish(&scene, &liar, version, "sos/alerts", &sos);
        assert!(!said.success, "{version:?}: {said:?}");
        let words = said.err.to_lowercase();
        assert!(
            words.contains("authori") || words.contains("password"),
            "{version:?}: {said:?}"
        );

        let said = publish(
            &scene,
            &person,
            version,
            &format!("sos/alerts/{other}"),
            &sos,
        );
        match version {
            Version::V5 => assert!(said.err.contains("Not authorized"), "{said:?}"),
            Version::V311 => assert!(!said.success, "{said:?}"),
        }
    }
    let nobody_is_hurt = partner.person("other");
    let open = nobody_is_hurt
        .http(&server, "GET", "/v1/sdk/sos", "")
        .unwrap()
        .json();
    assert_eq!(open["incident"], Value::Null);
}
