//! The writer under test: groups, savepoints, lanes, failures, a full disk.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mayday_core::ids::{EventId, UserId};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::args;
use crate::command::{Command, Lane};
use crate::disk::DiskLimits;
use crate::error::StoreError;
use crate::faults::CommitFault;
use crate::hint::Hint;
use crate::jobs::{self, NewJob};
use crate::sql::Sql;
use crate::store::{Store, StoreConfig};
use crate::testing::TestStore;
use crate::tx::Tx;

mod closing;
mod held;

/// No test waits longer for anything. A machine may stand still for a while.
const LIMIT: Duration = Duration::from_mins(2);

static DEFER_KEYS: Sql = Sql::new("PRAGMA defer_foreign_keys = ON");
static ORPHAN: Sql = Sql::new(
    "INSERT INTO events (id, user_id, seq, app_id, incident_id, kind, snapshot_version, \
     created_at, body) VALUES ($1, $2, 1, $2, $2, 'processed', 1, 1, '{}')",
);
static PAGES: Sql = Sql::new("PRAGMA page_count");
static FILL_DISK: Sql = Sql::new("PRAGMA max_page_count = 1");
static NO_SUCH_TABLE: Sql = Sql::new("SELECT 1 FROM no_such_table");
static COUNT_JOBS: Sql = Sql::new("SELECT COUNT(*) FROM jobs WHERE key = $1");

async fn put(tx: &mut Tx<'_>, key: &str) -> Result<bool, StoreError> {
    let job = NewJob {
        kind: "test",
        key,
        priority: 0,
        due_at: tx.now(),
        payload: json!({"version": 1, "filler": "x".repeat(2_000)}),
    };
    jobs::enqueue(tx, job).await
}

async fn has(store: &Store, key: &str) -> bool {
    let mut tx = store.read().await.unwrap();
    let row = tx.fetch_one(&COUNT_JOBS, args![key]).await.unwrap();
    row.get::<i64>(0).unwrap() == 1
}

/// Waits for the gate, so that others queue up behind it.
struct Hold {
    gate: Arc<Semaphore>,
    entered: Arc<Semaphore>,
}

impl Hold {
    fn at(gate: &Arc<Semaphore>) -> Self {
        Self {
            gate: Arc::clone(gate),
            entered: Arc::new(Semaphore::new(0)),
        }
    }
}

impl Command for Hold {
    type Output = ();
    const NAME: &'static str = "test.hold";

    async fn run(&self, _: &mut Tx<'_>) -> Result<(), StoreError> {
        self.entered.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
        Ok(())
    }
}

/// What a test command does after it has written its key.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    Succeed,
    Fail,
    Panic,
    BreakCommit,
    /// The disk is full in its first so many runs.
    FillDisk(u32),
}

/// Writes a job with a key, then does something else.
struct Put {
    key: &'static str,
    then: Then,
    runs: Arc<AtomicU32>,
    order: Arc<Mutex<Vec<&'static str>>>,
}

impl Put {
    fn new(key: &'static str, then: Then) -> Self {
        Self {
            key,
            then,
            runs: Arc::default(),
            order: Arc::default(),
        }
    }
}

impl Command for Put {
    type Output = &'static str;
    const NAME: &'static str = "test.put";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, StoreError> {
        let run = self.runs.fetch_add(1, Ordering::SeqCst);
        self.order.lock().unwrap().push(self.key);
        if matches!(self.then, Then::FillDisk(times) if run < times) {
            let pages: i64 = tx.fetch_one(&PAGES, args![]).await?.get(0)?;
            assert!(pages > 1);
            tx.fetch_one(&FILL_DISK, args![]).await?;
            for turn in 0..200 {
                put(tx, &format!("filler-{turn}")).await?;
            }
        }
        put(tx, self.key).await?;
        match self.then {
            Then::Fail => {
                tx.fetch_all(&NO_SUCH_TABLE, args![]).await?;
            }
            Then::Panic => panic!("a command of a test panics"),
            Then::BreakCommit => {
                tx.execute(&DEFER_KEYS, args![]).await?;
                let nobody = UserId::generate(tx.clock(), tx.entropy());
                let event = EventId::generate(tx.clock(), tx.entropy());
                tx.execute_one(&ORPHAN, args![event, nobody]).await?;
            }
            Then::Succeed | Then::FillDisk(_) => {}
        }
        Ok(self.key)
    }
}

