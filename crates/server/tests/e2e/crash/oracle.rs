//! Asks through the public API for everything that was acknowledged.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::load::{Journal, Must};
use crate::harness::clock;
use crate::harness::mqtt::{LIMIT, Packet, Version};
use crate::harness::server::Server;

/// Everything that was acknowledged and is not there; empty when all is well.
pub(super) fn losses(server: &Server, journals: &[Journal]) -> Vec<String> {
    journals
        .iter()
        .flat_map(|journal| {
            let mut found = Vec::new();
            check(server, journal, &mut found);
            found
                .into_iter()
                .map(|loss| format!("{}: {loss}", journal.person.external_id))
        })
        .collect()
}

fn check(server: &Server, journal: &Journal, found: &mut Vec<String>) {
    let history = history(server, journal);
    let states: HashMap<&str, &str> = history
        .iter()
        .map(|item| {
            let incident = &item["incident"];
            (
                incident["id"].as_str().unwrap(),
                incident["state"].as_str().unwrap(),
            )
        })
        .collect();

    positions(journal, &history, found);
    for id in &journal.cancelled {
        match states.get(id.as_str()) {
            Some(&"cancelled") => {}
            other => found.push(format!("incident {id} was cancelled, now it is {other:?}")),
        }
    }
    one_open_at_most(server, journal, &states, found);
    events(server, journal, &states, found);
}

/// Every acknowledged SOS and sample stands in a trail or opened an incident.
fn positions(journal: &Journal, history: &[Value], found: &mut Vec<String>) {
    let mut stored = HashSet::new();
    for item in history {
        let trail = item["trail"].as_array().unwrap().iter();
        for point in trail.chain([&item["creationTelemetry"]]) {
            if let Some(at) = point["occurredAt"].as_str() {
                stored.insert(clock::parse(at));
            }
        }
    }
    let missing: Vec<String> = journal
        .positions
        .iter()
        .filter(|at| !stored.contains(at))
        .map(|at| clock::iso(*at))
        .collect();
    if let Some(first) = missing.first() {
        found.push(format!(
            "{} of {} acknowledged positions are gone, the first {first}",
            missing.len(),
            journal.positions.len()
        ));
    }
}

fn one_open_at_most(
    server: &Server,
    journal: &Journal,
    states: &HashMap<&str, &str>,
    found: &mut Vec<String>,
) {
    let open: Vec<&str> = states
        .iter()
        .filter(|(_, state)| ["active", "acknowledged"].contains(*state))
        .map(|(id, _)| *id)
        .collect();
    if open.len() > 1 {
        found.push(format!("{} incidents are open: {open:?}", open.len()));
    }
    let shown = get(server, journal, "/v1/sdk/sos");
    if shown["incident"]["id"].as_str() != open.first().copied() {
        found.push(format!(
            "GET says {shown}, the history says {open:?} is open"
        ));
    }
    match journal.must {
        Must::Open if open.is_empty() => found.push("the open incident is gone".to_owned()),
        Must::Closed if !open.is_empty() => found.push("the cancel is gone".to_owned()),
        _ => {}
    }
}

/// Events that were received belong to stored incidents; the newest event is
/// sent again to whoever subscribes, and is no older than what was received.
fn events(
    server: &Server,
    journal: &Journal,
    states: &HashMap<&str, &str>,
    found: &mut Vec<String>,
) {
    for heard in &journal.events {
        if !states.contains_key(heard.incident.as_str()) {
            found.push(format!(
                "an event of {} was received, it is gone",
                heard.incident
            ));
        }
    }
    if states.is_empty() {
        return;
    }
    let mut phone = journal.person.connect(server, Version::V5, "oracle");
    let topic = format!("sos/events/{}", journal.uuid);
    assert_eq!(phone.subscribe(&[&topic]).unwrap(), [1]);
    let again = phone
        .wait_for(LIMIT, |packet| matches!(packet, Packet::Publish { .. }))
        .ok();
    phone.disconnect();
    let Some(Packet::Publish { payload, .. }) = again else {
        found.push("no event is sent again on SUBSCRIBE".to_owned());
        return;
    };
    let event: Value = serde_json::from_slice(&payload).unwrap();
    let version = event["snapshotVersion"].as_i64().unwrap();
    let newest = journal
        .events
        .iter()
        .filter(|heard| event["incidentId"] == heard.incident.as_str())
        .map(|heard| heard.version)
        .max()
        .unwrap_or(0);
    if version < newest {
        found.push(format!(
            "event {newest} was received, the newest is now {version}"
        ));
    }
    if version < journal.triggers_since_cancel {
        found.push(format!(
            "{} triggers were acknowledged, the newest event is {version}",
            journal.triggers_since_cancel
        ));
    }
}

fn history(server: &Server, journal: &Journal) -> Vec<Value> {
    let mut items = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/sdk/sos/history?limit=100{cursor}");
        let mut page = get(server, journal, &path);
        if let Some(more) = page["incidents"].as_array_mut() {
            items.append(more);
        }
        if page["pagination"]["has_more"] != true {
            return items;
        }
        let next = page["pagination"]["next_cursor"].as_str().unwrap();
        cursor = format!("&cursor={next}");
    }
}

fn get(server: &Server, journal: &Journal, path: &str) -> Value {
    let answer = journal.person.http(server, "GET", path, "").unwrap();
    assert_eq!(
        answer.status,
        200,
        "{path}: {}",
        String::from_utf8_lossy(&answer.body)
    );
    answer.json()
}
