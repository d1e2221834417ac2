//! Readers by themselves: snapshots, limits, who goes away, a connection that is lost.

use std::time::Duration;

use tokio::time::timeout;

use super::*;
use crate::args;
use crate::sqlite::{FILE, connect};
use crate::testing::TestStore;

/// No test waits longer for anything. A machine may stand still for a while.
const LIMIT: Duration = Duration::from_mins(2);

const COUNT: &str = "SELECT COUNT(*) FROM jobs";
const ADD: &str = "INSERT INTO jobs (id, kind, key, priority, due_at, payload, created_at) \
     VALUES ($1, 'x', $2, 0, 0, '{}', 0)";
/// Goes on for longer than anybody waits.
const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
     SELECT COUNT(*) FROM n";

fn readers(store: &TestStore, size: u32) -> Readers {
    let path = store.config.data_dir.join(FILE);
    Readers::new(path, connect::reading, size)
}

async fn count(reading: &mut Reading) -> i64 {
    let rows = timeout(LIMIT, reading.fetch_all(COUNT, args![])).await;
    crate::sqlite::direct::read(&rows.unwrap().unwrap()[0], 0).unwrap()
}

fn add(store: &TestStore, key: &str) {
    let mut writer = connect::writing(&store.config.data_dir.join(FILE)).unwrap();
    let id = uuid::Uuid::max();
    assert_eq!(writer.execute(ADD, args![id, key]).unwrap(), 1);
    writer.close().unwrap();
}

#[tokio::test]
async fn a_transaction_sees_what_its_first_statement_saw() {
    let store = TestStore::sqlite().await;
    let readers = readers(&store, 2);
    let mut before = readers.begin(Deadline::within(LIMIT)).await.unwrap();
    let mut alone = readers.once(Deadline::within(LIMIT)).await.unwrap();
    assert_eq!((count(&mut before).await, count(&mut alone).await), (0, 0));
    add(&store, "a");
    assert_eq!((count(&mut before).await, count(&mut alone).await), (0, 1));
    drop((before, alone));
    // The same connections, and their transactions are over.
    for _ in 0..2 {
        let mut after = readers.begin(Deadline::within(LIMIT)).await.unwrap();
        assert_eq!(count(&mut after).await, 1);
    }
    readers.close().await;
}

#[tokio::test]
async fn nothing_is_written_where_others_read() {
    let store = TestStore::sqlite().await;
    let readers = readers(&store, 1);
    let mut reading = readers.begin(Deadline::within(LIMIT)).await.unwrap();
    let id = uuid::Uuid::nil();
    assert!(reading.fetch_all(ADD, args![id, "a"]).await.is_err());
    drop(reading);
    let mut reading = readers.begin(Deadline::within(LIMIT)).await.unwrap();
    assert_eq!(count(&mut reading).await, 0);
}

#[tokio::test]
async fn who_finds_no_place_is_told_in_time() {
    let store = TestStore::sqlite().await;
    let readers = readers(&store, 1);
    let lent = readers.begin(Deadline::within(LIMIT)).await.unwrap();
    let refused = readers
        .begin(Deadline::within(Duration::from_millis(50)))
        .await;
    assert!(matches!(refused, Err(StoreError::TimedOut { .. })));
    drop(lent);
    let mut lent = readers.begin(Deadline::within(LIMIT)).await.unwrap();
    assert_eq!(count(&mut lent).await, 0);
    drop(lent);
    readers.close().await;
    let refused = readers.begin(Deadline::within(LIMIT)).await;
    assert!(matches!(refused, Err(StoreError::Closed)));
}

#[tokio::test]
async fn who_goes_away_keeps_nobody_waiting() {
    let store = TestStore::sqlite().await;
    let readers = readers(&store, 1);
    for _ in 0..3 {
        let mut impatient = readers.begin(Deadline::within(LIMIT)).await.unwrap();
        assert_eq!(count(&mut impatient).await, 0);
        let endless = timeout(
            Duration::from_millis(50),
            impatient.fetch_all(ENDLESS, args![]),
        );
        assert!(endless.await.is_err());
        drop(impatient);
        let mut next = readers.begin(Deadline::within(LIMIT)).await.unwrap();
        assert_eq!(count(&mut next).await, 0);
    }
    timeout(LIMIT, readers.close()).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_gone_is_the_connections_fault_and_it_comes_back() {
    let store = TestStore::sqlite().await;
    let path = store.config.data_dir.join("elsewhere.db");
    let readers = Readers::new(path.clone(), connect::reading, 1);
    let mut early = readers.begin(Deadline::within(LIMIT)).await.unwrap();
    let error = early.fetch_all(COUNT, args![]).await.unwrap_err();
    assert!(failure::is_of_connection(&error), "{error}");
    // No transaction was begun, and none is pretended.
    assert!(early.fetch_all(COUNT, args![]).await.is_err());
    drop(early);
    let mut there = Direct::create(&path).unwrap();
    there
        .execute("CREATE TABLE jobs (id BLOB)", crate::sqlite::direct::NONE)
        .unwrap();
    let mut late = readers.begin(Deadline::within(LIMIT)).await.unwrap();
    assert_eq!(count(&mut late).await, 0);
}

#[test]
fn a_name_is_not_taken_for_options() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a?b #c%20ü.db");
    let mut made = Direct::create(&path).unwrap();
    made.execute("CREATE TABLE jobs (id BLOB)", crate::sqlite::direct::NONE)
        .unwrap();
    made.close().unwrap();
    let mut still = connect::still(&path).unwrap();
    let rows = still.fetch_all(COUNT, crate::sqlite::direct::NONE).unwrap();
    assert_eq!(rows, [[Value::Integer(0)]]);
}