type Running<T> = tokio::task::JoinHandle<Result<T, StoreError>>;

fn start<C: Command>(store: &Store, lane: Lane, command: C) -> Running<C::Output> {
    let store = store.clone();
    tokio::spawn(async move { store.write(lane, command).await })
}

/// Holds the writer and waits until it is held.
async fn hold(store: &Store) -> (Arc<Semaphore>, Running<()>) {
    let gate = Arc::new(Semaphore::new(0));
    let command = Hold::at(&gate);
    let entered = Arc::clone(&command.entered);
    let held = start(store, Lane::Rest, command);
    entered.acquire().await.unwrap().forget();
    (gate, held)
}

async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, waiting).await.unwrap();
}

fn waiting(store: &Store, lane: Lane) -> usize {
    let queued = store.stats().queued;
    queued.iter().find(|(of, _)| *of == lane).unwrap().1
}

#[tokio::test]
async fn many_commands_share_few_commits() {
    const COMMANDS: u64 = 256;
    let store = TestStore::sqlite().await;
    let (gate, held) = hold(&store).await;
    let open = Arc::new(Semaphore::new(1_000));
    let running: Vec<_> = (0..COMMANDS)
        .map(|_| start(&store, Lane::Rest, Hold::at(&open)))
        .collect();
    until(|| waiting(&store, Lane::Rest) == 256).await;
    let before = store.stats();
    gate.add_permits(1);
    held.await.unwrap().unwrap();
    for task in running {
        task.await.unwrap().unwrap();
    }
    let after = store.stats();
    assert_eq!(after.commands - before.commands, COMMANDS + 1);
    let commits = after.commits - before.commits;
    assert!((5..COMMANDS / 2).contains(&commits), "{commits} commits");
}

#[tokio::test]
async fn a_failing_command_fails_alone() {
    let store = TestStore::sqlite().await;
    let mut commits = store.commits();
    let (gate, held) = hold(&store).await;
    let first = start(&store, Lane::Sos, Put::new("first", Then::Succeed));
    let failing = start(&store, Lane::Sos, Put::new("failing", Then::Fail));
    let panicking = start(&store, Lane::Sos, Put::new("panicking", Then::Panic));
    let last = start(&store, Lane::Sos, Put::new("last", Then::Succeed));
    until(|| waiting(&store, Lane::Sos) == 4).await;
    gate.add_permits(1);
    held.await.unwrap().unwrap();
    assert_eq!(first.await.unwrap().unwrap(), "first");
    assert!(matches!(
        failing.await.unwrap(),
        Err(StoreError::Statement { .. })
    ));
    assert!(matches!(
        panicking.await.unwrap(),
        Err(StoreError::Panicked {
            command: "test.put"
        })
    ));
    assert_eq!(last.await.unwrap().unwrap(), "last");
    for (key, stored) in [
        ("first", true),
        ("failing", false),
        ("panicking", false),
        ("last", true),
    ] {
        assert_eq!(has(&store, key).await, stored, "{key}");
    }
    let mut hints = 0;
    while let Ok(of_commit) = commits.try_recv() {
        hints += of_commit.len();
    }
    assert_eq!(hints, 2, "one for each job that was stored");
}

#[tokio::test]
async fn a_caller_who_leaves_does_not_abort_his_command() {
    let store = TestStore::sqlite().await;
    let (gate, held) = hold(&store).await;
    let leaving = start(&store, Lane::Sos, Put::new("kept", Then::Succeed));
    until(|| waiting(&store, Lane::Sos) == 1).await;
    leaving.abort();
    gate.add_permits(1);
    held.await.unwrap().unwrap();
    store
        .write(Lane::Rest, Put::new("after", Then::Succeed))
        .await
        .unwrap();
    assert!(has(&store, "kept").await);
}

