//! The client's rules (contract: MQTT, Events; SOS; Emergency contacts).

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use serde_json::Value;

use crate::harness::clock;
use crate::harness::mqtt::{Mqtt, Packet, Version};
use crate::harness::person::Person;
use crate::harness::server::Server;

/// An event farther than this from the phone's own clock is rejected.
const CLOCK_TOLERANCE: i64 = 30_000_000;
/// States that the client knows; any other is "failed".
const STATES: [&str; 4] = ["active", "acknowledged", "resolved", "cancelled"];
/// What every event carries.
const REQUIRED: [&str; 10] = [
    "type",
    "eventId",
    "appId",
    "userId",
    "incidentId",
    "status",
    "occurredAt",
    "openedAt",
    "updatedAt",
    "snapshotVersion",
];

/// What the client believes about the person's SOS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Belief {
    /// The open incident, if any.
    pub(super) open: Option<String>,
}

/// One installation of the SDK.
pub(super) struct Phone {
    pub(super) mqtt: Mqtt,
    person: Person,
    uuid: String,
    /// How far the phone's clock is off, microseconds.
    offset: i64,
    seen: HashSet<String>,
    versions: HashMap<String, i64>,
    ended: HashSet<String>,
    pub(super) belief: Belief,
    pub(super) complaints: Vec<String>,
}

impl Phone {
    /// Connects and subscribes to both topics; one refused is a failed connect.
    pub(super) fn connect(
        server: &Server,
        person: &Person,
        uuid: &str,
        version: Version,
        offset: i64,
    ) -> Self {
        let mut phone = Self {
            mqtt: person.connect(server, version, "eixam_flutter_sdk"),
            person: person.clone(),
            uuid: uuid.to_owned(),
            offset,
            seen: HashSet::new(),
            versions: HashMap::new(),
            ended: HashSet::new(),
            belief: Belief::default(),
            complaints: Vec::new(),
        };
        phone.subscribe();
        phone
    }

    /// Drops the connection and makes a new one; the memory stays.
    pub(super) fn reconnect(&mut self, server: &Server, version: Version) {
        self.mqtt = self.person.connect(server, version, "eixam_flutter_sdk");
        self.subscribe();
    }

    fn subscribe(&mut self) {
        let own = format!("sos/events/{}", self.uuid);
        let alias = format!("sos/events/{}", segment(&self.person.external_id));
        match self.mqtt.subscribe(&[&own, &alias]) {
            Ok(codes) if codes == [1, 1] => {}
            other => self.complaints.push(format!("SUBACK {other:?}")),
        }
    }

    /// The phone's own clock.
    pub(super) fn now(&self) -> i64 {
        clock::now() + self.offset
    }

