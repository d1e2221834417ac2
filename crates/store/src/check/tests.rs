//! A check finds what is wrong, and nothing where all is well.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use mayday_core::clock::Clock as _;

use super::*;
use crate::backup::{BackupOptions, create};
use crate::command::{Command, Lane};
use crate::jobs::{self, NewJob};
use crate::sql::Sql;
use crate::store::Database;
use crate::telemetry::tests::{sample, store_all, user};
use crate::testing::TestStore;
use crate::tx::Tx;
use crate::{args, on_both};

const KINDS: &[&str] = &["trail_copy", "escalate"];

fn subject(store: &TestStore) -> Subject {
    let data_dir = store.config.data_dir.clone();
    match &store.config.database {
        Database::Embedded => Subject::DataDir(data_dir),
        Database::Postgres(url) => Subject::Postgres {
            url: url.clone(),
            data_dir,
        },
    }
}

async fn look(store: &TestStore, subject: &Subject) -> CheckReport {
    check(subject, KINDS, store.clock.clone(), store.entropy.clone())
        .await
        .unwrap()
}

async fn codes(store: &TestStore) -> Vec<&'static str> {
    let report = look(store, &subject(store)).await;
    report.findings.iter().map(|finding| finding.code).collect()
}

/// Does something that no command does.
struct Spoil(&'static Sql);

impl Command for Spoil {
    type Output = ();

    const NAME: &'static str = "test.spoil";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        tx.execute(self.0, args![]).await.map(|_| ())
    }
}

fn backup_at(directory: &Path) -> Subject {
    Subject::Backup {
        directory: directory.to_owned(),
        scratch: directory.with_extension("scratch"),
    }
}

async fn spoil(store: &TestStore, sql: &'static Sql) {
    store.write(Lane::Rest, Spoil(sql)).await.unwrap();
}

struct Enqueue(&'static str);

impl Command for Enqueue {
    type Output = ();

    const NAME: &'static str = "test.enqueue";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let job = NewJob {
            kind: self.0,
            key: self.0,
            priority: 0,
            due_at: tx.now(),
            payload: serde_json::json!({"version": 1}),
        };
        jobs::enqueue(tx, job).await.map(|_| ())
    }
}

on_both!(a_store_in_use_has_nothing_wrong, |store| async move {
    let app = store.app("shop").await;
    let ana = store.user(&app, "ana").await;
    crate::telemetry::tests::open_sos(&store, &app, ana).await;
    let report = look(&store, &subject(&store)).await;
    assert_eq!(report.findings, []);
    assert!(
        report
            .checked
            .contains(&"app_secrets: 1 sealed values open".to_owned()),
        "{report:?}"
    );
});

on_both!(what_is_missing_among_events_is_found, |store| async move {
    static LOSE: Sql = Sql::new("DELETE FROM events");
    let app = store.app("shop").await;
    let ana = store.user(&app, "ana").await;
    crate::telemetry::tests::open_sos(&store, &app, ana).await;
    spoil(&store, &LOSE).await;
    assert_eq!(codes(&store).await, ["event_numbers", "event_gap"]);
});

on_both!(an_erasure_under_way_is_no_damage, |store| async move {
    static DETACH: Sql = Sql::new("UPDATE users SET erased_at = 1");
    static LOSE: Sql = Sql::new("DELETE FROM events");
    let app = store.app("shop").await;
    let ana = store.user(&app, "ana").await;
    crate::telemetry::tests::open_sos(&store, &app, ana).await;
    spoil(&store, &DETACH).await;
    spoil(&store, &LOSE).await;
    assert_eq!(codes(&store).await, <[&str; 0]>::default());
});

on_both!(two_open_incidents_are_found, |store| async move {
    static DROP: Sql = Sql::new("DROP INDEX incidents_one_open");
    static REOPEN: Sql = Sql::new(
        "UPDATE incidents SET state = 'active',
         user_id = (SELECT id FROM users WHERE external_id = 'bo')",
    );
    let app = store.app("shop").await;
    let ana = store.user(&app, "ana").await;
    crate::telemetry::tests::open_sos(&store, &app, ana).await;
    let bo = store.user(&app, "bo").await;
    crate::telemetry::tests::open_sos(&store, &app, bo).await;
    spoil(&store, &DROP).await;
    spoil(&store, &REOPEN).await;
    assert_eq!(codes(&store).await, ["two_open_incidents"]);
});

on_both!(jobs_that_nobody_does_are_found, |store| async move {
    static SET_ASIDE: Sql = Sql::new("UPDATE jobs SET state = 'poison' WHERE kind = 'trail_copy'");
    store.write(Lane::Job, Enqueue("trail_copy")).await.unwrap();
    assert_eq!(codes(&store).await, [""; 0]);
    store.write(Lane::Job, Enqueue("later")).await.unwrap();
    spoil(&store, &SET_ASIDE).await;
    assert_eq!(codes(&store).await, ["unknown_jobs", "jobs_set_aside"]);
});

on_both!(a_secret_that_does_not_open_is_found, |store| async move {
    static SWAP: Sql = Sql::new("UPDATE app_secrets SET key_id = 'another'");
    store.app("shop").await;
    spoil(&store, &SWAP).await;
    assert_eq!(codes(&store).await, ["sealed"]);
});

