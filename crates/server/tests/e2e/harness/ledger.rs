//! What was acknowledged, written down to be asked for later.

use std::collections::{BTreeMap, HashSet};
use std::io;

use serde_json::{Value, json};

use super::clock;
use super::mqtt::{Mqtt, Version};
use super::person::{Partner, Person};
use super::server::Server;

/// On which way something is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Http,
    Mqtt(Version),
}

impl Way {
    /// Each of them.
    pub(crate) const ALL: [Self; 3] = [
        Self::Http,
        Self::Mqtt(Version::V311),
        Self::Mqtt(Version::V5),
    ];
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Sos,
    /// A sample; its sender has an open incident, so that it joins the trail.
    Sample,
}

/// Who was told that what is stored. Nothing that was merely sent is in here.
pub(crate) struct Ledger {
    partner: Partner,
    last: i64,
    /// By external id: the times (microseconds) of what was acknowledged.
    acknowledged: BTreeMap<String, HashSet<i64>>,
}

impl Ledger {
    pub(crate) fn new(partner: &Partner) -> Self {
        Self {
            partner: partner.clone(),
            last: 0,
            acknowledged: BTreeMap::new(),
        }
    }

    /// Sends one and says whether it was acknowledged.
    pub(crate) fn send(&mut self, server: &Server, who: &str, what: What, way: Way) -> bool {
        self.send_with(server, who, what, way, "help")
    }

    /// As [`Ledger::send`], with a message of that text.
    pub(crate) fn send_with(
        &mut self,
        server: &Server,
        who: &str,
        what: What,
        way: Way,
        message: &str,
    ) -> bool {
        // Answers carry milliseconds: no two share one.
        self.last = (self.last + 1_000).max(clock::now()) / 1_000 * 1_000;
        let body = json!({
            "timestamp": clock::iso(self.last),
            "latitude": 41.38,
            "longitude": 2.17,
            "message": message,
        });
        let person = self.partner.person(who);
        let stored = match way {
            Way::Http => over_http(server, &person, what, &body),
            Way::Mqtt(version) => over_mqtt(server, &person, what, version, &body),
        }
        .unwrap_or(false);
        if stored {
            let times = self.acknowledged.entry(who.to_owned()).or_default();
            times.insert(self.last);
        }
        stored
    }

    /// Asks the public API for all of it.
    pub(crate) fn check(&self, server: &Server) {
        for (who, times) in &self.acknowledged {
            let stored = stored(server, &self.partner.person(who));
            let lost: Vec<String> = times
                .difference(&stored)
                .map(|at| clock::iso(*at))
                .collect();
            assert!(lost.is_empty(), "{who}: acknowledged and lost: {lost:?}");
        }
    }
}

fn over_http(server: &Server, person: &Person, what: What, body: &Value) -> io::Result<bool> {
    let path = match what {
        What::Sos => "/v1/sdk/sos",
        What::Sample => "/v1/sdk/telemetry",
    };
    let answer = person.http(server, "POST", path, &body.to_string())?;
    assert!(
        answer.status < 300 || answer.status >= 500,
        "{path}: {} {:?}",
        answer.status,
        answer.json()
    );
    Ok(answer.status < 300)
}

fn over_mqtt(
    server: &Server,
    person: &Person,
    what: What,
    version: Version,
    body: &Value,
) -> io::Result<bool> {
    let topic = match what {
        What::Sos => "sos/alerts",
        What::Sample => "tel/data",
    };
    let Ok(mut phone) = Mqtt::connect(&server.mqtt, &person.login(version, "phone"))? else {
        return Ok(false);
    };
    let code = phone.publish_acked(topic, body.to_string().as_bytes())?;
    phone.disconnect();
    Ok(code < 0x80)
}

/// The times of every position in the person's history.
fn stored(server: &Server, person: &Person) -> HashSet<i64> {
    let mut stored = HashSet::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/sdk/sos/history?limit=100{cursor}");
        let answer = person.http(server, "GET", &path, "").unwrap();
        assert_eq!(answer.status, 200, "{:?}", answer.json());
        let page = answer.json();
        for item in page["incidents"].as_array().unwrap() {
            let trail = item["trail"].as_array().unwrap().iter();
            for point in trail.chain([&item["creationTelemetry"]]) {
                if let Some(at) = point["occurredAt"].as_str() {
                    stored.insert(clock::parse(at));
                }
            }
        }
        if page["pagination"]["has_more"] != true {
            return stored;
        }
        let next = page["pagination"]["next_cursor"].as_str().unwrap();
        cursor = format!("&cursor={next}");
    }
}
