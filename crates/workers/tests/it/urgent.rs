//! What a person in distress waits for starts when it is due, and not a look later.

use std::sync::Arc;
use std::time::Duration;

use mayday_app::store::jobs::{self, NewJob};
use mayday_app::store::{Command, Lane, StoreError, Tx};
use mayday_app::testing::TestApp;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::{Workers, counts};

/// Below the runner's steady look, and far above what a busy machine takes.
const AT_ONCE: Duration = Duration::from_secs(4);

const TICK: Duration = Duration::from_millis(1);

/// Moves the node's clock and tokio's as time passes, until dropped: by no more than a
/// tick at once, so that a machine that stands still meanwhile takes no time from anybody.
pub(crate) fn run_clock(node: &TestApp) -> JoinSet<()> {
    let clock = Arc::clone(&node.store.clock);
    tokio::time::pause();
    let mut running = JoinSet::new();
    running.spawn(async move {
        loop {
            // While such a thread is at work, tokio's clock does not move by itself.
            let tick = tokio::task::spawn_blocking(|| std::thread::park_timeout(TICK));
            tick.await.expect("a pause");
            clock.advance(TICK);
            tokio::time::advance(TICK).await;
        }
    });
    running
}

/// Enqueues a job that finds nothing to do.
struct Later {
    key: &'static str,
    after: Duration,
}

impl Command for Later {
    type Output = ();
    const NAME: &'static str = "test.later";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let job = NewJob {
            kind: "report",
            key: self.key,
            priority: 0,
            due_at: tx.now().plus(self.after),
            payload: json!({"version": 1, "provider": "none", "provider_id": self.key}),
        };
        jobs::enqueue(tx, job).await.map(|_| ())
    }
}

async fn done_within(node: &TestApp, limit: Duration) -> Duration {
    let begin = Instant::now();
    let mut looks = tokio::time::interval(Duration::from_millis(2));
    loop {
        looks.tick().await;
        let counts = counts(node).await;
        if counts.ready + counts.leased == 0 {
            return begin.elapsed();
        }
        assert!(begin.elapsed() < limit, "not within {limit:?}: {counts:?}");
    }
}

#[tokio::test]
async fn a_job_starts_when_it_is_due() {
    let node = TestApp::sqlite().await;
    let _clock = run_clock(&node);
    let workers = Workers::of(&node);
    // A far one first: the nearer one that comes later must not wait for it.
    let wait = Duration::from_millis(700);
    let begin = node.app.now();
    for (key, after) in [("far", wait), ("near", wait / 2)] {
        node.store
            .write(Lane::Job, Later { key, after })
            .await
            .unwrap();
    }
    done_within(&node, wait + AT_ONCE).await;
    let waited = node.app.now().since(begin);
    assert!(waited >= wait, "not before its time: {waited:?}");
    // What is due already is rung for.
    let now = Later {
        key: "now",
        after: Duration::ZERO,
    };
    node.store.write(Lane::Job, now).await.unwrap();
    done_within(&node, AT_ONCE).await;
    workers.stop().await;
}

#[tokio::test]
async fn more_jobs_than_there_are_places_are_all_done() {
    let node = TestApp::sqlite().await;
    let _clock = run_clock(&node);
    let workers = Workers::of(&node);
    let keys: Vec<&'static str> = (0..600)
        .map(|number| &*Box::leak(format!("job-{number}").into_boxed_str()))
        .collect();
    for key in keys {
        let after = Duration::ZERO;
        node.store
            .write(Lane::Job, Later { key, after })
            .await
            .unwrap();
    }
    done_within(&node, 10 * AT_ONCE).await;
    workers.stop().await;
}
