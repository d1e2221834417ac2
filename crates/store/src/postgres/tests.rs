//! Commands on PostgreSQL: run again when asked to, apart from their callers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mayday_core::ids::UserId;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::sync::{Barrier, Semaphore};

use super::Postgres;
use super::run::Runner;
use crate::args;
use crate::command::{Command, Lane};
use crate::commits::Commits;
use crate::error::StoreError;
use crate::heartbeat::Heartbeat;
use crate::master_key::Need;
use crate::sql::Sql;
use crate::stats::Counters;
use crate::store::{Database, Opening};
use crate::testing::{START, TestStore};
use crate::tx::Tx;

static RENAME: Sql = Sql::new("UPDATE users SET name = $2 WHERE id = $1");
static END_OTHERS: Sql = Sql::new(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
     WHERE datname = current_database() AND application_name = 'mayday' \
     AND pid <> pg_backend_pid()",
);

/// Or the server would end the sleep before the test does.
static NO_LIMIT: Sql = Sql::new("SELECT set_config('statement_timeout', '0', true)");
/// Longer than any test lasts.
static SLEEP: Sql = Sql::new("SELECT pg_sleep(600)");

/// No test waits longer for anything. A machine may stand still for a while.
const LIMIT: Duration = Duration::from_mins(2);

/// Changes two users in the given order; the first run waits in between for
/// another that changes them in the other order: a deadlock. The next run begins
/// with the one that the other command holds, or it might overtake it and be in
/// its way again.
struct Cross {
    users: [UserId; 2],
    meet: Arc<Barrier>,
    runs: Arc<AtomicU32>,
}

impl Command for Cross {
    type Output = ();
    const NAME: &'static str = "test.cross";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let [mut first, mut second] = self.users;
        let run = self.runs.fetch_add(1, Ordering::SeqCst);
        if run > 0 {
            std::mem::swap(&mut first, &mut second);
        }
        tx.execute_one(&RENAME, args![first, "x"]).await?;
        if run == 0 {
            self.meet.wait().await;
        }
        tx.execute_one(&RENAME, args![second, "x"]).await
    }
}

#[tokio::test]
async fn of_two_that_deadlock_both_commit() {
    let Some(store) = TestStore::postgres().await else {
        return;
    };
    let app = store.app("acme").await;
    let (ana, ben) = (store.user(&app, "ana").await, store.user(&app, "ben").await);
    let meet = Arc::new(Barrier::new(2));
    let runs = [Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0))];
    let cross = |users, index: usize| Cross {
        users,
        meet: Arc::clone(&meet),
        runs: Arc::clone(&runs[index]),
    };
    let (one, two) = tokio::join!(
        store.write(Lane::Sos, cross([ana, ben], 0)),
        store.write(Lane::Rest, cross([ben, ana], 1)),
    );
    one.unwrap();
    two.unwrap();
    let total: u32 = runs.iter().map(|runs| runs.load(Ordering::SeqCst)).sum();
    assert_eq!(total, 3, "one of the two ran again");
}

/// Tells that it runs, then waits for its gate, then writes.
struct Gated {
    entered: Arc<Semaphore>,
    gate: Arc<Semaphore>,
}

impl Command for Gated {
    type Output = ();
    const NAME: &'static str = "test.gated";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        self.entered.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
        Heartbeat.run(tx).await
    }
}

#[tokio::test]
async fn a_caller_who_leaves_does_not_abort_his_command() {
    let Some(store) = TestStore::postgres().await else {
        return;
    };
    let (entered, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let command = Gated {
        entered: Arc::clone(&entered),
        gate: Arc::clone(&gate),
    };
    let handle = store.store();
    let caller = tokio::spawn(async move { handle.write(Lane::Sos, command).await });
    entered.acquire().await.unwrap().forget();
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    gate.add_permits(1);
    let stored = async {
        while store.last_heartbeat().await.unwrap().is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, stored).await.unwrap();
}

struct Panicking;

impl Command for Panicking {
    type Output = ();
    const NAME: &'static str = "test.panicking";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        Heartbeat.run(tx).await?;
        panic!("a command of a test panics");
    }
}