#[tokio::test]
async fn higher_lanes_go_first() {
    let store = TestStore::sqlite().await;
    let (gate, held) = hold(&store).await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let lanes = [
        (Lane::Rest, "rest"),
        (Lane::Job, "job"),
        (Lane::Session, "session"),
        (Lane::Sos, "sos"),
    ];
    let mut running = Vec::new();
    for (lane, key) in lanes {
        let command = Put {
            order: Arc::clone(&order),
            ..Put::new(key, Then::Succeed)
        };
        running.push(start(&store, lane, command));
        until(|| waiting(&store, lane) == 1).await;
    }
    gate.add_permits(1);
    held.await.unwrap().unwrap();
    for task in running {
        task.await.unwrap().unwrap();
    }
    assert_eq!(*order.lock().unwrap(), ["sos", "session", "job", "rest"]);
}

#[tokio::test]
async fn a_full_lane_refuses_while_an_sos_still_gets_through() {
    let store = TestStore::sqlite().await;
    let (gate, held) = hold(&store).await;
    let open = Arc::new(Semaphore::new(100_000));
    let places = crate::lanes::places(Lane::Job);
    let running: Vec<_> = (0..places)
        .map(|_| start(&store, Lane::Job, Hold::at(&open)))
        .collect();
    until(|| waiting(&store, Lane::Job) == places).await;
    let refused = store.write(Lane::Job, Hold::at(&open)).await;
    assert!(matches!(refused, Err(StoreError::Busy { lane: "job" })));
    let sos = start(&store, Lane::Sos, Put::new("sos", Then::Succeed));
    gate.add_permits(1);
    held.await.unwrap().unwrap();
    assert_eq!(sos.await.unwrap().unwrap(), "sos");
    for task in running {
        task.await.unwrap().unwrap();
    }
}

/// A good command and one that breaks its commit, one behind the other; how often the
/// good one ran.
async fn beside_a_bad_one(store: &Store) -> u32 {
    let (gate, held) = hold(store).await;
    let good = Put::new("good", Then::Succeed);
    let good_runs = Arc::clone(&good.runs);
    let good = start(store, Lane::Sos, good);
    let bad = start(store, Lane::Sos, Put::new("bad", Then::BreakCommit));
    until(|| waiting(store, Lane::Sos) == 2).await;
    gate.add_permits(2);
    held.await.unwrap().unwrap();
    assert_eq!(good.await.unwrap().unwrap(), "good");
    assert!(bad.await.unwrap().is_err());
    assert!(has(store, "good").await);
    assert!(!has(store, "bad").await);
    good_runs.load(Ordering::SeqCst)
}

#[tokio::test]
async fn after_a_failed_commit_each_command_runs_again_alone() {
    let store = TestStore::sqlite().await;
    // On a machine that is busy with something else their group may end between them.
    let mut runs = 1;
    for _ in 0..20 {
        runs = beside_a_bad_one(&store).await;
        if runs > 1 {
            break;
        }
    }
    assert_eq!(runs, 2);
    store
        .write(Lane::Rest, Put::new("next", Then::Succeed))
        .await
        .unwrap();
}

#[tokio::test]
async fn observers_hear_of_a_commit_before_its_caller_is_answered() {
    let store = TestStore::sqlite().await;
    let heard = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&heard);
    store.observe(|_| panic!("an observer of a test panics"));
    store.observe(move |hints| {
        assert!(matches!(hints, [Hint::JobDue { .. }]));
        counter.fetch_add(1, Ordering::SeqCst);
    });
    store
        .write(Lane::Sos, Put::new("heard", Then::Succeed))
        .await
        .unwrap();
    assert_eq!(heard.load(Ordering::SeqCst), 1);
}

/// A store on a disk that is full, with a ballast of this size.
async fn full(fresh: &TestStore, ballast_bytes: u64) -> Store {
    let store = open(fresh, low(fresh, ballast_bytes, false)).await;
    assert_eq!(store.disk().ballast_bytes(), ballast_bytes);
    store.disk().pretend(0);
    store
}