    /// Waits for the first event that fits and is not seen yet, obeying the
    /// rules on the way; `None` after the silence that makes it reconcile.
    pub(super) fn hear(
        &mut self,
        silence: Duration,
        fits: impl Fn(&Value) -> bool,
    ) -> io::Result<Option<Value>> {
        while let Some(packet) = self.mqtt.next(silence)? {
            if let Some(event) = self.take(packet)
                && fits(&event)
            {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    /// Takes one packet; the event if it is news.
    fn take(&mut self, packet: Packet) -> Option<Value> {
        let Packet::Publish {
            topic,
            payload,
            qos,
            retain,
            ..
        } = packet
        else {
            self.complaints.push(format!("unexpected {packet:?}"));
            return None;
        };
        let Ok(event) = serde_json::from_slice::<Value>(&payload) else {
            self.complaints.push("an event is no JSON".to_owned());
            return None;
        };
        if qos != 1 || retain {
            self.complain(&event, "must be QoS 1 without RETAIN");
        }
        let identity = match topic.strip_prefix("sos/events/") {
            Some(id) if id == self.uuid => self.uuid.clone(),
            Some(id) if id == segment(&self.person.external_id) => self.person.external_id.clone(),
            _ => {
                self.complaints.push(format!("an event on {topic}"));
                return None;
            }
        };
        if event["userId"] != identity.as_str() {
            self.complain(&event, &format!("userId on the topic of {identity}"));
        }
        // The same event comes on both topics; the second is no news.
        let id = event["eventId"].as_str().unwrap_or_default().to_owned();
        if !self.seen.insert(id) {
            return None;
        }
        self.judge(&event);
        Some(event)
    }

    fn judge(&mut self, event: &Value) {
        for name in REQUIRED {
            if event.get(name).is_none_or(Value::is_null) {
                self.complain(event, &format!("has no {name}"));
            }
        }
        let word = event["status"].as_str().unwrap_or_default();
        if !STATES.contains(&word) {
            self.complain(event, "an unknown state means failed");
        }
        let time = event["updatedAt"].as_str().or(event["occurredAt"].as_str());
        let distance = time.map_or(i64::MAX, |time| (clock::parse(time) - self.now()).abs());
        if distance > CLOCK_TOLERANCE {
            self.complain(
                event,
                &format!("{} s off the phone's clock", distance / 1_000_000),
            );
        }
        let incident = event["incidentId"].as_str().unwrap_or_default().to_owned();
        let version = event["snapshotVersion"].as_i64().unwrap_or(0);
        let before = self.versions.insert(incident.clone(), version).unwrap_or(0);
        if version <= before {
            self.complain(event, &format!("snapshotVersion {version} after {before}"));
        }
        if self.ended.contains(&incident) {
            self.complain(event, "after the end of its incident");
        }
        if !event["actuators"].is_null() && !event["actuators"].is_object() {
            self.complain(event, "actuators must be an object");
        }
        let kind = event["type"].as_str().unwrap_or_default();
        let fits = match kind {
            "processed" => ["active", "acknowledged"].contains(&word),
            "sos_ack" => word == "acknowledged",
            "cancelled" => word == "cancelled" && event["cancelledAt"].is_string(),
            "resolved" => word == "resolved" && event["resolvedAt"].is_string(),
            _ => true,
        };
        if !fits {
            self.complain(event, "type, status and times do not fit together");
        }
        if ["cancelled", "resolved"].contains(&kind) {
            self.ended.insert(incident);
            self.belief.open = None;
        } else {
            self.belief.open = Some(incident);
        }
    }

    fn complain(&mut self, event: &Value, what: &str) {
        self.complaints.push(format!("{what}: {event}"));
    }

    /// The whole list counts: one bad contact and the client rejects all.
    pub(super) fn judge_contacts(&mut self, list: &Value) {
        let Some(contacts) = list["contacts"].as_array() else {
            self.complaints.push(format!("no contacts in {list}"));
            return;
        };
        for (number, contact) in contacts.iter().enumerate() {
            let texts = ["id", "name", "phone", "email"];
            let whole = texts.iter().all(|name| contact[*name].is_string());
            let priority = contact["priority"].as_u64();
            if !whole || priority != Some(number as u64 + 1) {
                self.complaints.push(format!("contact {number}: {contact}"));
            }
        }
    }

    /// After silence the client asks; what it believes must be what it is told.
    pub(super) fn reconcile(&mut self, server: &Server) {
        let answer = self.person.http(server, "GET", "/v1/sdk/sos", "").unwrap();
        let incident = &answer.json()["incident"];
        let told = incident["id"].as_str().map(str::to_owned);
        if answer.status != 200 || told != self.belief.open {
            self.complaints.push(format!(
                "GET /v1/sdk/sos: {} {incident}, believed {:?}",
                answer.status, self.belief.open
            ));
        }
        if told.is_some() {
            let word = incident["state"].as_str().unwrap_or_default();
            let object = incident["actuators"].is_object();
            if !STATES.contains(&word) || incident["status"] != word || !object {
                self.complaints.push(format!("incident {incident}"));
            }
        }
    }
}

/// An external id as one topic segment, percent-encoded as the client does it.
pub(super) fn segment(external_id: &str) -> String {
    let mut encoded = String::new();
    for byte in external_id.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").unwrap();
        }
    }
    encoded
}