#[tokio::test]
async fn a_panicking_command_is_rolled_back() {
    let Some(store) = TestStore::postgres().await else {
        return;
    };
    let panicked = store.write(Lane::Sos, Panicking).await;
    assert!(matches!(panicked, Err(StoreError::Panicked { .. })));
    assert_eq!(store.last_heartbeat().await.unwrap(), None);
}

#[tokio::test]
async fn a_lost_connection_is_replaced() {
    let Some(store) = TestStore::postgres().await else {
        return;
    };
    store.write(Lane::Sos, Heartbeat).await.unwrap();
    let Database::Postgres(url) = &store.config.database else {
        panic!("not a PostgreSQL store");
    };
    let mut administrator = PgConnection::connect(url).await.unwrap();
    let ended = administrator
        .fetch_all(END_OTHERS.text(crate::Dialect::Postgres))
        .await
        .unwrap();
    assert!(!ended.is_empty());
    store.clock.advance(Duration::from_secs(1));
    store.write(Lane::Sos, Heartbeat).await.unwrap();
    let later = START.plus(Duration::from_secs(1));
    assert_eq!(store.last_heartbeat().await.unwrap(), Some(later));
}

/// Its first run gets no answer in time; the next ones do.
struct Stuck {
    runs: AtomicU32,
}

impl Command for Stuck {
    type Output = ();
    const NAME: &'static str = "test.stuck";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        if self.runs.fetch_add(1, Ordering::SeqCst) == 0 {
            tx.fetch_all(&NO_LIMIT, args![]).await?;
            tx.fetch_all(&SLEEP, args![]).await?;
        }
        Heartbeat.run(tx).await
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up_with_its_connection() {
    let Some(store) = TestStore::postgres().await else {
        return;
    };
    let Database::Postgres(url) = &store.config.database else {
        panic!("not a PostgreSQL store");
    };
    let opening = Opening {
        clock: store.clock.clone(),
        entropy: store.entropy.clone(),
        need: Need::Required,
    };
    let (commits, counters) = (Arc::new(Commits::new()), Arc::new(Counters::default()));
    let opened = Postgres::open(
        &store.config,
        url,
        opening,
        Arc::clone(&commits),
        Arc::clone(&counters),
    );
    let (engine, environment) = opened.await.unwrap();
    let options = super::connect::options(url).unwrap();
    let runner = Runner {
        // One place only: a connection that is stuck would keep it.
        pool: super::connect::pool(&options, 1).await.unwrap(),
        environment,
        commits,
        counters,
        limit: Duration::from_millis(500),
    };
    let stuck = Stuck {
        runs: AtomicU32::new(0),
    };
    tokio::time::timeout(LIMIT, async { while runner.run(&stuck).await.is_err() {} })
        .await
        .expect("the connection's place is free again");
    assert!(stuck.runs.load(Ordering::SeqCst) >= 2);
    runner.pool.close().await;
    engine.close().await;
}

#[tokio::test]
async fn a_server_that_refuses_connections_is_unavailable() {
    let Some(store) = TestStore::postgres().await else {
        return;
    };
    let Database::Postgres(url) = &store.config.database else {
        panic!("not a PostgreSQL store");
    };
    let (_, name) = url.rsplit_once('/').unwrap();
    let name = name.split('?').next().unwrap();
    let server = std::env::var("MAYDAY_TEST_POSTGRES").unwrap();
    let mut administrator = PgConnection::connect(&server).await.unwrap();
    for statement in [
        format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false"),
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"),
    ] {
        let done = administrator.execute(AssertSqlSafe(statement)).await;
        done.unwrap();
    }
    let written = store.write(Lane::Sos, Heartbeat).await.unwrap_err();
    assert!(written.is_transient(), "{written:?}");
    let read = store.read().await.map(drop).unwrap_err();
    assert!(read.is_transient(), "{read:?}");
    let statement = format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true");
    let done = administrator.execute(AssertSqlSafe(statement)).await;
    done.unwrap();
    store.write(Lane::Sos, Heartbeat).await.unwrap();
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let Some(store) = TestStore::postgres().await else {
        return;
    };
    let mut tx = store.read().await.unwrap();
    assert!(Heartbeat.run(&mut tx).await.is_err());
}
