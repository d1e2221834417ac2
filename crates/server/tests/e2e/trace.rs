//! Nothing is acknowledged before the disk has it: strace watches the system
//! calls, and before each PUBACK stands an fsync or fdatasync of the file that
//! holds what is acknowledged.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::harness::clock;
use super::harness::mqtt::{Mqtt, Version};
use super::harness::server::{Home, How};
use super::harness::tools;

/// Publishes of each kind, one after the other, so that no PUBACK can hide
/// behind the sync of a neighbour.
const PUBLISHES: usize = 25;
/// A sample that waits about a second goes another way to the disk.
const SLOW: Duration = Duration::from_millis(500);

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
    let slow = publish(&mut phone, &format!("tel/{uuid}/data"));
    phone.disconnect();
    assert_eq!(server.stop(), Some(0));

    let acknowledged = acknowledgements(&trace);
    assert_eq!(acknowledged.len(), 2 * PUBLISHES, "PUBACKs in the trace");
    let mut elsewhere = 0;
    for (number, synced) in acknowledged.iter().enumerate() {
        let telemetry = number >= sos;
        let of = |telemetry: bool| {
            let mut files = synced.iter().filter(|file| file.contains("/data/"));
            files.any(|file| file.contains("/telemetry/") == telemetry)
        };
        let own = of(telemetry);
        // A sample that waited for a second is stored where an SOS is.
        let spilled = !own && telemetry && of(false);
        elsewhere += usize::from(spilled);
        assert!(
            own || spilled,
            "PUBACK {number} ({}) came without a sync of its file before it; synced since the last: {synced:?}",
            if telemetry { "telemetry" } else { "SOS" }
        );
    }
    // While a writer stands still, so are those after it.
    assert!(
        elsewhere == 0 || slow > 0,
        "{elsewhere} samples went another way, and none was late"
    );
}

/// How many acknowledgements took so long that a sample may go another way.
#[expect(
    clippy::disallowed_methods,
    reason = "the acknowledgement is timed from outside"
)]
fn publish(phone: &mut Mqtt, topic: &str) -> usize {
    let mut slow = 0;
    for _ in 0..PUBLISHES {
        let body = json!({
            "timestamp": clock::iso(clock::now()),
            "latitude": 41.38,
            "longitude": 2.17,
        });
        let began = Instant::now();
        let code = phone
            .publish_acked(topic, body.to_string().as_bytes())
            .unwrap();
        assert_eq!(code, 0);
        slow += usize::from(began.elapsed() > SLOW);
        // Everything that this publish caused is written before the next is sent.
        phone.next(Duration::from_millis(1)).unwrap();
    }
    slow
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
