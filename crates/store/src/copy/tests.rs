//! The copy follows, is whole at every moment, and keeps nobody waiting.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mayday_core::clock::{Clock as _, ManualClock};
use rusqlite::Connection;
use tokio::time::Instant;

use super::*;
use crate::args;
use crate::backup::{BackupError, restore};
use crate::command::{Command, Lane};
use crate::error::StoreError;
use crate::faults::CommitFault;
use crate::sql::Sql;
use crate::store::{Store, StoreConfig};
use crate::testing::{START, TestStore};
use crate::tx::Tx;

/// No test waits longer for anything. A machine may stand still for a while.
const LIMIT: Duration = Duration::from_mins(2);

static GROW: Sql = Sql::new(
    "INSERT INTO dead_letters VALUES (randomblob(16), x'01', x'02', 'http', '', '[]', randomblob($1), 0, 0)",
);
static COUNT: Sql = Sql::new("SELECT COUNT(*) FROM dead_letters");

/// Writes a row of this size.
struct Grow(i64);

impl Command for Grow {
    type Output = ();

    const NAME: &'static str = "test.grow";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        tx.execute_one(&GROW, args![self.0]).await
    }
}

async fn grow(store: &Store, rows: usize, bytes: i64) {
    for _ in 0..rows {
        store.write(Lane::Rest, Grow(bytes)).await.unwrap();
    }
}

async fn rows(store: &Store) -> i64 {
    let mut tx = store.read().await.unwrap();
    let row = tx.fetch_one(&COUNT, args![]).await.unwrap();
    row.get(0).unwrap()
}

/// Waits until something is so.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let mut looks = tokio::time::interval(Duration::from_millis(10));
    let waiting = async {
        while !holds() {
            looks.tick().await;
        }
    };
    let waited = tokio::time::timeout(LIMIT, waiting).await;
    assert!(waited.is_ok(), "{what}: not within {LIMIT:?}");
}

/// A store with a copy beside it.
struct Copied {
    fresh: TestStore,
    config: StoreConfig,
    directory: PathBuf,
}

impl Copied {
    async fn new(settings: impl FnOnce(PathBuf) -> CopySettings) -> Self {
        let fresh = TestStore::sqlite().await;
        fresh.app("shop").await;
        fresh.close().await;
        let directory = fresh.directory.path().join("copy");
        let config = StoreConfig {
            copy: Some(settings(directory.clone())),
            ..fresh.config.clone()
        };
        Self {
            fresh,
            config,
            directory,
        }
    }

    async fn open(&self) -> Store {
        let (clock, entropy) = (self.fresh.clock.clone(), self.fresh.entropy.clone());
        Store::open(self.config.clone(), clock, entropy)
            .await
            .unwrap()
    }

    /// Waits until everything committed so far is in the copy.
    async fn caught_up(&self, store: &Store) {
        let now = self.later();
        until("the copy has caught up", || {
            let stats = store.copy_stats().unwrap();
            stats.following && stats.as_of >= now
        })
        .await;
    }

    /// Closes the store. What is committed by then is in the copy by then, unless that
    /// takes longer than the end waits.
    async fn close(&self, store: Store) {
        let (now, began) = (self.later(), Instant::now());
        store.close().await;
        if began.elapsed() >= CLOSE_LIMIT {
            until("the rest is in the copy", || {
                store.copy_stats().unwrap().as_of >= now
            })
            .await;
        }
    }

    /// Another time than that of anything before.
    fn later(&self) -> Timestamp {
        self.fresh.clock.advance(Duration::from_secs(1));
        self.fresh.clock.now()
    }

    /// Restores the copy as it is now, and counts what is in it.
    async fn restored(&self, name: &str) -> i64 {
        let data_dir = self.fresh.directory.path().join(name);
        let key = self.config.data_dir.join("master.key");
        let from = self.directory.clone();
        let to = data_dir.clone();
        tokio::task::spawn_blocking(move || restore(&from, &to, Some(&key), &mut |_| {}))
            .await
            .unwrap()
            .unwrap();
        let config = StoreConfig {
            data_dir,
            ..self.fresh.config.clone()
        };
        let (clock, entropy) = (self.fresh.clock.clone(), self.fresh.entropy.clone());
        let store = Store::open(config, clock, entropy).await.unwrap();
        let found = rows(&store).await;
        store.close().await;
        found
    }
}