on_both!(another_key_and_a_missing_one_are_told, |store| async move {
    store.app("shop").await;
    let key = store.config.data_dir.join(master_key::FILE);
    let kept = fs::read(&key).unwrap();
    fs::write(&key, format!("aa {}\n", "ab".repeat(32))).unwrap();
    assert_eq!(codes(&store).await, ["key"]);
    fs::remove_file(&key).unwrap();
    assert_eq!(codes(&store).await, ["key"]);
    fs::write(&key, kept).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(codes(&store).await, [""; 0]);
});

#[tokio::test]
async fn damaged_files_and_lost_rows_are_found() {
    static ORPHAN: Sql =
        Sql::new("INSERT INTO contacts VALUES (x'01', x'02', 'n', '', '', 1, '', 0, 0)");
    let store = TestStore::sqlite().await;
    let telemetry = store.telemetry().await;
    let samples = (0..500).map(|n| sample(user(0), n - 3 * 86_400));
    store_all(&telemetry, samples).await.unwrap();
    telemetry.filed().await;
    telemetry.close().await;
    store.close().await;
    let day = store.config.data_dir.join("telemetry/2026-09-06.db");
    let mut bytes = fs::read(&day).unwrap();
    assert!(bytes.len() > 20_000);
    for byte in &mut bytes[4_096..4_400] {
        *byte ^= 0x55;
    }
    fs::write(&day, bytes).unwrap();
    {
        let path = store.config.data_dir.join(sqlite::FILE);
        let connection = rusqlite::Connection::open(path).unwrap();
        connection
            .pragma_update(None, "foreign_keys", false)
            .unwrap();
        connection
            .execute_batch(ORPHAN.text(Dialect::Sqlite))
            .unwrap();
    }
    let report = look(&store, &subject(&store)).await;
    let of = |name: &str| {
        let found = report.findings.iter();
        found.filter(|finding| finding.what.contains(name)).count()
    };
    assert!(of("telemetry/2026-09-06.db") > 0, "{report:?}");
    assert_eq!(
        of("mayday.db: a row of contacts names one of users"),
        1,
        "{report:?}"
    );
}

#[tokio::test]
async fn a_backup_is_checked_without_touching_it() {
    let store = TestStore::sqlite().await;
    store.app("shop").await;
    let telemetry = store.telemetry().await;
    store_all(&telemetry, [sample(user(0), 0)]).await.unwrap();
    let target = store.directory.path().join("a backup?");
    for (with_key, left_out) in [(false, 1), (true, 0)] {
        let _ = fs::remove_dir_all(&target);
        let options = BackupOptions {
            with_key,
            since: None,
            version: "1.2.3",
            now: store.clock.now(),
        };
        create(&store.config.data_dir, &target, &options, &mut |_| {}).unwrap();
        let report = look(&store, &backup_at(&target)).await;
        assert_eq!(report.findings, []);
        assert_eq!(report.left_out.len(), left_out, "{report:?}");
        let beside = fs::read_dir(&target).unwrap().count();
        assert_eq!(beside, 3 + usize::from(with_key), "nothing was made in it");
    }
    let database = target.join("mayday.db");
    let mut bytes = fs::read(&database).unwrap();
    bytes.push(0);
    fs::write(&database, bytes).unwrap();
    let report = look(&store, &backup_at(&target)).await;
    assert_eq!(report.findings[0].code, "file_changed", "{report:?}");
    telemetry.close().await;
}

#[tokio::test]
async fn an_older_schema_is_told_and_asked_nothing_more() {
    static FORGET: Sql = Sql::new("DELETE FROM schema_migrations WHERE number > 10");
    let store = TestStore::sqlite().await;
    spoil(&store, &FORGET).await;
    assert_eq!(codes(&store).await, ["schema_old"]);
    let nothing = store.directory.path().join("nothing");
    let nothing = Subject::DataDir(nothing);
    let missing = check(&nothing, KINDS, store.clock.clone(), store.entropy.clone());
    assert!(matches!(
        missing.await.unwrap_err(),
        CheckError::NoData { .. }
    ));
}

#[tokio::test]
async fn the_log_that_a_killed_server_left_is_looked_at_and_stays() {
    let store = TestStore::sqlite().await;
    store.app("shop").await;
    // As after a kill: the log was not carried over.
    let left = store.directory.path().join("left");
    fs::create_dir(&left).unwrap();
    let names = ["mayday.db", "mayday.db-wal", master_key::FILE];
    for name in names {
        fs::copy(store.config.data_dir.join(name), left.join(name)).unwrap();
    }
    let before = names.map(|name| fs::read(left.join(name)).unwrap());
    assert!(before[1].len() > 4_096);
    let report = look(&store, &Subject::DataDir(left.clone())).await;
    assert_eq!(report.findings, []);
    for (name, before) in names.into_iter().zip(before) {
        let now = fs::read(left.join(name)).unwrap_or_default();
        assert!(now == before, "{name}: {} bytes", now.len());
    }
}
