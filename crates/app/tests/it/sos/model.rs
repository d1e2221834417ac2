//! Random lives of two users, a gateway and a stranger against a plain model of
//! the contract: who has an open incident, how many there were, what the events
//! say. The process is killed in between and started again on what it left.
//!
//! The lives are the same in each run; `MAYDAY_TEST_SEED` draws others, and
//! `MAYDAY_TEST_CASES` draws more.

use std::collections::{HashMap, HashSet};
use std::future::Future;

use mayday_app::testing::TestApp;
use mayday_app::{AppError, CancelReceipt};
use mayday_core::identity::Caller;
use mayday_core::ids::IncidentId;
use mayday_core::sos::{REMEMBERED_FOR, State};
use mayday_core::time::Timestamp;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::harness::{NodeExt as _, ended, kinds, mqtt};

/// Lives on the embedded database, unless told otherwise.
const LIVES: u32 = 10;
/// Lives on PostgreSQL, where each needs a database of its own.
const LIVES_ON_POSTGRES: u32 = 3;
/// The most steps of a life.
const STEPS: usize = 60;
/// The most that is given up while a failing life is made shorter.
const SHRINKS: u32 = 200;

/// One step of a life. `who` is one of the two users.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A new trigger, naming the own device or not.
    Cry { who: usize, names_device: bool },
    /// The gateway relays a trigger of the user's device.
    Relay { who: usize },
    /// An earlier trigger arrives once more.
    Again { nth: usize },
    /// The user cancels, naming the device or not.
    Cancel { who: usize, names_device: bool },
    /// The gateway cancels by the user's device.
    GatewayCancels { who: usize },
    /// Somebody who has nothing to do with it cancels by the user's device.
    StrangerCancels { who: usize },
    /// The user closes the incident as handled.
    Resolve { who: usize },
    /// Time passes.
    Pass { seconds: u64 },
    /// The process is killed and another one starts.
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0_usize..2;
    prop_oneof![
        4 => (who.clone(), any::<bool>()).prop_map(|(who, names_device)| Step::Cry { who, names_device }),
        3 => who.clone().prop_map(|who| Step::Relay { who }),
        4 => any::<usize>().prop_map(|nth| Step::Again { nth }),
        2 => (who.clone(), any::<bool>()).prop_map(|(who, names_device)| Step::Cancel { who, names_device }),
        2 => who.clone().prop_map(|who| Step::GatewayCancels { who }),
        2 => who.clone().prop_map(|who| Step::StrangerCancels { who }),
        1 => who.prop_map(|who| Step::Resolve { who }),
        3 => (0_u64..1_500).prop_map(|seconds| Step::Pass { seconds }),
        1 => Just(Step::Pass { seconds: 90_000 }),
        1 => Just(Step::Crash),
    ]
}

/// What the contract says about an open incident.
#[derive(Clone, Copy, Debug)]
struct Open {
    id: IncidentId,
    /// A trigger of it named the user's device.
    device_named: bool,
    /// Each trigger of it was relayed by the gateway.
    alone_relayed: bool,
}

/// What the contract says about a user.
struct Person {
    caller: Caller,
    device: String,
    open: Option<Open>,
    /// Each event that must have been written, in order.
    told: Vec<&'static str>,
    ever: HashSet<IncidentId>,
}

/// A trigger that was acknowledged.
#[derive(Clone)]
struct Sent {
    who: usize,
    relayed: bool,
    names_device: bool,
    body: Value,
    became: IncidentId,
}

/// One life: the node and the model side by side.
struct Life {
    node: TestApp,
    people: [Person; 2],
    gateway: Caller,
    stranger: Caller,
    sent: Vec<Sent>,
}

impl Life {
    async fn begin(node: TestApp) -> Self {
        let gateway = node.caller("gateway").await;
        let stranger = node.caller("stranger").await;
        let mut people = Vec::new();
        for name in ["ana", "ben"] {
            let caller = node.caller(name).await;
            let device = format!("device-{name}");
            node.device(&caller, &device).await;
            people.push(Person {
                caller,
                device,
                open: None,
                told: Vec::new(),
                ever: HashSet::new(),
            });
        }
        let Ok(people) = people.try_into() else {
            panic!("two people");
        };
        Self {
            node,
            people,
            gateway,
            stranger,
            sent: Vec::new(),
        }
    }