fn size(path: &Path) -> u64 {
    path.metadata().map_or(0, |file| file.len())
}

/// What a log begins with, which is another each time it begins anew; nothing of one that
/// is empty.
fn head(log: &Path) -> Option<[u8; HEADER_BYTES]> {
    let mut head = [0; HEADER_BYTES];
    File::open(log).ok()?.read_exact(&mut head).ok()?;
    Some(head)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_copy_follows_and_is_restored_while_the_server_runs() {
    let copied = Copied::new(CopySettings::to).await;
    let store = copied.open().await;
    grow(&store, 20, 10_000).await;
    copied.caught_up(&store).await;
    assert_eq!(copied.restored("first").await, 20);
    grow(&store, 30, 10_000).await;
    copied.caught_up(&store).await;
    assert_eq!(copied.restored("second").await, 50);
    // What is committed before the end is copied before the end.
    grow(&store, 5, 10_000).await;
    copied.close(store).await;
    assert_eq!(copied.restored("third").await, 55);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_begins_anew_and_the_copy_goes_on() {
    let copied = Copied::new(CopySettings::to).await;
    let store = copied.open().await;
    copied.caught_up(&store).await;
    let began = current_in(&copied.directory).unwrap();
    let log = copied.config.data_dir.join("mayday.db-wal");
    let mut total = 0;
    let mut shrank = false;
    let mut before = head(&log);
    // Twice the size from which the log is begun anew, and then some.
    while total < 160 {
        grow(&store, 4, 2 << 20).await;
        total += 8;
        copied.caught_up(&store).await;
        let now = head(&log);
        shrank |= before.is_some() && before != now;
        before = now;
        if !shrank && size(&log) >= 64 << 20 {
            // On a slow disk the next commits may be in the way of each look: here is one
            // without any.
            copied.caught_up(&store).await;
        }
    }
    assert!(shrank, "the log never began anew");
    assert!(size(&log) < 150 << 20, "the log only grows");
    assert_eq!(current_in(&copied.directory).unwrap(), began, "one chain");
    assert_eq!(copied.restored("restored").await, total / 2);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_stalls_keeps_nobody_waiting_and_is_caught_up_with() {
    let copied = Copied::new(|directory| CopySettings {
        queue_bytes: 1 << 20,
        ..CopySettings::to(directory)
    })
    .await;
    let store = copied.open().await;
    grow(&store, 1, 1_000).await;
    copied.caught_up(&store).await;
    let first = current_in(&copied.directory).unwrap();
    store.faults().stall_copy(true);
    // Few commits: a disk may flush slowly.
    tokio::time::timeout(LIMIT, grow(&store, 30, 200_000))
        .await
        .expect("writing goes on");
    until("the copy is given up", || {
        !store.copy_stats().unwrap().following
    })
    .await;
    assert_eq!(copied.restored("stalled").await, 1, "the old copy stays");
    let log = copied.config.data_dir.join("mayday.db-wal");
    until("the log is carried into the file", || {
        size(&copied.config.data_dir.join("mayday.db")) > 5 << 20
    })
    .await;
    assert!(size(&log) < 64 << 20);
    store.faults().stall_copy(false);
    copied.caught_up(&store).await;
    assert_ne!(current_in(&copied.directory).unwrap(), first);
    assert_eq!(
        fs::read_dir(&copied.directory).unwrap().count(),
        3,
        "the old one is gone"
    );
    assert_eq!(copied.restored("after").await, 31);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_grows_too_long_is_not_kept_for_the_copy() {
    let copied = Copied::new(|directory| CopySettings {
        log_bytes: 1 << 20,
        ..CopySettings::to(directory)
    })
    .await;
    let store = copied.open().await;
    store.faults().stall_copy(true);
    grow(&store, 100, 40_000).await;
    until("the log is carried into the file", || {
        size(&copied.config.data_dir.join("mayday.db")) > 3 << 20
    })
    .await;
    store.faults().stall_copy(false);
    copied.caught_up(&store).await;
    assert_eq!(copied.restored("after").await, 100);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_begins_a_new_copy_and_keeps_the_old_one_until_then() {
    let copied = Copied::new(CopySettings::to).await;
    let store = copied.open().await;
    grow(&store, 3, 1_000).await;
    copied.caught_up(&store).await;
    store.close().await;
    let first = current_in(&copied.directory).unwrap().unwrap();
    let store = copied.open().await;
    grow(&store, 3, 1_000).await;
    copied.caught_up(&store).await;
    assert!(!first.exists());
    store.close().await;
    assert_eq!(copied.restored("restored").await, 6);
}

#[tokio::test]
async fn a_link_into_the_data_directory_is_no_place_for_a_copy() {
    let copied = Copied::new(CopySettings::to).await;
    let data_dir = &copied.config.data_dir;
    let link = copied.fresh.directory.path().join("link");
    std::os::unix::fs::symlink(data_dir, &link).unwrap();
    for place in [data_dir.clone(), link.clone(), link.join("copy")] {
        let taken = place::Place::take(&place, &data_dir.join("mayday.db"));
        let refused = taken.err().unwrap();
        assert!(refused.to_string().contains("is the data directory"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_the_log_begins_anew_and_the_copy_follows() {
    let mut copied = Copied::new(CopySettings::to).await;
    // Emptying the log would not end the shortage: 8 MiB are asked for.
    copied.config.disk.ballast_bytes = 64 << 20;
    let store = copied.open().await;
    grow(&store, 3, 1_000).await;
    copied.caught_up(&store).await;
    store.disk().pretend(0);
    until("the disk is known to be full", || {
        store.disk().is_exhausted()
    })
    .await;
    let log = copied.config.data_dir.join("mayday.db-wal");
    let mut before = head(&log);
    let (mut written, mut anew) = (0, 0);
    // While upkeep reads the log for the copy, once a second, it cannot begin anew.
    while anew < 25 {
        assert!(written < 200, "it began anew {anew} times");
        store.write(Lane::Sos, Grow(20_000)).await.unwrap();
        written += 1;
        let now = head(&log);
        anew += i64::from(before != now);
        before = now;
    }
    copied.caught_up(&store).await;
    assert!(store.copy_stats().unwrap().following);
    assert_eq!(copied.restored("restored").await, 3 + written);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_filled_the_disk_is_emptied_and_the_copy_begins_anew() {
    let copied = Copied::new(CopySettings::to).await;
    let store = copied.open().await;
    copied.caught_up(&store).await;
    // More than nothing to wait for, less than begins the log anew; in one commit, or a
    // checkpoint between two might let it begin anew, too.
    grow(&store, 1, 6 << 20).await;
    copied.caught_up(&store).await;
    let log = copied.config.data_dir.join("mayday.db-wal");
    assert!(size(&log) > 5 << 20, "{}", size(&log));
    store.disk().pretend(0);
    until("the log is emptied", || size(&log) == 0).await;
    assert!(!store.copy_stats().unwrap().following);
    store.disk().pretend(store.disk().room_bytes());
    until("there is room", || !store.disk().is_exhausted()).await;
    grow(&store, 3, 1_000).await;
    until("the copy follows again", || {
        store.copy_stats().unwrap().following
    })
    .await;
    copied.caught_up(&store).await;
    store.close().await;
    assert_eq!(copied.restored("restored").await, 4);
}

#[tokio::test]
async fn two_servers_do_not_share_a_directory_and_a_faulty_one_is_no_copy() {
    let copied = Copied::new(CopySettings::to).await;
    let database = copied.config.data_dir.join("mayday.db");
    let held = place::Place::take(&copied.directory, &database).unwrap();
    let taken = place::Place::take(&copied.directory, &database);
    let refused = taken.err().unwrap();
    assert!(refused.to_string().contains("another server"), "{refused}");
    drop(held);
    assert_eq!(current_in(&copied.directory).unwrap(), None);
    for wrong in [
        r#"{"format":1,"directory":"copy-../../x"}"#,
        r#"{"format":9,"directory":"copy-1"}"#,
        "half",
    ] {
        fs::write(copied.directory.join("copy.json"), wrong).unwrap();
        let target = copied.fresh.directory.path().join("target");
        let refused = restore(&copied.directory, &target, None, &mut |_| {}).unwrap_err();
        assert!(matches!(refused, BackupError::Io { .. }), "{refused}");
        assert!(!target.exists());
    }
}

/// Whether this process has a file in a directory open.
fn is_open_in(directory: &Path) -> bool {
    fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .any(|open| open.starts_with(directory))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failed_commit_the_copy_begins_anew_behind_an_emptied_log() {
    let copied = Copied::new(CopySettings::to).await;
    let store = copied.open().await;
    grow(&store, 3, 1_000).await;
    copied.caught_up(&store).await;
    let first = current_in(&copied.directory).unwrap().unwrap();
    assert!(is_open_in(&first));
    // Nobody empties the log that a reader needs.
    let mut reader = store.read().await.unwrap();
    reader.fetch_one(&COUNT, args![]).await.unwrap();
    grow(&store, 1, 1_000).await;
    store.faults().fail_commits(Some(CommitFault::Disk));
    let failed = store.write(Lane::Rest, Grow(1_000)).await;
    assert!(matches!(failed, Err(StoreError::Unavailable { .. })));
    assert!(!store.copy_stats().unwrap().following);
    store.faults().fail_commits(None);
    until("the old copy is closed, and stays", || !is_open_in(&first)).await;
    assert!((3..=4).contains(&copied.restored("old").await));
    grow(&store, 1, 1_000).await;
    assert!(!store.copy_stats().unwrap().following);
    drop(reader);
    copied.caught_up(&store).await;
    assert!(!first.exists());
    grow(&store, 1, 1_000).await;
    copied.close(store).await;
    assert_eq!(copied.restored("restored").await, 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_failed_commit_left_in_the_log_is_in_no_copy_that_begins_behind_it() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().join("data");
    fs::create_dir(&data_dir).unwrap();
    let (database, index) = (data_dir.join("mayday.db"), data_dir.join("mayday.db-shm"));
    let writer = Connection::open(&database).unwrap();
    writer
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; \
             CREATE TABLE t (a); INSERT INTO t VALUES ('first')",
        )
        .unwrap();
    let settings = CopySettings::to(directory.path().join("copy"));
    let clock = Arc::new(ManualClock::new(START));
    let faults = StateFaults::default();
    let copier = Copier::start(settings.clone(), &database, clock.clone(), faults).unwrap();
    until("the copy follows", || {
        copier.begin_turn(false) == Turn::Follow
    })
    .await;
    // Its frames are written, and nobody but the log knows of them.
    let before = fs::read(&index).unwrap();
    writer
        .execute_batch("INSERT INTO t VALUES ('ghost')")
        .unwrap();
    assert!(copier.gather(), "it looks like any other");
    fs::write(&index, before).unwrap();
    copier.doubt();
    clock.advance(Duration::from_secs(1));
    writer
        .execute_batch("INSERT INTO t VALUES ('second')")
        .unwrap();
    assert!(!copier.gather());
    until("another copy could begin", || copier.0.lock().wants_base).await;
    assert_eq!(copier.begin_turn(false), Turn::Free);
    assert!(copier.forget_doubt());
    writer
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    until("the copy follows again", || {
        copier.begin_turn(false) == Turn::Follow
    })
    .await;
    writer
        .execute_batch("INSERT INTO t VALUES ('third')")
        .unwrap();
    let ending = copier.clone();
    let finished = tokio::task::spawn_blocking(move || ending.finish());
    finished.await.unwrap();
    // Nobody waits for it long.
    until("the copy has ended", || copier.0.lock().ended).await;
    let found = tokio::task::spawn_blocking(move || {
        let copy = current_in(&settings.directory).unwrap().unwrap();
        let copy = Connection::open(copy.join("mayday.db")).unwrap();
        copy.query_row("SELECT group_concat(a) FROM t", [], |row| {
            row.get::<_, String>(0)
        })
        .unwrap()
    });
    assert_eq!(found.await.unwrap(), "first,second,third");
}
