//! Random lives of two users and a gateway against a plain model of the
//! contract: who has an open incident, how many there were, what the events say.

use std::collections::{HashMap, HashSet};

use mayday_app::testing::TestApp;
use mayday_core::clock::{Entropy as _, SeededEntropy};
use mayday_core::identity::Caller;
use mayday_core::ids::IncidentId;
use serde_json::{Value, json};

use crate::harness::{NodeExt as _, kinds, mqtt, on_both_nodes};

const STEPS: usize = 120;
const LIVES: u64 = 3;

/// What the contract says about one user.
#[derive(Default)]
struct Person {
    open: Option<IncidentId>,
    /// Each event that must have been written, in order.
    told: Vec<&'static str>,
    ever: HashSet<IncidentId>,
}

/// One random life, the same for the same seed.
struct Life<'a> {
    node: &'a TestApp,
    seed: u64,
    people: [(Caller, Person); 2],
    gateway: Caller,
    chance: SeededEntropy,
    sent: Vec<(usize, bool, Value)>,
    became: HashMap<String, IncidentId>,
}

impl Life<'_> {
    fn draw(&self, below: u8) -> usize {
        let mut byte = [0];
        self.chance.fill(&mut byte);
        usize::from(byte[0] % below)
    }

    /// Sends a trigger of a user, or of the gateway for the user's device.
    async fn send(&mut self, who: usize, relayed: bool, body: Value) {
        let trigger = mqtt(&body);
        let incident = if relayed {
            self.node.relayed(&self.gateway, trigger).await
        } else {
            self.node.own(&self.people[who].0, trigger).await
        };
        let key = body.to_string();
        let (caller, person) = &mut self.people[who];
        assert_eq!(incident.user, caller.user);
        if let Some(first) = self.became.get(&key) {
            assert_eq!(incident.id, *first, "heard before");
            return;
        }
        match person.open {
            Some(open) => assert_eq!(incident.id, open, "one open incident"),
            None => assert!(person.ever.insert(incident.id), "a new one"),
        }
        person.open = Some(incident.id);
        person.told.push("processed");
        self.became.insert(key, incident.id);
        self.sent.push((who, relayed, body));
    }

    async fn step(&mut self, number: usize) {
        self.node.pass(1 + 40 * self.draw(30) as u64);
        let who = self.draw(2);
        match self.draw(10) {
            0..=2 => {
                let body = json!({"timestamp": self.node.now_text(), "n": number});
                self.send(who, false, body).await;
            }
            3..=4 => {
                let body = json!({"timestamp": self.node.now_text(), "n": number,
                    "deviceId": format!("device-{}-{who}", self.seed), "relayNodeId": 9});
                self.send(who, true, body).await;
            }
            5..=6 if !self.sent.is_empty() => {
                let again = self.sent[self.draw(255) % self.sent.len()].clone();
                if self.node.is_young(&again.2) {
                    self.send(again.0, again.1, again.2).await;
                }
            }
            7 => self.end(who, true).await,
            8 => self.end(who, false).await,
            _ => self.check().await,
        }
    }

    async fn end(&mut self, who: usize, cancel: bool) {
        let (caller, person) = &mut self.people[who];
        if cancel {
            self.node.app.cancel_sos(caller, b"").await.unwrap();
        } else {
            self.node.app.resolve_sos(caller).await.unwrap();
        }
        if person.open.take().is_some() {
            let word = if cancel { "cancelled" } else { "resolved" };
            person.told.push(word);
        }
    }

    async fn check(&self) {
        for (caller, person) in &self.people {
            let open = self.node.open(caller).await.map(|incident| incident.id);
            assert_eq!(open, person.open);
            let events = self.node.events(caller).await;
            assert_eq!(kinds(&events), person.told);
            let mut versions: HashMap<IncidentId, i64> = HashMap::new();
            for (seq, event) in (1_i64..).zip(&events) {
                assert_eq!(event.seq, seq, "numbered without gaps");
                let last = versions.insert(event.incident, event.snapshot_version);
                assert!(last.is_none_or(|last| event.snapshot_version > last));
            }
            let ids: HashSet<_> = events.iter().map(|event| event.event_id).collect();
            assert_eq!(ids.len(), events.len());
            assert_eq!(versions.len(), person.ever.len());
        }
        assert!(self.node.events(&self.gateway).await.is_empty());
    }
}

/// What only this test asks of a node.
trait Ages {
    fn now_text(&self) -> String;
    fn is_young(&self, body: &Value) -> bool;
}

impl Ages for TestApp {
    fn now_text(&self) -> String {
        self.app.now().to_string()
    }

    /// Whether a trigger is still recognised.
    fn is_young(&self, body: &Value) -> bool {
        let sent = mayday_core::time::Timestamp::parse(body["timestamp"].as_str().unwrap());
        self.app.now().since(sent.unwrap()) < mayday_core::sos::REMEMBERED_FOR
    }
}

on_both_nodes!(
    random_lives_follow_the_plain_model,
    async |node: TestApp| {
        for seed in 0..LIVES {
            let gateway = node.caller(&format!("gateway-{seed}")).await;
            let mut callers = Vec::new();
            for who in 0..2 {
                let caller = node.caller(&format!("user-{seed}-{who}")).await;
                node.device(&caller, &format!("device-{seed}-{who}")).await;
                callers.push(caller);
            }
            let people = [callers[0].clone(), callers[1].clone()];
            let mut life = Life {
                node: &node,
                seed,
                people: people.map(|caller| (caller, Person::default())),
                gateway,
                chance: SeededEntropy::new(seed),
                sent: Vec::new(),
                became: HashMap::new(),
            };
            for number in 0..STEPS {
                life.step(number).await;
            }
            life.check().await;
        }
    }
);