    async fn live(mut self, steps: &[Step]) {
        for (number, step) in steps.iter().enumerate() {
            if matches!(step, Step::Crash) {
                self.node = self.node.after_crash().await;
                self.check().await;
            } else {
                self.take(number, *step).await;
            }
        }
        self.check().await;
    }

    async fn take(&mut self, number: usize, step: Step) {
        match step {
            Step::Cry { who, names_device } => {
                let mut body = json!({"timestamp": self.node.app.now().to_string(), "n": number});
                if names_device {
                    body["deviceId"] = json!(self.people[who].device);
                }
                self.send(who, false, names_device, body).await;
            }
            Step::Relay { who } => {
                let body = json!({"timestamp": self.node.app.now().to_string(), "n": number,
                    "deviceId": self.people[who].device, "relayNodeId": 9});
                self.send(who, true, true, body).await;
            }
            Step::Again { nth } => self.send_again(nth).await,
            Step::Cancel { who, names_device } => self.cancel(who, names_device).await,
            Step::GatewayCancels { who } => self.gateway_cancels(who).await,
            Step::StrangerCancels { who } => self.stranger_cancels(who).await,
            Step::Resolve { who } => {
                let person = &mut self.people[who];
                let resolved = self.node.app.resolve_sos(&person.caller).await.unwrap();
                assert_eq!(resolved.map(|i| i.id), person.open.map(|open| open.id));
                person.ends("resolved");
            }
            Step::Pass { seconds } => self.node.pass(seconds),
            Step::Crash => unreachable!("taken before"),
        }
    }

    async fn arrive(&self, who: usize, relayed: bool, body: &Value) -> IncidentId {
        let person = &self.people[who];
        let incident = if relayed {
            self.node.relayed(&self.gateway, mqtt(body)).await
        } else {
            self.node.own(&person.caller, mqtt(body)).await
        };
        assert_eq!(incident.user, person.caller.user);
        incident.id
    }

    /// A trigger that was never sent before opens or updates.
    async fn send(&mut self, who: usize, relayed: bool, names_device: bool, body: Value) {
        let became = self.arrive(who, relayed, &body).await;
        let person = &mut self.people[who];
        if let Some(open) = &mut person.open {
            assert_eq!(became, open.id, "one open incident");
            open.device_named |= names_device;
            open.alone_relayed &= relayed;
        } else {
            assert!(person.ever.insert(became), "a new one");
            person.open = Some(Open {
                id: became,
                device_named: names_device,
                alone_relayed: relayed,
            });
        }
        person.told.push("processed");
        self.sent.push(Sent {
            who,
            relayed,
            names_device,
            body,
            became,
        });
    }

    /// One that was sent before opens and changes nothing, until it is forgotten.
    async fn send_again(&mut self, nth: usize) {
        if self.sent.is_empty() {
            return;
        }
        let sent = self.sent[nth % self.sent.len()].clone();
        let at = Timestamp::parse(sent.body["timestamp"].as_str().unwrap()).unwrap();
        if self.node.app.now().since(at) >= REMEMBERED_FOR {
            return;
        }
        let became = self.arrive(sent.who, sent.relayed, &sent.body).await;
        assert_eq!(became, sent.became, "heard before");
    }

    async fn cancel_by(&self, who: &Caller, body: Value) -> Result<CancelReceipt, AppError> {
        let body = body.to_string();
        self.node.app.cancel_sos(who, body.as_bytes()).await
    }

    async fn cancel(&mut self, who: usize, names_device: bool) {
        let person = &self.people[who];
        let body = if names_device {
            json!({"deviceId": person.device})
        } else {
            json!({})
        };
        let answer = self.cancel_by(&person.caller, body).await;
        match person.open {
            None => assert!(matches!(answer, Ok(CancelReceipt::Nothing)), "{answer:?}"),
            Some(open) if names_device && !open.device_named => {
                assert!(
                    matches!(answer, Err(AppError::Conflict { .. })),
                    "{answer:?}"
                );
            }
            Some(open) => {
                match answer {
                    Ok(CancelReceipt::Own(incident)) => assert_eq!(incident.id, open.id),
                    other => panic!("the own incident, not {other:?}"),
                }
                self.people[who].ends("cancelled");
            }
        }
    }

    async fn gateway_cancels(&mut self, who: usize) {
        let may = self.people[who].open.is_some_and(|open| open.alone_relayed);
        let gateway = self.gateway.clone();
        self.other_cancels(&gateway, who, may).await;
    }

    async fn stranger_cancels(&mut self, who: usize) {
        let stranger = self.stranger.clone();
        self.other_cancels(&stranger, who, false).await;
    }

