//! A node whose jobs run only when a test says so, and the people it reaches.

use std::time::Duration;

use mayday_app::App;
use mayday_app::escalation::Progress;
use mayday_app::gateway::testing::{Behaviour, Resource, TwilioSimulator};
use mayday_app::jobs::{Claiming, Job};
use mayday_app::testing::TestApp;
use mayday_app::testing::senders::through;
use mayday_core::clock::Clock as _;
use mayday_core::contact::{Contact, ContactDraft};
use mayday_core::escalation::{AttemptState, Policy as EscalationPolicy};
use mayday_core::identity::Caller;
use mayday_core::ids::{AttemptId, IncidentId, RecordId};
use mayday_core::sos::Incident;
use mayday_store::Lane;
use mayday_store::escalation::{AttemptRow, attempts};
use mayday_store::policies::SetPolicy;
use mayday_store::testing::TestStore;
use serde_json::{Value, json};

use crate::harness::{NodeExt, http};

/// The kinds of an escalation's jobs.
const KINDS: &[&str] = &["escalate", "send", "report"];

/// Longer than an answer takes on a machine that has much else to do. Nobody waits so
/// long for one that never comes: see [`Stage::impatient`].
const PATIENCE: Duration = Duration::from_mins(1);

/// A node with two providers, the first preferred.
pub(super) struct Stage {
    pub(super) node: TestApp,
    pub(super) first: TwilioSimulator,
    pub(super) second: TwilioSimulator,
    pub(super) ana: Caller,
}

/// Text messages and calls that were taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) kind: &'static str,
    pub(super) to: String,
    pub(super) text: String,
}

impl Stage {
    /// On a fresh store, with contacts of these numbers.
    pub(super) async fn on(store: TestStore, phones: &[&str]) -> Self {
        let first = TwilioSimulator::start(store.clock.clone()).await.unwrap();
        let second = TwilioSimulator::start(store.clock.clone()).await.unwrap();
        let node = TestApp::with_senders(store, through(&[&first, &second], PATIENCE)).await;
        Self::of(node, first, second, phones).await
    }

    /// On a node that sends through whatever it was made with.
    pub(super) async fn of(
        node: TestApp,
        first: TwilioSimulator,
        second: TwilioSimulator,
        phones: &[&str],
    ) -> Self {
        let ana = node.caller("ana").await;
        let stage = Self {
            node,
            first,
            second,
            ana,
        };
        for phone in phones {
            stage.contact(&stage.ana, phone).await;
        }
        stage
    }

    /// Adds a contact, whose name and mail follow from the number.
    pub(super) async fn contact(&self, caller: &Caller, phone: &str) -> Contact {
        let draft = ContactDraft {
            name: Some(format!("Contact {phone}")),
            phone: Some(phone.to_owned()),
            email: Some("contact@example.org".to_owned()),
            priority: None,
            language: Some("en".to_owned()),
        };
        self.node.app.add_contact(caller, draft).await.unwrap()
    }

    /// Ana cries for help.
    pub(super) async fn cry(&self) -> Incident {
        let now = self.node.store.clock.now().to_string();
        let body = json!({"timestamp": now, "latitude": 41.5, "longitude": 2.25});
        self.node.own(&self.ana, http(&body)).await
    }

    /// Somebody else cries for help.
    pub(super) async fn cry_of(&self, caller: &Caller) -> Incident {
        let now = self.node.store.clock.now().to_string();
        self.node
            .own(caller, http(&json!({"timestamp": now})))
            .await
    }

    /// What these numbers got, the oldest first.
    pub(super) fn told_to(&self, phones: &[String]) -> Vec<Taken> {
        let mut taken = self.taken();
        taken.retain(|taken| phones.contains(&taken.to));
        taken
    }

    /// The app asks all contacts at once, by SMS alone.
    pub(super) async fn broadcast(&self) {
        let document = json!({"mode": "broadcast", "channels": ["sms"]});
        self.policy(document).await;
    }

    /// The app escalates so.
    pub(super) async fn policy(&self, document: Value) {
        let (clock, entropy) = (&self.node.store.clock, &self.node.store.entropy);
        let set = SetPolicy {
            id: RecordId::generate(clock.as_ref(), entropy.as_ref()),
            app_id: self.ana.app_id.clone(),
            policy: EscalationPolicy::parse(&document).unwrap(),
            expected: None,
            set_by: "test".to_owned(),
            set_from: "test".to_owned(),
        };
        self.node.store.write(Lane::Rest, set).await.unwrap();
    }

