//! Another program holds the database.

use tokio::time::{Instant, MissedTickBehavior};

use super::*;
use crate::sqlite::connect::{self, BUSY_WAIT};
use crate::sqlite::{FILE, direct};

const TICK: Duration = Duration::from_millis(10);

/// How long something takes, at least so long; what the machine stood still meanwhile is
/// not counted.
async fn took(something: impl Future<Output = ()>) -> Duration {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first one comes at once.
    ticks.tick().await;
    let mut something = std::pin::pin!(something);
    let mut passed = Duration::ZERO;
    loop {
        tokio::select! {
            () = &mut something => return passed,
            _ = ticks.tick() => passed += TICK,
        }
    }
}

#[tokio::test]
async fn those_whom_another_program_keeps_waiting_are_refused_together() {
    let store = TestStore::sqlite().await;
    let path = store.config.data_dir.join(FILE);
    let mut other = connect::writing(&path).unwrap();
    other.execute("BEGIN IMMEDIATE", direct::NONE).unwrap();
    let began = Instant::now();
    let keys = ["a", "b", "c", "d", "e", "f"];
    let waiting: Vec<_> = keys
        .into_iter()
        .map(|key| start(&store, Lane::Sos, Put::new(key, Then::Succeed)))
        .collect();
    let passed = took(async {
        for refused in waiting {
            let refused = refused.await.unwrap();
            assert!(refused.unwrap_err().is_transient());
        }
    });
    let passed = passed.await;
    assert!(began.elapsed() >= BUSY_WAIT);
    // One after the other they would take six times as long.
    assert!(passed < 2 * BUSY_WAIT, "{passed:?}");
    other.execute("ROLLBACK", direct::NONE).unwrap();
    store
        .write(Lane::Sos, Put::new("after", Then::Succeed))
        .await
        .unwrap();
    assert!(!has(&store, "a").await, "refused and stored");
}