    /// Somebody else's cancel ends the incident only when `may`.
    async fn other_cancels(&mut self, by: &Caller, who: usize, may: bool) {
        let person = &self.people[who];
        let answer = self.cancel_by(by, json!({"deviceId": person.device})).await;
        match person.open {
            None => assert!(matches!(answer, Ok(CancelReceipt::Nothing)), "{answer:?}"),
            Some(open) if !open.device_named => {
                assert!(
                    matches!(answer, Err(AppError::Conflict { .. })),
                    "{answer:?}"
                );
            }
            Some(open) => {
                let Ok(CancelReceipt::Foreign(incident)) = answer else {
                    panic!("somebody else's incident, not {answer:?}");
                };
                let expected = may.then_some(State::Cancelled);
                assert_eq!((incident.id, ended(&incident)), (open.id, expected));
                if may {
                    self.people[who].ends("cancelled");
                }
            }
        }
    }

    /// What must hold at any moment.
    async fn check(&self) {
        for person in &self.people {
            let shown = self.node.open(&person.caller).await;
            let open = person.open.map(|open| open.id);
            assert_eq!(shown.map(|incident| incident.id), open);
            self.check_history(person).await;
            self.check_events(person).await;
        }
        for bystander in [&self.gateway, &self.stranger] {
            assert!(self.node.events(bystander).await.is_empty());
            assert_eq!(self.node.open(bystander).await, None);
        }
    }

    /// Every acknowledged trigger is found in an incident; at most one is open.
    async fn check_history(&self, person: &Person) {
        let page = self.node.app.sos_history(&person.caller, 100, None);
        let incidents = page.await.unwrap().items;
        let open = incidents.iter().filter(|i| i.incident.state.is_open());
        assert!(open.count() <= 1, "one open incident");
        let found: HashSet<_> = incidents.iter().map(|item| item.incident.id).collect();
        assert_eq!(found, person.ever);
        let ours = |sent: &&Sent| self.people[sent.who].caller.user == person.caller.user;
        for sent in self.sent.iter().filter(ours) {
            assert!(found.contains(&sent.became), "lost: {}", sent.body);
            assert!(sent.names_device || !sent.relayed);
        }
    }

    async fn check_events(&self, person: &Person) {
        let events = self.node.events(&person.caller).await;
        assert_eq!(kinds(&events), person.told);
        let mut versions: HashMap<IncidentId, i64> = HashMap::new();
        let mut over: HashSet<IncidentId> = HashSet::new();
        for (seq, event) in (1_i64..).zip(&events) {
            assert_eq!(event.seq, seq, "numbered without gaps");
            let last = versions.insert(event.incident, event.snapshot_version);
            assert!(last.is_none_or(|last| event.snapshot_version > last));
            assert!(!over.contains(&event.incident), "said after the end");
            if event.kind.as_str() != "processed" {
                over.insert(event.incident);
            }
        }
        let ids: HashSet<_> = events.iter().map(|event| event.event_id).collect();
        assert_eq!(ids.len(), events.len());
    }
}

impl Person {
    fn ends(&mut self, word: &'static str) {
        if self.open.take().is_some() {
            self.told.push(word);
        }
    }
}

/// Draws lives and lives them, each on a node of its own.
fn draw<F>(lives: u32, node: impl Fn() -> F)
where
    F: Future<Output = Option<TestApp>>,
{
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let cases = number("MAYDAY_TEST_CASES").and_then(|cases| u32::try_from(cases).ok());
    let config = Config {
        cases: cases.unwrap_or(lives),
        max_shrink_iters: SHRINKS,
        failure_persistence: None,
        ..Config::default()
    };
    let seed = number("MAYDAY_TEST_SEED").unwrap_or(1);
    let seed: Vec<u8> = seed.to_le_bytes().into_iter().cycle().take(32).collect();
    let chance = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let outcome = TestRunner::new_with_rng(config, chance).run(&vec(step(), 1..STEPS), |steps| {
        runtime.block_on(async {
            if let Some(node) = node().await {
                Life::begin(node).await.live(&steps).await;
            }
        });
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

mod random_lives_follow_the_plain_model {
    use super::*;

    #[test]
    fn sqlite() {
        draw(LIVES, || async { Some(TestApp::sqlite().await) });
    }

    #[test]
    fn postgres() {
        draw(LIVES_ON_POSTGRES, TestApp::postgres);
    }
}
