//! Telemetry may stand still, an SOS may not.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::json;

use super::harness::clock;
use super::harness::mqtt::{LIMIT, Packet, Version};
use super::harness::server::{Home, How};
use super::harness::tools;

/// Telemetry publishes in flight before the SOS.
const IN_FLIGHT: usize = 64;
/// From the SOS's PUBLISH to its PUBACK, on a machine that has time for it.
const LIMIT_OF_SOS: Duration = Duration::from_millis(200);
/// So many servers must be that soon ..
const IN_TIME: usize = 4;
/// .. of these: a disk that stands still makes any late.
const SERVERS: usize = 8;

#[test]
fn an_sos_behind_frozen_telemetry_is_acknowledged_in_time_on_both_versions() {
    if tools::skipped("faults") {
        return;
    }
    for version in Version::BOTH {
        let mut took = Vec::new();
        let mut in_time = (0..SERVERS).filter(|_| {
            took.push(behind_frozen_telemetry(version));
            took.last().is_some_and(|took| *took < LIMIT_OF_SOS)
        });
        let are_enough = in_time.nth(IN_TIME - 1).is_some();
        println!("{version:?}: {took:?}");
        assert!(are_enough, "{version:?}: {took:?}");
    }
}

/// How long an SOS takes on a server of its own: one that has stood still for a while
/// takes its telemetry another way.
#[expect(
    clippy::disallowed_methods,
    reason = "the acknowledgement is timed from outside"
)]
fn behind_frozen_telemetry(version: Version) -> Duration {
    let binary = std::env::var_os("MAYDAY_BIN_FAULTS").map(PathBuf::from);
    let home = Home::new();
    let partner = home.app("acme");
    let server = home.serve_how(&How {
        binary: Some(binary.expect("MAYDAY_BIN_FAULTS: `cargo xtask test` builds and names it")),
        faults: Some("freeze_telemetry"),
        ..How::default()
    });
    let person = partner.person("ana");
    let uuid = person.uuid(&server);
    let mut phone = person.connect(&server, version, "phone");
    let body = |at: i64| {
        json!({"timestamp": clock::iso(at), "latitude": 41.38, "longitude": 2.17}).to_string()
    };
    let now = clock::now();
    let mut sent = Vec::new();
    for number in 0..IN_FLIGHT {
        let at = now + i64::try_from(number).unwrap() * 1_000;
        let id = phone.publish(&format!("tel/{uuid}/data"), body(at).as_bytes(), 1);
        sent.push(id.unwrap());
    }
    let began = Instant::now();
    let sos = phone
        .publish("sos/alerts", body(clock::now()).as_bytes(), 1)
        .unwrap();
    sent.push(sos);
    let mut acknowledged = Vec::new();
    while acknowledged.last() != Some(&sos) {
        match phone.next(LIMIT).unwrap() {
            Some(Packet::Puback { id, code: 0 }) => acknowledged.push(id),
            other => panic!("{version:?}: {other:?} instead of a PUBACK"),
        }
    }
    let took = began.elapsed();
    assert_eq!(acknowledged, sent, "{version:?}: in PUBLISH order");
    took
}
