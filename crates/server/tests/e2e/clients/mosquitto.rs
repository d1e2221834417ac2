//! `mosquitto_pub` and `mosquitto_sub`, as a newcomer types them.

use std::process::Command;

use serde_json::Value;

use super::spelled;
use crate::harness::clock;
use crate::harness::mqtt::Version;
use crate::harness::person::Person;
use crate::harness::server::{Home, Server};
use crate::harness::tools::{self, Said, Talker};

fn body(timestamp: &str) -> String {
    format!(r#"{{"timestamp":"{timestamp}","latitude":41.38,"longitude":2.17}}"#)
}

/// Into a pipe it would keep its lines to itself; `stdbuf` makes it speak.
fn mosquitto(program: &str, server: &Server, person: &Person, version: Version) -> Command {
    let (host, port) = server.mqtt.split_once(':').unwrap();
    let mut command = Command::new("stdbuf");
    command
        .args(["-oL", program])
        .args(["-h", host, "-p", port, "-V", spelled(version), "-q", "1"])
        .args(["-u", &person.username(), "-P", &person.hash]);
    command
}

fn publish(server: &Server, person: &Person, version: Version, topic: &str, body: &str) -> Said {
    let mut command = mosquitto("mosquitto_pub", server, person, version);
    tools::run(command.args(["-t", topic, "-m", body]), "")
}

#[test]
fn mosquitto_raises_an_sos_and_hears_its_event() {
    if tools::skipped("mosquitto") {
        return;
    }
    let home = Home::new();
    let partner = home.app("acme");
    let server = home.serve();
    for version in Version::BOTH {
        let person = partner.person(&format!("mosquitto {}", spelled(version)));
        let uuid = person.uuid(&server);
        let events = format!("sos/events/{uuid}");
        let mut subscribe = mosquitto("mosquitto_sub", &server, &person, version);
        let subscriber = Talker::start(subscribe.args(["-d", "-t", &events]));
        subscriber.hear("Subscribed");

        let timestamp = clock::iso(clock::now());
        let sos = body(&timestamp);
        let said = publish(
            &server,
            &person,
            version,
            &format!("sos/alerts/{uuid}"),
            &sos,
        );
        assert!(said.success && said.err.is_empty(), "{version:?}: {said:?}");
        let event: Value = serde_json::from_str(&subscriber.hear("processed")).unwrap();
        assert_eq!(event["occurredAt"], timestamp.as_str());
        assert_eq!(event["userId"], uuid.as_str());

        let said = publish(&server, &person, version, &format!("tel/{uuid}/data"), &sos);
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
    let server = home.serve();
    let other = partner.person("other").uuid(&server);
    let sos = body(&clock::iso(clock::now()));
    for version in Version::BOTH {
        let person = partner.person("ana");
        let mut liar = person.clone();
        liar.hash = "0".repeat(64);
        let said = publish(&server, &liar, version, "sos/alerts", &sos);
        assert!(!said.success, "{version:?}: {said:?}");
        let words = said.err.to_lowercase();
        assert!(
            words.contains("authori") || words.contains("password"),
            "{version:?}: {said:?}"
        );

        let said = publish(
            &server,
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