    /// The node that starts on what this one left when it was killed.
    pub(super) async fn after_crash(self) -> Self {
        Self {
            node: self.node.after_crash().await,
            ..self
        }
    }

    /// Has the plan looked at what is due, and leaves what it asks for.
    pub(super) async fn plan(&self) {
        for job in self
            .node
            .app
            .claim_jobs(&["escalate"], Claiming::up_to(50))
            .await
            .unwrap()
        {
            work(&self.node.app, &job).await;
        }
    }

    /// Does what is due until nothing is.
    pub(super) async fn settle(&self) {
        while self.impatient(Box::pin(step(&self.node.app))).await > 0 {}
    }

    /// Does this. Once a provider has a request that it will not answer, all patience
    /// with it is over at once.
    async fn impatient<T>(&self, mut work: impl Future<Output = T> + Unpin) -> T {
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = self.first.fell_silent() => {}
                () = self.second.fell_silent() => {}
            }
            tokio::time::pause();
            tokio::time::advance(PATIENCE).await;
            tokio::time::resume();
        }
    }

    /// Lets time pass second by second, as it does, and does what is due.
    pub(super) async fn pass(&self, seconds: u64) {
        for _ in 0..seconds {
            self.node.pass(1);
            self.settle().await;
        }
    }

    /// What both providers took, the oldest first.
    pub(super) fn taken(&self) -> Vec<Taken> {
        let mut all = [self.first.log(), self.second.log()].concat();
        all.sort_by_key(|resource| resource.created);
        all.iter().map(taken).collect()
    }

    /// The kinds and receivers of what was taken.
    pub(super) fn told(&self) -> Vec<(&'static str, String)> {
        let taken = self.taken().into_iter();
        taken.map(|taken| (taken.kind, taken.to)).collect()
    }

    /// All attempts of an incident.
    pub(super) async fn attempts(&self, incident: IncidentId) -> Vec<AttemptRow> {
        let mut tx = self.node.store.read().await.unwrap();
        attempts::of_incident(&mut tx, incident).await.unwrap()
    }

    /// Their states by channel.
    pub(super) async fn states(&self, incident: IncidentId) -> Vec<(&'static str, AttemptState)> {
        let rows = self.attempts(incident).await.into_iter();
        rows.map(|row| (row.attempt.key.channel.as_str(), row.attempt.state))
            .collect()
    }

    /// That the first provider behaves so.
    pub(super) fn first_behaves(&self, behaviours: &[Behaviour]) {
        self.first.behave(behaviours.iter().cloned());
    }
}

/// Claims what is due and does it, one after the other; how many jobs that were.
pub(super) async fn step(app: &App) -> usize {
    let jobs = app.claim_jobs(KINDS, Claiming::up_to(50)).await.unwrap();
    let count = jobs.len();
    for job in jobs {
        work(app, &job).await;
    }
    count
}

/// Does one job as the workers do.
pub(super) async fn work(app: &App, job: &Job) {
    let text = |name: &str| job.payload[name].as_str().unwrap().to_owned();
    let progress = match job.kind.as_str() {
        "escalate" => {
            let incident: IncidentId = text("incident").parse().unwrap();
            app.run_escalation(job, incident).await
        }
        "send" => {
            let attempt: AttemptId = text("attempt").parse().unwrap();
            app.send_message(job, attempt).await
        }
        _ => {
            app.review_reports(text("provider"), text("provider_id"))
                .await
        }
    };
    match progress.unwrap() {
        Progress::Recorded => {}
        Progress::Done => {
            app.finish_job(job).await.unwrap();
        }
        Progress::Again(after) => {
            app.retry_job(job, after, String::new()).await.unwrap();
        }
    }
}

fn taken(resource: &Resource) -> Taken {
    let (kind, text) = if resource.kind == "Calls" {
        ("call", "Twiml")
    } else {
        ("sms", "Body")
    };
    Taken {
        kind,
        to: resource.get("To").unwrap().to_owned(),
        text: resource.get(text).unwrap().to_owned(),
    }
}

/// One test body, run on SQLite and on PostgreSQL, each on a fresh store.
macro_rules! on_both_stores {
    ($(#[$lint:meta])* $name:ident, async |$store:ident: TestStore| $body:block) => {
        mod $name {
            use super::*;

            $(#[$lint])*
            async fn body($store: TestStore) $body

            #[tokio::test]
            async fn sqlite() {
                body(TestStore::sqlite().await).await;
            }

            #[tokio::test]
            async fn postgres() {
                if let Some(store) = TestStore::postgres().await {
                    body(store).await;
                }
            }
        }
    };
}
pub(super) use on_both_stores;
