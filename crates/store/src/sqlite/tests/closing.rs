//! A store ends although others go on writing, and what was opened is closed.

use std::fs::{self, File};
use std::path::Path;

use tokio::runtime::Handle;

use super::*;
use crate::sqlite::{connect, direct};

/// So many at a time.
const CHAINS: usize = 8;

/// Has others like it wait before it ends, as long as the store takes any.
struct Chain {
    store: Store,
    runtime: Handle,
}

impl Command for Chain {
    type Output = ();
    const NAME: &'static str = "test.chain";

    async fn run(&self, _: &mut Tx<'_>) -> Result<(), StoreError> {
        let (store, next) = (self.store.clone(), Self::of(&self.store, &self.runtime));
        self.runtime
            .spawn(async move { store.write(Lane::Rest, next).await });
        until(|| waiting(&self.store, Lane::Rest) >= CHAINS / 2 || !self.store.stats().open).await;
        Ok(())
    }
}

impl Chain {
    fn of(store: &Store, runtime: &Handle) -> Self {
        Self {
            store: store.clone(),
            runtime: runtime.clone(),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_never_cease_to_write_do_not_put_the_end_off() {
    let store = TestStore::sqlite().await;
    let chains = || Chain::of(&store, &Handle::current());
    let running: Vec<_> = (0..CHAINS)
        .map(|_| start(&store, Lane::Rest, chains()))
        .collect();
    for begun in running {
        begun.await.unwrap().unwrap();
    }
    tokio::time::timeout(LIMIT, store.close()).await.unwrap();
    assert!(!store.stats().open);
}

/// Whether this process has a file open whose name begins so.
fn is_open(path: &Path) -> bool {
    let named = path.to_string_lossy().into_owned();
    fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .any(|open| open.to_string_lossy().starts_with(&named))
}

#[tokio::test]
async fn the_look_after_an_unclean_end_leaves_nothing_open() {
    let directory = tempfile::tempdir().unwrap();
    let (path, left) = (directory.path().join("a.db"), directory.path().join("b.db"));
    File::create(&path).unwrap();
    let mut writer = connect::writing(&path).unwrap();
    for statement in [
        "CREATE TABLE t (a)",
        "INSERT INTO t VALUES (zeroblob(99999))",
    ] {
        writer.execute(statement, direct::NONE).unwrap();
    }
    let log = |path: &Path| connect::sibling(path, "-wal");
    fs::copy(&path, &left).unwrap();
    fs::copy(log(&path), log(&left)).unwrap();
    // An empty file would not be looked into.
    let mut carried = connect::writing(&left).unwrap();
    carried
        .fetch_all("PRAGMA wal_checkpoint(PASSIVE)", direct::NONE)
        .unwrap();
    carried.leave_log().unwrap();
    carried.close().unwrap();
    assert!(log(&left).metadata().unwrap().len() > 0);
    assert!(!is_open(&left));
    connect::inspect(&left).await.unwrap();
    assert!(!is_open(&left));
    assert!(is_open(&path));
}
