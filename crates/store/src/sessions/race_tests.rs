//! N+1 log-ins at one instant end with exactly N live sessions, on one server and
//! on two.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::support::*;
use crate::store::Store;
use crate::testing::TestStore;

/// How often the instant comes ..
const ROUNDS: u64 = 200;
/// .. and at least, where a disk flushes so slowly that the rounds take longer than this.
const LEAST_ROUNDS: u64 = 50;
const ENOUGH: Duration = Duration::from_mins(2);

/// Sessions that a user may have.
const CAP: u32 = 3;

async fn race(store: &TestStore, servers: &[Store]) {
    let scene = Scene::set(store, "shop", CAP).await;
    let at_once = u64::from(CAP) + 1;
    let began = Instant::now();
    for round in 0..ROUNDS {
        if round >= LEAST_ROUNDS && began.elapsed() > ENOUGH {
            break;
        }
        let logins = (0..at_once).map(|n| {
            let number = round * at_once + n;
            let server = &servers[usize::try_from(n).unwrap() % servers.len()];
            let name = format!("{round}-{n}");
            scene.log_in_at(server, scene.open(number, &name, &name))
        });
        let mut evicted = Vec::new();
        let mut opened = Vec::new();
        for outcome in join_all(logins).await {
            let (issued, fresh, out) = session_of(outcome);
            assert!(fresh);
            opened.push(issued.session.id);
            evicted.extend(out);
        }
        let live = scene.live().await;
        assert_eq!(live.len(), usize::try_from(CAP).unwrap(), "round {round}");
        // No session was taken the place of twice, and the newcomers are in.
        let before = evicted.len();
        evicted.sort();
        evicted.dedup();
        assert_eq!(evicted.len(), before, "round {round}");
        assert!(live.iter().all(|id| opened.contains(id)), "round {round}");
        store.clock.advance(Duration::from_secs(1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_too_many_at_one_instant_on_sqlite() {
    let store = TestStore::sqlite().await;
    let server = store.store();
    race(&store, &[server]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_too_many_at_one_instant_on_two_servers_of_one_postgresql() {
    let Some(store) = TestStore::postgres().await else {
        return;
    };
    let second = store.reopen().await.unwrap();
    race(&store, &[store.store(), second.clone()]).await;
    second.close().await;
}
