//! Nothing is acknowledged before the disk has it: strace watches the system
//! calls, and before each PUBACK stands an fsync or fdatasync of the file that
//! holds what is acknowledged.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::harness::clock;
use super::harness::mqtt::{Mqtt, Version};
use super::harness::server::{Home, How};
use super::harness::tools;

/// Publishes of each kind, one after the other, so that no PUBACK can hide
/// behind the sync of a neighbour.
const PUBLISHES: usize = 25;

#[test]
fn every_puback_follows_a_sync() {
    if tools::skipped("strace") {
        return;
    }
    let home = Home::new();
    let partner = home.app("acme");
    let trace = home.beside("trace.txt");
    let server = home.serve_how(&How {
        under: ["strace", "-f", "-qq", "-yy", "-x", "-s", "8", "-e"]
            .into_iter()
            .chain(["trace=fsync,fdatasync,write,writev,sendto,sendmsg", "-o"])
            .map(str::to_owned)
            .chain([trace.to_string_lossy().into_owned()])
            .collect(),
        ..How::default()
    });
    let person = partner.person("ana");
    let uuid = person.uuid(&server);
    let mut phone = person.connect(&server, Version::V311, "phone");

    publish(&mut phone, &format!("sos/alerts/{uuid}"));
    let sos = PUBLISHES;
    publish(&mut phone, &format!("tel/{uuid}/data"));
    phone.disconnect();
    assert_eq!(server.stop(), Some(0));

    let acknowledged = acknowledgements(&trace);
    assert_eq!(acknowledged.len(), 2 * PUBLISHES, "PUBACKs in the trace");
    for (number, synced) in acknowledged.iter().enumerate() {
        let telemetry = number >= sos;
        let own = synced
            .iter()
            .any(|file| file.contains("/telemetry/") == telemetry && file.contains("/data/"));
        assert!(
            own,
            "PUBACK {number} ({}) came without a sync of its file before it; synced since the last: {synced:?}",
            if telemetry { "telemetry" } else { "SOS" }
        );
    }
}

fn publish(phone: &mut Mqtt, topic: &str) {
    for _ in 0..PUBLISHES {
        let body = json!({
            "timestamp": clock::iso(clock::now()),
            "latitude": 41.38,
            "longitude": 2.17,
        });
        let code = phone
            .publish_acked(topic, body.to_string().as_bytes())
            .unwrap();
        assert_eq!(code, 0);
        // Everything that this publish caused is written before the next is sent.
        phone.next(Duration::from_millis(1)).unwrap();
    }
}

/// For each PUBACK in the trace: the files whose sync ended since the one before.
fn acknowledgements(trace: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(trace).unwrap();
    let mut pending: Vec<(String, String)> = Vec::new();
    let mut synced = Vec::new();
    let mut acknowledged = Vec::new();
    for line in text.lines() {
        let (thread, call) = line.split_once(' ').unwrap_or(("", line));
        let call = call.trim_start();
        let is_sync = call.starts_with("fsync(") || call.starts_with("fdatasync(");
        if is_sync {
            let file = between(call, '<', '>').unwrap_or_default().to_owned();
            if call.contains("<unfinished") {
                pending.push((thread.to_owned(), file));
            } else if call.ends_with("= 0") {
                synced.push(file);
            }
        } else if call.starts_with("<...") && call.contains("sync resumed") {
            if let Some(at) = pending.iter().position(|(waiting, _)| waiting == thread) {
                let (_, file) = pending.swap_remove(at);
                if call.ends_with("= 0") {
                    synced.push(file);
                }
            }
        } else if call.contains("TCP:") && call.contains(r#""\x40\x02\x00"#) {
            acknowledged.push(std::mem::take(&mut synced));
        }
    }
    acknowledged
}

/// The path in `fdatasync(12</data/state.db-wal>)`.
fn between(text: &str, open: char, close: char) -> Option<&str> {
    let (_, rest) = text.split_once(open)?;
    let (inside, _) = rest.split_once(close)?;
    Some(inside)
}
