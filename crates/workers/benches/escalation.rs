//! How long a person in distress waits for the first message to leave: from the end
//! of the grace window to the provider's door, on the embedded store, with a simulated
//! provider on this machine. `cargo xtask bench --only escalation` runs it.
//!
//! It is no test: it prints what it took.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a measurement prints its result, and has nothing to go on with after a failure"
)]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mayday_app::gateway::testing::TwilioSimulator;
use mayday_app::store::Lane;
use mayday_app::store::policies::SetPolicy;
use mayday_app::store::testing::TestStore;
use mayday_app::testing::TestApp;
use mayday_app::testing::senders::through;
use mayday_app::{App, SosTrigger, TriggerReceipt};
use mayday_core::contact::ContactDraft;
use mayday_core::escalation::Policy;
use mayday_core::identity::{AppId, Caller};
use mayday_core::ids::RecordId;
use mayday_core::time::Timestamp;
use mayday_core::transport::Transport;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Incidents a second, and for how long.
const RATE: u32 = 100;
const SECONDS: u32 = 10;
/// Incidents at one instant.
const AT_ONCE: u32 = 1_000;
/// The grace window of the steady run: the cries of others arrive meanwhile.
const GRACE: Duration = Duration::from_secs(2);
/// How long all of it may take before the measurement is given up.
const LIMIT: Duration = Duration::from_mins(2);

struct Bench {
    node: TestApp,
    provider: TwilioSimulator,
    people: Vec<(Caller, String)>,
}

#[tokio::main]
async fn main() {
    // Cargo's test runner only wants to know that it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    println!("| escalation, embedded store | incidents | p50 ms | p99 ms | longest ms |");
    println!("|---|---|---|---|---|");
    let steady = Bench::start(RATE * SECONDS, GRACE).await.steady().await;
    row(
        &format!("{RATE} incidents a second, first SMS after the grace window"),
        steady,
    );
    let burst = Bench::start(AT_ONCE, Duration::ZERO).await.burst().await;
    row(
        "all at one instant, from the first cry to each first SMS",
        burst,
    );
}

fn row(what: &str, mut delays: Vec<Duration>) {
    delays.sort_unstable();
    let at = |part: usize| {
        let index = (delays.len() * part / 100).min(delays.len().saturating_sub(1));
        delays.get(index).map_or(0, Duration::as_millis)
    };
    let count = delays.len();
    println!(
        "| {what} | {count} | {} | {} | {} |",
        at(50),
        at(99),
        at(100)
    );
}

impl Bench {
    /// A node with so many people, each with one contact.
    async fn start(people: u32, grace: Duration) -> Self {
        let store = TestStore::sqlite().await;
        let provider = TwilioSimulator::start(store.clock.clone()).await;
        let provider = provider.expect("a simulated provider");
        let senders = through(&[&provider], Duration::from_secs(15));
        let node = TestApp::with_senders(store, senders).await;
        let document = json!({
            "grace_seconds": grace.as_secs(), "channels": ["sms"],
            "acknowledge_timeout_seconds": 900,
        });
        let set = SetPolicy {
            id: RecordId::generate(node.store.clock.as_ref(), node.store.entropy.as_ref()),
            app_id: AppId::parse(mayday_app::testing::APP_ID).expect("an app id"),
            policy: Policy::parse(&document).expect("a policy"),
            expected: None,
            set_by: "bench".to_owned(),
            set_from: "bench".to_owned(),
        };
        node.store
            .write(Lane::Rest, set)
            .await
            .expect("a policy in force");
        let mut known = Vec::new();
        for number in 0..people {
            let caller = node.caller(&format!("person-{number}")).await;
            let phone = format!("+3460{number:07}");
            let draft = ContactDraft {
                name: Some("Contact".to_owned()),
                phone: Some(phone.clone()),
                email: Some("contact@example.org".to_owned()),
                priority: None,
                language: None,
            };
            node.app
                .add_contact(&caller, draft)
                .await
                .expect("a contact");
            known.push((caller, phone));
        }
        Self {
            node,
            provider,
            people: known,
        }
    }

    /// Cries at a steady rate; the delays from the end of each one's grace window.
    async fn steady(self) -> Vec<Duration> {
        let (_clock, workers) = self.run();
        let mut ticks = interval(Duration::from_secs(1) / RATE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut cries = JoinSet::new();
        for (caller, phone) in self.people.clone() {
            ticks.tick().await;
            let app = Arc::clone(&self.node.app);
            cries.spawn(async move { (phone, cry(&app, &caller).await) });
        }
        let opened: HashMap<String, Timestamp> = cries.join_all().await.into_iter().collect();
        let told = self.all_told().await;
        workers.cancel();
        let delay = |(phone, at): (String, Timestamp)| {
            let opened = opened.get(&phone).expect("who cried");
            at.since(opened.plus(GRACE))
        };
        told.into_iter().map(delay).collect()
    }

    /// Cries all at once; the delays from the first of them.
    async fn burst(self) -> Vec<Duration> {
        let (_clock, workers) = self.run();
        let begin = self.node.app.now();
        let mut cries = JoinSet::new();
        for (caller, _) in self.people.clone() {
            let app = Arc::clone(&self.node.app);
            cries.spawn(async move { cry(&app, &caller).await });
        }
        cries.join_all().await;
        let told = self.all_told().await;
        workers.cancel();
        told.into_values().map(|at| at.since(begin)).collect()
    }

    /// A clock that runs, and the workers.
    fn run(&self) -> (JoinSet<()>, CancellationToken) {
        let clock = Arc::clone(&self.node.store.clock);
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut last = Instant::now();
            let mut ticks = interval(Duration::from_millis(1));
            loop {
                ticks.tick().await;
                let now = Instant::now();
                clock.advance(now - last);
                last = now;
            }
        });
        let stop = CancellationToken::new();
        tokio::spawn(mayday_workers::run(
            Arc::clone(&self.node.app),
            stop.clone(),
        ));
        (running, stop)
    }

    /// When each number got its message.
    async fn all_told(&self) -> HashMap<String, Timestamp> {
        let begin = Instant::now();
        let mut looks = interval(Duration::from_millis(50));
        loop {
            looks.tick().await;
            let log = self.provider.log();
            if log.len() >= self.people.len() || begin.elapsed() > LIMIT {
                let to = |one: &mayday_app::gateway::testing::Resource| {
                    (one.get("To").unwrap_or_default().to_owned(), one.created)
                };
                let told: HashMap<_, _> = log.iter().map(to).collect();
                println!("<!-- {} messages to {} people -->", log.len(), told.len());
                return told;
            }
        }
    }
}

/// Cries for help; when that was received.
async fn cry(app: &Arc<App>, caller: &Caller) -> Timestamp {
    let trigger = SosTrigger {
        body: Bytes::from_static(br#"{"latitude":41.5,"longitude":2.25}"#),
        oversized: false,
        retained: false,
        transport: Transport::Http,
    };
    match app
        .trigger_sos(caller, trigger)
        .await
        .expect("a cry is heard")
    {
        TriggerReceipt::Own(incident) => incident.created_at,
        other => unreachable!("the own incident, not {other:?}"),
    }
}
