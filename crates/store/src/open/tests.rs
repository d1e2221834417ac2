//! What opening refuses, and that a refusal changes nothing.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection as _, Executor as _};

use crate::command::Lane;
use crate::heartbeat::Heartbeat;
use crate::open::OpenError;
use crate::store::{Database, Store, StoreConfig};
use crate::testing::{START, TestStore};

/// Names and digests of the files of a directory, but for those that go with an
/// open database.
fn files(directory: &Path) -> BTreeMap<String, String> {
    std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let bytes = std::fs::read(entry.path()).unwrap();
            (name, crate::hex::encode(&Sha256::digest(bytes)))
        })
        .filter(|(name, _)| !name.ends_with("-shm") && name != "ballast")
        .collect()
}

async fn closed() -> TestStore {
    let store = TestStore::sqlite().await;
    store.close().await;
    store
}

async fn refusal(store: &TestStore) -> OpenError {
    let before = files(&store.config.data_dir);
    let error = store.reopen().await.unwrap_err();
    assert_eq!(
        files(&store.config.data_dir),
        before,
        "something was changed"
    );
    assert!(!error.to_string().contains('\n'));
    error
}

async fn alter(store: &TestStore, statement: &'static str) {
    let options = SqliteConnectOptions::new().filename(store.config.data_dir.join("mayday.db"));
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    connection.execute(statement).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_second_writer_is_refused() {
    let store = TestStore::sqlite().await;
    assert!(matches!(refusal(&store).await, OpenError::InUse { .. }));
    store.close().await;
    store.reopen().await.unwrap();
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_drop_without_a_close() {
    let store = TestStore::sqlite().await;
    let config = StoreConfig {
        data_dir: store.directory.path().join("dropped"),
        ..store.config.clone()
    };
    let open = || Store::open(config.clone(), store.clock.clone(), store.entropy.clone());
    let first = open().await.unwrap();
    first.write(Lane::Job, Heartbeat).await.unwrap();
    drop(first);
    let again = async {
        loop {
            match open().await {
                Ok(store) => break store,
                Err(OpenError::InUse { .. }) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    let again = tokio::time::timeout(Duration::from_mins(2), again)
        .await
        .unwrap();
    assert_eq!(again.last_heartbeat().await.unwrap(), Some(START));
}

#[tokio::test]
async fn the_directory_and_its_secrets_are_the_owners_alone() {
    let store = TestStore::sqlite().await;
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&store.config.data_dir), 0o700);
    assert_eq!(mode(&store.config.data_dir.join("master.key")), 0o600);
}

#[tokio::test]
async fn a_missing_another_and_a_readable_master_key_are_refused() {
    let store = closed().await;
    let key = store.config.data_dir.join("master.key");
    let kept = std::fs::read(&key).unwrap();

    std::fs::remove_file(&key).unwrap();
    assert!(matches!(
        refusal(&store).await,
        OpenError::KeyMissing { .. }
    ));

    let other = TestStore::sqlite().await;
    let other_key = std::fs::read_to_string(other.config.data_dir.join("master.key")).unwrap();
    let other_key = other_key.replace(['1', '2'], "3");
    std::fs::write(&key, other_key).unwrap();
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    assert!(matches!(refusal(&store).await, OpenError::KeyOther { .. }));

    std::fs::write(&key, "nonsense").unwrap();
    assert!(matches!(
        refusal(&store).await,
        OpenError::KeyUnusable { .. }
    ));

    std::fs::write(&key, &kept).unwrap();
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o640)).unwrap();
    assert!(matches!(
        refusal(&store).await,
        OpenError::KeyUnusable { .. }
    ));

    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    store.reopen().await.unwrap();
}

#[tokio::test]
async fn a_newer_and_an_altered_schema_are_refused() {
    let store = closed().await;
    alter(
        &store,
        "INSERT INTO schema_migrations VALUES (9999, '9999_future', 'x', 1)",
    )
    .await;
    let error = refusal(&store).await;
    assert!(
        matches!(error, OpenError::Newer { found: 9_999, .. }),
        "{error}"
    );

    let store = closed().await;
    alter(
        &store,
        "UPDATE schema_migrations SET checksum = 'x' WHERE number = 3",
    )
    .await;
    let error = refusal(&store).await;
    assert!(
        matches!(&error, OpenError::Altered { name } if name == "0003_users"),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let store = closed().await;
    let path = store.config.data_dir.join("mayday.db");
    std::fs::write(&path, "a text that somebody saved here, longer than a head").unwrap();
    assert!(matches!(refusal(&store).await, OpenError::Corrupt { .. }));
    std::fs::write(&path, "short").unwrap();
    assert!(matches!(refusal(&store).await, OpenError::Corrupt { .. }));
}

#[tokio::test]
async fn damage_is_found_after_an_unclean_end() {
    let store = closed().await;
    let path = store.config.data_dir.join("mayday.db");
    let mut bytes = std::fs::read(&path).unwrap();
    for byte in bytes.iter_mut().skip(4_096 * 2) {
        *byte = 0xAA;
    }
    std::fs::write(&path, bytes).unwrap();
    // A log that is not empty says that nobody closed the database.
    std::fs::write(store.config.data_dir.join("mayday.db-wal"), [0_u8; 32]).unwrap();
    let error = store.reopen().await.unwrap_err();
    assert!(matches!(error, OpenError::Corrupt { .. }), "{error}");
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_named() {
    let store = TestStore::sqlite().await;
    let file = store.directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let config = StoreConfig {
        data_dir: file.join("data"),
        ..store.config.clone()
    };
    let error = Store::open(config, store.clock.clone(), store.entropy.clone())
        .await
        .unwrap_err();
    assert!(matches!(&error, OpenError::Io { path, .. } if path.ends_with("file/data")));
}

#[tokio::test]
async fn a_url_that_is_none_is_refused_without_being_shown() {
    let store = TestStore::sqlite().await;
    for url in ["mysql://u:hunter2@h/d", "postgres://u:hunter2@h:port/d"] {
        let config = StoreConfig {
            data_dir: store.directory.path().join("url"),
            database: Database::Postgres(url.to_owned()),
            ..store.config.clone()
        };
        assert!(!format!("{config:?}").contains("hunter2"));
        let opened = Store::open(config, store.clock.clone(), store.entropy.clone()).await;
        let error = opened.unwrap_err();
        assert!(matches!(error, OpenError::Url { .. }));
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}

#[tokio::test]
async fn two_servers_can_start_on_one_empty_database_at_once() {
    let Some(database) = crate::testing::PrivateDatabase::create().await else {
        return;
    };
    let base = TestStore::sqlite().await;
    let config = |name: &str| StoreConfig {
        data_dir: base.directory.path().join(name),
        database: Database::Postgres(database.url.clone()),
        ..base.config.clone()
    };
    let open = |name: &str| Store::open(config(name), base.clock.clone(), base.entropy.clone());
    let (first, second) = tokio::join!(open("shared"), open("shared"));
    let (first, second) = (first.unwrap(), second.unwrap());
    second.write(Lane::Rest, Heartbeat).await.unwrap();
    assert_eq!(first.last_heartbeat().await.unwrap(), Some(START));
    // A third server that did not get the key does not start.
    assert!(matches!(
        open("elsewhere").await.unwrap_err(),
        OpenError::KeyMissing { .. }
    ));
    // A command that seals nothing needs no key, and makes no directory for it.
    let keyless = Store::open_keyless(
        config("elsewhere"),
        base.clock.clone(),
        base.entropy.clone(),
    );
    let keyless = keyless.await.unwrap();
    assert!(!keyless.has_master_key() && first.has_master_key());
    let mut tx = keyless.read().await.unwrap();
    let place = crate::Place {
        table: "app_secrets",
        row: uuid::Uuid::nil(),
        column: "sealed",
    };
    let refused = tx.seal(place, b"secret").await.unwrap_err();
    assert!(refused.to_string().contains("--data-dir"), "{refused}");
    assert_eq!(crate::heartbeat::last(&mut tx).await.unwrap(), Some(START));
    drop(tx);
    assert!(!config("elsewhere").data_dir.exists());
    keyless.close().await;
    first.close().await;
    second.close().await;
}

#[tokio::test]
async fn without_a_key_an_empty_database_stays_empty() {
    let Some(database) = crate::testing::PrivateDatabase::create().await else {
        return;
    };
    let base = TestStore::sqlite().await;
    let config = StoreConfig {
        data_dir: base.directory.path().join("none"),
        database: Database::Postgres(database.url.clone()),
        ..base.config.clone()
    };
    let (clock, entropy) = (base.clock.clone(), base.entropy.clone());
    for _ in 0..2 {
        let opened = Store::open_keyless(config.clone(), clock.clone(), entropy.clone()).await;
        assert!(matches!(opened.unwrap_err(), OpenError::Empty));
    }
    assert!(!config.data_dir.exists());
}
