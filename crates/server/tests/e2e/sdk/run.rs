//! One randomised run: a person with two phones whose clocks may be wrong.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::phone::Phone;
use crate::harness::clock;
use crate::harness::dice::Dice;
use crate::harness::mqtt::{LIMIT, Version};
use crate::harness::person::{Partner, Person};
use crate::harness::server::Server;

/// After this much silence the client asks over HTTP. An event that takes longer is
/// late; few may be, on a machine that stands still.
const SILENCE: Duration = Duration::from_secs(8);
/// How far the person's phones are off: right, 5 minutes behind, 5 ahead,
/// and within the 10 s that are not worth a shift.
const OFFSETS: [i64; 5] = [0, -300_000_000, 300_000_000, 8_000_000, -8_000_000];
/// External ids as apps have them; some need encoding in a topic.
const NAMES: [&str; 6] = [
    "user",
    "maria@example.org",
    "a/b+c#d",
    "100% \u{3bc}",
    "auth0|5f7c",
    "colons:in:it",
];

/// How it went.
pub(super) struct Played {
    pub(super) complaints: Vec<String>,
    pub(super) story: Vec<String>,
    /// Events that came, and those of them that came late.
    pub(super) events: usize,
    pub(super) late: usize,
}

struct Run<'a> {
    server: &'a Server,
    person: Person,
    uuid: String,
    phones: Vec<Phone>,
    dice: &'a mut Dice,
    story: Vec<String>,
    complaints: Vec<String>,
    events: usize,
    late: usize,
}

/// Plays a run of 8 to 20 steps.
pub(super) fn play(server: &Server, partner: &Partner, number: u64, dice: &mut Dice) -> Played {
    let person = partner.person(&format!("{} {number}", dice.one_of(&NAMES)));
    let uuid = person.uuid(server);
    let offset = dice.one_of(&OFFSETS);
    let phones = (0..2)
        .map(|_| Phone::connect(server, &person, &uuid, dice.one_of(&Version::BOTH), offset))
        .collect();
    let mut run = Run {
        server,
        story: vec![format!(
            "{} with clocks {} s off",
            person.external_id,
            offset / 1_000_000
        )],
        person,
        uuid,
        phones,
        dice,
        complaints: Vec::new(),
        events: 0,
        late: 0,
    };
    for _ in 0..8 + run.dice.below(13) {
        run.step();
    }
    for phone in &mut run.phones {
        phone.reconcile(server);
    }
    let mut complaints = run.complaints;
    for phone in run.phones {
        complaints.extend(phone.complaints);
    }
    Played {
        complaints,
        story: run.story,
        events: run.events,
        late: run.late,
    }
}

