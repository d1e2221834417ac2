//! People who publish at full speed and write down what was acknowledged.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::clock;
use crate::harness::dice::Dice;
use crate::harness::http;
use crate::harness::mqtt::{LIMIT, Mqtt, Packet, Version};
use crate::harness::person::Person;

/// Publishes in flight of a walker.
const WINDOW: usize = 32;
/// A trail keeps at least its first and last 5 000 samples: stay below both together.
const MOST_SAMPLES: i64 = 9_000;

/// What somebody does until the server is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Raises one SOS and sends telemetry into it over MQTT, pipelined.
    Walker,
    /// Raises, updates and cancels over and over, on both transports.
    Caller,
    /// Raises one SOS and sends telemetry into it over HTTP.
    Courier,
}

/// What must be true of the incident after the restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Must {
    Open,
    Closed,
    /// Something was in flight that would have changed it.
    Either,
}

/// An event as it was received.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) incident: String,
    pub(super) version: i64,
}

/// What one person was told; nothing in here was merely sent.
#[derive(Debug)]
pub(super) struct Journal {
    pub(super) person: Person,
    pub(super) uuid: String,
    /// Times (microseconds) of acknowledged SOS and samples; each has a position.
    pub(super) positions: Vec<i64>,
    /// Incidents whose cancel was answered.
    pub(super) cancelled: Vec<String>,
    pub(super) events: Vec<Heard>,
    pub(super) must: Must,
    /// Acknowledged triggers since the last cancel was sent: all of them are
    /// events of the newest incident.
    pub(super) triggers_since_cancel: i64,
}

/// Runs until the connection breaks, which it always does; what is acknowledged is
/// counted meanwhile.
pub(super) fn run(
    role: Role,
    (person, uuid): (Person, String),
    (http, mqtt): &(String, String),
    dice: Dice,
    acknowledged: Arc<AtomicUsize>,
) -> Journal {
    let mut runner = Runner {
        http: http.clone(),
        mqtt: mqtt.clone(),
        last: clock::now(),
        journal: Journal {
            person,
            uuid,
            positions: Vec::new(),
            cancelled: Vec::new(),
            events: Vec::new(),
            must: Must::Either,
            triggers_since_cancel: 0,
        },
        dice,
        acknowledged,
    };
    // The kill ends every role with an error; which one does not matter.
    let _ = match role {
        Role::Walker => runner.walk(),
        Role::Caller => runner.call(),
        Role::Courier => runner.carry(),
    };
    runner.journal
}

struct Runner {
    http: String,
    mqtt: String,
    last: i64,
    journal: Journal,
    dice: Dice,
    acknowledged: Arc<AtomicUsize>,
}

impl Runner {
    fn acknowledge(&mut self, at: i64) {
        self.journal.positions.push(at);
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
    }

    /// A body with a time of its own: answers carry milliseconds, so no two
    /// share one.
    fn body(&mut self) -> (i64, String) {
        self.last = (self.last + 1_000).max(clock::now()) / 1_000 * 1_000;
        let body = json!({
            "timestamp": clock::iso(self.last),
            "latitude": 41.38,
            "longitude": 2.17,
            "mobileBattery": 71,
        });
        (self.last, body.to_string())
    }

    fn connect(&mut self) -> io::Result<Mqtt> {
        let version = self.dice.one_of(&Version::BOTH);
        let login = self.journal.person.login(version, "eixam_phone");
        Mqtt::connect(&self.mqtt, &login)?
            .map_err(|code| io::Error::other(format!("CONNACK {code:#04x}")))
    }

    fn walk(&mut self) -> io::Result<()> {
        let mut phone = self.connect()?;
        let alerts = format!("sos/alerts/{}", self.journal.uuid);
        self.raise(&mut phone, &alerts, 1)?;
        let topic = format!("tel/{}/data", self.journal.uuid);
        let mut flying: VecDeque<(u16, i64)> = VecDeque::new();
        for _ in 0..MOST_SAMPLES {
            let (at, body) = self.body();
            flying.push_back((phone.publish(&topic, body.as_bytes(), 1)?, at));
            while flying.len() >= WINDOW {
                self.landed(&mut phone, &mut flying)?;
            }
        }
        while !flying.is_empty() {
            self.landed(&mut phone, &mut flying)?;
        }
        // Done early: stay until the end, as a phone would.
        while phone.next(LIMIT)?.is_some() {}
        Ok(())
    }