/// How often an SOS ran on a disk that is full in its first runs, and what is left of
/// a ballast of 2 MiB then.
async fn squeezed(times: u32) -> (u32, u64) {
    let fresh = TestStore::sqlite().await;
    let store = full(&fresh, 2 << 20).await;
    let command = Put::new("sos", Then::FillDisk(times));
    let runs = Arc::clone(&command.runs);
    let answer = store.write(Lane::Sos, command).await;
    assert_eq!(has(&store, "sos").await, answer.is_ok(), "{answer:?}");
    let rest = store
        .write(Lane::Rest, Put::new("rest", Then::Succeed))
        .await;
    assert!(matches!(rest, Err(StoreError::DiskFull { .. })));
    for (lane, key) in [(Lane::Sos, "second"), (Lane::Job, "job")] {
        let put = Put::new(key, Then::Succeed);
        store.write(lane, put).await.unwrap();
    }
    (runs.load(Ordering::SeqCst), store.disk().ballast_bytes())
}

#[tokio::test]
async fn on_a_full_disk_the_log_is_carried_over_before_the_ballast_goes_piece_by_piece() {
    let mib = 1 << 20;
    // All at once: each makes two databases, and a disk may flush slowly.
    let (once, twice, thrice, always) =
        tokio::join!(squeezed(1), squeezed(2), squeezed(3), squeezed(u32::MAX));
    assert_eq!(once, (2, 2 * mib), "the log was enough");
    assert_eq!(twice, (3, mib));
    assert_eq!(thrice, (4, 0));
    assert_eq!(always, (4, 0), "refused, at its end");
}

#[tokio::test]
async fn on_an_exhausted_disk_the_log_does_not_grow_with_the_commits() {
    let fresh = TestStore::sqlite().await;
    let store = full(&fresh, 64 << 10).await;
    until(|| store.disk().is_exhausted()).await;
    let log = fresh.directory.path().join("low/mayday.db-wal");
    store
        .write(Lane::Sos, Put::new("first", Then::Succeed))
        .await
        .unwrap();
    let before = log.metadata().unwrap().len();
    for key in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"] {
        let put = Put::new(key, Then::Succeed);
        store.write(Lane::Sos, put).await.unwrap();
    }
    // A dozen commits of several pages each.
    assert!(log.metadata().unwrap().len() <= before + 8 * 4_096);
    assert_eq!(store.disk().ballast_bytes(), 64 << 10);
}

#[tokio::test]
async fn when_there_is_room_again_everything_is_stored_without_a_restart() {
    let fresh = TestStore::sqlite().await;
    let store = full(&fresh, 64 << 10).await;
    until(|| store.disk().is_exhausted()).await;
    store.disk().pretend(store.disk().room_bytes());
    until(|| !store.disk().is_exhausted()).await;
    store
        .write(Lane::Rest, Put::new("rest", Then::Succeed))
        .await
        .unwrap();
}

/// How often each SOS ran whose commits all fail as on a broken disk, of which so much
/// is free as far as can be measured, and what was left of a ballast of two pieces then.
async fn failing(free: u64, commands: usize) -> Vec<(u32, u64)> {
    let fresh = TestStore::sqlite().await;
    let store = full(&fresh, 2 << 20).await;
    store.disk().pretend(free);
    store.faults().fail_commits(Some(CommitFault::Disk));
    let mut all_runs = Vec::new();
    for _ in 0..commands {
        let command = Put::new("sos", Then::Succeed);
        let runs = Arc::clone(&command.runs);
        let failed = store.write(Lane::Sos, command).await;
        assert!(matches!(failed, Err(StoreError::Unavailable { .. })));
        all_runs.push((runs.load(Ordering::SeqCst), store.disk().ballast_bytes()));
    }
    store.faults().fail_commits(None);
    store
        .write(Lane::Sos, Put::new("sos", Then::Succeed))
        .await
        .unwrap();
    all_runs
}

#[tokio::test]
async fn a_disk_that_fails_without_saying_full_gets_the_ballast_piece_by_piece() {
    // Enough is free, as far as can be measured (yet too little to make the ballast
    // again): the second failure tells, and each SOS costs one piece.
    assert_eq!(failing(3 << 19, 2).await, [(3, 1 << 20), (2, 0)]);
    // Next to nothing is free: the first one does, and each piece is tried.
    assert_eq!(failing(0, 1).await, [(4, 0)]);
}