impl Run<'_> {
    fn step(&mut self) {
        match self.dice.below(10) {
            0..=2 => self.trigger_over_mqtt(),
            3 => self.trigger_over_http(),
            4 | 5 => self.telemetry(),
            6 => self.end("/v1/sdk/sos/cancel", "cancelled"),
            7 => self.end("/v1/sdk/sos/resolve", "resolved"),
            8 => self.reconnect(),
            _ => self.contacts(),
        }
    }

    fn tell(&mut self, what: impl Into<String>) {
        self.story.push(what.into());
    }

    /// The time as this phone prints it: 0 to 9 fractional digits.
    fn stamp(&mut self) -> String {
        let now = self.phones[0].now();
        let time = jiff::Timestamp::from_microsecond(now).unwrap();
        match self.dice.below(4) {
            0 => format!("{time:.0}"),
            1 => format!("{time:.3}"),
            2 => format!("{time:.6}"),
            _ => format!("{time:.9}"),
        }
    }

    fn body(&mut self, stamp: &str) -> String {
        // Two bodies with the same bytes would be one trigger, sent twice.
        let mut body = json!({
            "timestamp": stamp,
            "identitySource": "app",
            "owner": "app",
            "correlationId": format!("step {}", self.story.len()),
        });
        if self.dice.below(4) > 0 {
            body["latitude"] = json!(self.degrees(41.0));
            body["longitude"] = json!(self.degrees(2.0));
        }
        body.to_string()
    }

    /// Somewhere within a degree.
    fn degrees(&mut self, from: f64) -> f64 {
        let thousandths = u32::try_from(self.dice.below(1_000)).unwrap();
        from + f64::from(thousandths) / 1_000.0
    }

    fn trigger_over_mqtt(&mut self) {
        let stamp = self.stamp();
        let body = self.body(&stamp);
        let topic = self.dice.one_of(&["uuid", "flat"]);
        let path = match topic {
            "uuid" => format!("sos/alerts/{}", self.uuid),
            _ => "sos/alerts".to_owned(),
        };
        self.tell(format!("SOS on {path}: {body}"));
        match self.phones[0].mqtt.publish_acked(&path, body.as_bytes()) {
            Ok(0) => {}
            other => self.complaints.push(format!("PUBACK {other:?}")),
        }
        self.expect("processed", Some(&stamp));
    }

    fn trigger_over_http(&mut self) {
        let stamp = self.stamp();
        let body = self.body(&stamp);
        self.tell(format!("SOS over HTTP: {body}"));
        let answer = self.send("POST", "/v1/sdk/sos", &body);
        if !answer["incident"]["id"].is_string() {
            self.complaints.push(format!("POST /v1/sdk/sos: {answer}"));
        }
        self.expect("processed", Some(&stamp));
    }

    fn telemetry(&mut self) {
        let stamp = clock::iso(self.phones[0].now());
        let latitude = self.degrees(42.0);
        let body = json!({"timestamp": stamp, "latitude": latitude, "longitude": 2.5}).to_string();
        let topic = format!("tel/{}/data", self.uuid);
        self.tell(format!("telemetry: {body}"));
        match self.phones[1].mqtt.publish_acked(&topic, body.as_bytes()) {
            Ok(0) => {}
            other => self
                .complaints
                .push(format!("PUBACK of telemetry {other:?}")),
        }
        if self.phones[1].belief.open.is_none() {
            return;
        }
        // From its PUBACK on, a sample is visible to every route.
        let shown = self.send("GET", "/v1/sdk/sos", "");
        let position = &shown["incident"]["positionSnapshot"];
        if position["latitude"] != json!(latitude) {
            self.complaints
                .push(format!("the incident did not move to {latitude}: {shown}"));
        }
    }

    fn end(&mut self, path: &str, kind: &str) {
        let open = self.phones[0].belief.open.clone();
        self.tell(format!("{path} while {open:?} is open"));
        let answer = self.send("POST", path, "");
        let told = answer["incident"]["id"].as_str().map(str::to_owned);
        if told.is_none() != open.is_none() && open.is_some() {
            self.complaints
                .push(format!("{path}: {answer}, open was {open:?}"));
        }
        if open.is_some() {
            self.expect(kind, None);
        }
    }

    fn reconnect(&mut self) {
        self.tell("the second phone reconnects");
        let version = self.dice.one_of(&Version::BOTH);
        self.phones[1].reconnect(self.server, version);
        self.phones[1].reconcile(self.server);
    }

    fn contacts(&mut self) {
        let priority = self.dice.below(4);
        let mut contact = json!({
            "name": "Ben",
            "phone": format!("+346000000{:02}", self.dice.below(100)),
            "email": "ben@example.org",
        });
        if priority > 0 {
            contact["priority"] = json!(priority);
        }
        self.tell(format!("contact {contact}"));
        let made = self.send("POST", "/v1/sdk/contacts", &contact.to_string());
        if !made["contact"]["id"].is_string() {
            self.complaints
                .push(format!("POST /v1/sdk/contacts: {made}"));
        }
        let list = self.send("GET", "/v1/sdk/contacts", "");
        self.phones[0].judge_contacts(&list);
    }

    /// Both phones must hear of it, before they would have to ask.
    #[expect(
        clippy::disallowed_methods,
        reason = "how long an event takes is measured from outside"
    )]
    fn expect(&mut self, kind: &str, stamp: Option<&str>) {
        let began = Instant::now();
        for (number, phone) in self.phones.iter_mut().enumerate() {
            let heard = phone.hear(LIMIT, |event| {
                event["type"] == kind && stamp.is_none_or(|stamp| event["occurredAt"] == stamp)
            });
            match heard {
                Ok(Some(_)) => {
                    self.events += 1;
                    self.late += usize::from(began.elapsed() > SILENCE);
                }
                Ok(None) => self
                    .complaints
                    .push(format!("phone {number} heard no {kind} {stamp:?}")),
                Err(error) => self.complaints.push(format!("phone {number}: {error}")),
            }
        }
    }

    fn send(&mut self, method: &str, path: &str, body: &str) -> Value {
        let answer = self.person.http(self.server, method, path, body).unwrap();
        answer.json()
    }
}