    /// Waits for the next PUBACK, which must be that of the oldest publish.
    fn landed(&mut self, phone: &mut Mqtt, flying: &mut VecDeque<(u16, i64)>) -> io::Result<()> {
        let packet = phone.wait_for(LIMIT, |packet| matches!(packet, Packet::Puback { .. }))?;
        let (id, at) = flying.pop_front().unwrap();
        assert_eq!(
            packet,
            Packet::Puback { id, code: 0 },
            "in order, and stored"
        );
        self.acknowledge(at);
        Ok(())
    }

    fn call(&mut self) -> io::Result<()> {
        let mut phone = self.connect()?;
        let events = format!("sos/events/{}", self.journal.uuid);
        assert_eq!(phone.subscribe(&[&events])?, [1]);
        let alerts = format!("sos/alerts/{}", self.journal.uuid);
        loop {
            for _ in 0..=self.dice.below(3) {
                if self.dice.below(3) == 0 {
                    self.raise_over_http()?;
                } else {
                    let many = 1 + self.dice.below(6);
                    self.raise(&mut phone, &alerts, many)?;
                }
            }
            self.hear(&mut phone)?;
            if self.dice.below(2) == 0 {
                self.cancel()?;
            }
        }
    }

    fn carry(&mut self) -> io::Result<()> {
        self.raise_over_http()?;
        for _ in 0..MOST_SAMPLES {
            let (at, body) = self.body();
            let answer = self.post("/v1/sdk/telemetry", &body)?;
            assert_eq!(answer.0, 200, "{}", answer.1);
            self.acknowledge(at);
        }
        Ok(())
    }

    /// Some triggers in one go, and their PUBACKs in order.
    fn raise(&mut self, phone: &mut Mqtt, topic: &str, many: u64) -> io::Result<()> {
        if self.journal.must == Must::Closed {
            self.journal.must = Must::Either;
        }
        let mut flying = VecDeque::new();
        for _ in 0..many {
            let (at, body) = self.body();
            flying.push_back((phone.publish(topic, body.as_bytes(), 1)?, at));
        }
        while !flying.is_empty() {
            self.landed(phone, &mut flying)?;
            self.journal.triggers_since_cancel += 1;
            self.journal.must = Must::Open;
        }
        Ok(())
    }

    fn raise_over_http(&mut self) -> io::Result<()> {
        if self.journal.must == Must::Closed {
            self.journal.must = Must::Either;
        }
        let (at, body) = self.body();
        let (status, answer) = self.post("/v1/sdk/sos", &body)?;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["incident"]["state"], "active");
        self.acknowledge(at);
        self.journal.triggers_since_cancel += 1;
        self.journal.must = Must::Open;
        Ok(())
    }

    fn cancel(&mut self) -> io::Result<()> {
        self.journal.must = Must::Either;
        self.journal.triggers_since_cancel = 0;
        let (status, answer) = self.post("/v1/sdk/sos/cancel", "{}")?;
        assert_eq!(status, 200, "{answer}");
        let incident = &answer["incident"];
        assert_eq!(incident["state"], "cancelled", "{answer}");
        self.journal
            .cancelled
            .push(incident["id"].as_str().unwrap().to_owned());
        self.journal.must = Must::Closed;
        Ok(())
    }

    fn post(&self, path: &str, body: &str) -> io::Result<(u16, Value)> {
        let person = &self.journal.person;
        let answer = http::send(
            &self.http,
            "POST",
            path,
            &[
                ("x-app-id", &person.app_id),
                ("x-user-id", &person.external_id),
                ("authorization", &format!("Bearer {}", person.hash)),
            ],
            body.as_bytes(),
        )?;
        Ok((answer.status, answer.json()))
    }

    /// Takes the events that have come so far.
    fn hear(&mut self, phone: &mut Mqtt) -> io::Result<()> {
        while let Some(packet) = phone.next(Duration::from_millis(1))? {
            if let Packet::Publish { payload, .. } = packet {
                let event: Value = serde_json::from_slice(&payload).unwrap();
                self.journal.events.push(Heard {
                    incident: event["incidentId"].as_str().unwrap().to_owned(),
                    version: event["snapshotVersion"].as_i64().unwrap(),
                });
            }
        }
        Ok(())
    }
}