/// A configuration for which every disk is nearly full.
fn low(fresh: &TestStore, ballast_bytes: u64, refuse_rest: bool) -> StoreConfig {
    StoreConfig {
        data_dir: fresh.directory.path().join("low"),
        disk: DiskLimits {
            reserve_bytes: u64::MAX,
            reserve_percent: 5,
            ballast_bytes,
            refuse_rest,
        },
        ..fresh.config.clone()
    }
}

async fn open(fresh: &TestStore, config: StoreConfig) -> Store {
    let (clock, entropy) = (fresh.clock.clone(), fresh.entropy.clone());
    Store::open(config, clock, entropy).await.unwrap()
}

#[tokio::test]
async fn below_the_line_an_sos_and_jobs_go_on() {
    let fresh = TestStore::sqlite().await;
    let store = open(&fresh, low(&fresh, 0, true)).await;
    assert!(store.disk().is_low());
    store
        .write(Lane::Sos, Put::new("sos", Then::Succeed))
        .await
        .unwrap();
    store
        .write(Lane::Job, Put::new("job", Then::Succeed))
        .await
        .unwrap();
    let rest = store
        .write(Lane::Rest, Put::new("rest", Then::Succeed))
        .await;
    assert!(matches!(rest, Err(StoreError::DiskFull { .. })));
}

#[tokio::test]
async fn a_closed_store_has_committed_all_and_takes_no_more() {
    let store = TestStore::sqlite().await;
    let (gate, held) = hold(&store).await;
    let queued = start(&store, Lane::Rest, Put::new("queued", Then::Succeed));
    until(|| waiting(&store, Lane::Rest) == 1).await;
    gate.add_permits(1);
    store.close().await;
    held.await.unwrap().unwrap();
    queued.await.unwrap().unwrap();
    let late = store
        .write(Lane::Sos, Put::new("late", Then::Succeed))
        .await;
    assert!(matches!(late, Err(StoreError::Closed)));
    assert!(!store.stats().open);
    let again = store.reopen().await.unwrap();
    assert!(has(&again, "queued").await);
    let log = store.config.data_dir.join("mayday.db-wal");
    assert!(!log.metadata().is_ok_and(|log| log.len() > 0));
}

#[tokio::test]
async fn an_idle_log_is_emptied() {
    let store = TestStore::sqlite().await;
    // The store's own upkeep empties no log that somebody reads.
    let mut reader = store.read().await.unwrap();
    reader.fetch_one(&COUNT_JOBS, args!["k"]).await.unwrap();
    store
        .write(Lane::Rest, Put::new("logged", Then::Succeed))
        .await
        .unwrap();
    let log = store.config.data_dir.join("mayday.db-wal");
    assert!(log.metadata().unwrap().len() > 0);
    drop(reader);
    let counters = Arc::new(crate::stats::Counters::default());
    counters.committed(1, Duration::ZERO, crate::testing::START);
    let lock = Arc::new(std::fs::File::open(&log).unwrap());
    let path = store.config.data_dir.join(super::FILE);
    let checkpoints = super::rewind::Checkpoints::of(&path);
    let disk = store.disk().clone();
    let mut upkeep = super::upkeep::Upkeep::new(path, counters, disk, None, checkpoints, lock);
    let emptied = async {
        while log.metadata().unwrap().len() > 0 {
            upkeep.look().await;
        }
    };
    tokio::time::timeout(LIMIT, emptied).await.unwrap();
    assert!(has(&store, "logged").await);
}

#[tokio::test]
async fn a_reader_sees_one_snapshot_and_cannot_write() {
    let store = TestStore::sqlite().await;
    let mut tx = store.read().await.unwrap();
    let before: i64 = tx
        .fetch_one(&COUNT_JOBS, args!["k"])
        .await
        .unwrap()
        .get(0)
        .unwrap();
    store
        .write(Lane::Sos, Put::new("k", Then::Succeed))
        .await
        .unwrap();
    let after: i64 = tx
        .fetch_one(&COUNT_JOBS, args!["k"])
        .await
        .unwrap()
        .get(0)
        .unwrap();
    assert_eq!((before, after), (0, 0));
    assert!(put(&mut tx, "by-a-reader").await.is_err());
    drop(tx);
    assert!(has(&store, "k").await);
}
