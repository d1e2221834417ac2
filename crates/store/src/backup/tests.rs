//! A backup is whole or not there, and what was stored before it comes back.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use mayday_core::clock::Clock as _;

use super::*;
use crate::command::Lane;
use crate::control;
use crate::master_key::{self, names_in};
use crate::store::{Store, StoreConfig};
use crate::telemetry::tests::{all_of, sample, store_all, user};
use crate::telemetry::{StoredIn, Telemetry, TelemetryConfig};
use crate::testing::TestStore;

fn options(store: &TestStore) -> BackupOptions<'static> {
    BackupOptions {
        with_key: false,
        since: None,
        version: "1.2.3",
        now: store.clock.now(),
    }
}

fn make(
    store: &TestStore,
    target: &Path,
    options: &BackupOptions<'_>,
) -> Result<Manifest, BackupError> {
    create(&store.config.data_dir, target, options, &mut |_| {})
}

fn bring_back(source: &Path, target: &Path, key: Option<&Path>) -> Result<Restored, BackupError> {
    restore(source, target, key, &mut |_| {})
}

fn key_of(store: &TestStore) -> PathBuf {
    store.config.data_dir.join(master_key::FILE)
}

/// Opens what was restored.
async fn open(store: &TestStore, data_dir: &Path) -> (Store, Telemetry) {
    let config = StoreConfig {
        data_dir: data_dir.to_owned(),
        ..store.config.clone()
    };
    let opened = Store::open(config.clone(), store.clock.clone(), store.entropy.clone())
        .await
        .unwrap();
    let telemetry = TelemetryConfig::beside(&config);
    let telemetry = Telemetry::open(telemetry, &opened, store.clock.clone())
        .await
        .unwrap();
    (opened, telemetry)
}

async fn apps(store: &Store) -> usize {
    let mut tx = store.read().await.unwrap();
    crate::apps::all(&mut tx).await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_stored_before_comes_back_and_the_rest_does_not() {
    let store = TestStore::sqlite().await;
    let telemetry = store.telemetry().await;
    store.app("before").await;
    let samples = (0..300).map(|n| sample(user(0), n - 3 * 86_400));
    store_all(&telemetry, samples).await.unwrap();
    let target = store.directory.path().join("backup");
    let manifest = make(&store, &target, &options(&store)).unwrap();
    store.app("after").await;

    assert_eq!(manifest, Manifest::read(&target).unwrap());
    assert_eq!((manifest.format, manifest.mayday.as_str()), (1, "1.2.3"));
    assert!(!manifest.holds_master_key && !target.join("master.key").exists());
    assert_eq!(manifest.files[0].path, "mayday.db");
    assert_eq!(manifest.files[1].path, "telemetry/latest.db");
    assert_eq!(
        fs::metadata(&target).unwrap().permissions().mode() & 0o777,
        0o700
    );
    for file in &manifest.files {
        let found = fs::metadata(target.join(&file.path)).unwrap();
        assert_eq!(found.len(), file.bytes, "{file:?}");
        assert_eq!(found.permissions().mode() & 0o077, 0, "{file:?}");
    }

    let data = store.directory.path().join("restored");
    bring_back(&target, &data, Some(&key_of(&store))).unwrap();
    let (restored, samples) = open(&store, &data).await;
    assert_eq!(apps(&restored).await, 1);
    assert_eq!(all_of(&samples, user(0)).await.len(), 300);
    assert!(samples.latest(user(0)).await.unwrap().is_some());
    let mut tx = restored.read().await.unwrap();
    assert_eq!(crate::apps::live_secrets(&mut tx).await.unwrap().len(), 1);
    drop(tx);
    samples.close().await;
    restored.close().await;
    telemetry.close().await;
}

#[tokio::test]
async fn a_spilled_sample_that_is_moved_meanwhile_is_in_the_backup() {
    let store = TestStore::sqlite().await;
    let telemetry = store.telemetry().await;
    telemetry.faults().freeze();
    let mut pending = telemetry.submit(sample(user(0), 0));
    pending.spill();
    assert_eq!(pending.stored().await.unwrap(), StoredIn::Spill);
    telemetry.faults().thaw();
    let target = store.directory.path().join("backup");
    let mut moved = false;
    let runtime = tokio::runtime::Handle::current();
    // The state is copied first: then the sample goes from it to a day file.
    let copied = tokio::task::spawn_blocking({
        let (data, target, telemetry) = (
            store.config.data_dir.clone(),
            target.clone(),
            telemetry.clone(),
        );
        let options = options(&store);
        move || {
            create(&data, &target, &options, &mut |_| {
                if !moved {
                    moved = true;
                    runtime.block_on(telemetry.move_spilled()).unwrap();
                }
            })
        }
    });
    copied.await.unwrap().unwrap();
    let data = store.directory.path().join("restored");
    bring_back(&target, &data, Some(&key_of(&store))).unwrap();
    let (restored, samples) = open(&store, &data).await;
    assert_eq!(all_of(&samples, user(0)).await.len(), 1);
    samples.close().await;
    restored.close().await;
    telemetry.close().await;
}

#[tokio::test]
async fn every_changed_byte_is_noticed_and_nothing_is_left_behind() {
    let store = TestStore::sqlite().await;
    store.app("shop").await;
    let target = store.directory.path().join("backup");
    let manifest = make(&store, &target, &options(&store)).unwrap();
    let data = store.directory.path().join("restored");
    for file in &manifest.files {
        let path = target.join(&file.path);
        let kept = fs::read(&path).unwrap();
        let mut altered = kept.clone();
        altered[kept.len() / 2] ^= 1;
        for wrong in [&altered[..], &kept[..kept.len() - 1]] {
            fs::write(&path, wrong).unwrap();
            let refused = bring_back(&target, &data, Some(&key_of(&store))).unwrap_err();
            assert!(matches!(refused, BackupError::NotWhole { .. }), "{refused}");
            assert!(refused.to_string().contains(&file.path), "{refused}");
        }
        fs::remove_file(&path).unwrap();
        assert!(bring_back(&target, &data, Some(&key_of(&store))).is_err());
        fs::write(&path, kept).unwrap();
    }
    let names: Vec<_> = fs::read_dir(store.directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
    bring_back(&target, &data, Some(&key_of(&store))).unwrap();
}

#[tokio::test]
async fn the_key_must_be_the_right_one() {
    let store = TestStore::sqlite().await;
    let other = store.directory.path().join("other.key");
    fs::write(&other, format!("aa {}\n", "ab".repeat(32))).unwrap();
    fs::set_permissions(&other, fs::Permissions::from_mode(0o600)).unwrap();
    let target = store.directory.path().join("backup");
    make(&store, &target, &options(&store)).unwrap();
    let data = store.directory.path().join("restored");
    let refused = bring_back(&target, &data, None).unwrap_err();
    assert!(
        matches!(refused, BackupError::KeyNeeded { .. }),
        "{refused}"
    );
    let refused = bring_back(&target, &data, Some(&other)).unwrap_err();
    assert!(matches!(refused, BackupError::KeyOther { .. }), "{refused}");
    assert!(!data.exists());

    let target = store.directory.path().join("with-key");
    let with_key = BackupOptions {
        with_key: true,
        ..options(&store)
    };
    assert!(make(&store, &target, &with_key).unwrap().holds_master_key);
    bring_back(&target, &data, None).unwrap();
    assert_eq!(
        fs::read(data.join(master_key::FILE)).unwrap(),
        fs::read(key_of(&store)).unwrap()
    );
}

#[tokio::test]
async fn the_key_in_a_backup_is_the_one_of_its_snapshot() {
    let store = TestStore::sqlite().await;
    store.app("shop").await;
    let key = key_of(&store);
    let with_key = BackupOptions {
        with_key: true,
        ..options(&store)
    };
    let sealed_with = fs::read(&key).unwrap();
    // Test stores are alike: one that has had a rotation has another key.
    let other = TestStore::sqlite().await;
    while !matches!(
        other.rotate_master_key(true).await.unwrap(),
        crate::RotationStep::Done { .. }
    ) {}
    assert_ne!(fs::read(key_of(&other)).unwrap(), sealed_with);
    // As when a rotation ends while the database is copied.
    let replace = &mut |_| fs::write(&key, fs::read(key_of(&other)).unwrap()).unwrap();
    let target = store.directory.path().join("backup");
    create(&store.config.data_dir, &target, &with_key, replace).unwrap();
    assert_eq!(
        fs::read(target.join(master_key::FILE)).unwrap(),
        sealed_with
    );
    let data = store.directory.path().join("restored");
    bring_back(&target, &data, None).unwrap();

    // The file has the wrong key from the beginning.
    let target = store.directory.path().join("wrong");
    let refused = make(&store, &target, &with_key).unwrap_err();
    assert!(matches!(refused, BackupError::KeyOther { .. }), "{refused}");
    assert!(!target.exists());
}

#[tokio::test]
async fn what_somebody_put_in_the_place_of_the_draft_is_not_used() {
    let store = TestStore::sqlite().await;
    let root = store.directory.path();
    let draft = root.join(".backup.partial");
    let precious = root.join("precious");
    fs::create_dir(&precious).unwrap();
    fs::set_permissions(&precious, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(precious.join("file"), "kept").unwrap();
    let refused = || make(&store, &root.join("backup"), &options(&store)).unwrap_err();
    std::os::unix::fs::symlink(&precious, &draft).unwrap();
    assert!(matches!(refused(), BackupError::Taken { .. }));
    assert_eq!(fs::read(precious.join("file")).unwrap(), b"kept");
    fs::remove_file(&draft).unwrap();
    fs::create_dir(&draft).unwrap();
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(refused(), BackupError::Taken { .. }));
}

#[tokio::test]
async fn during_a_rotation_both_keys_are_asked_for() {
    let store = TestStore::sqlite().await;
    store.app("shop").await;
    let old = store.directory.path().join("old.key");
    fs::copy(key_of(&store), &old).unwrap();
    while store.rotate_master_key(true).await.unwrap() != crate::RotationStep::Begun {}
    let target = store.directory.path().join("backup");
    let manifest = make(&store, &target, &options(&store)).unwrap();
    let names = names_in(&key_of(&store)).unwrap();
    let wanted: Vec<_> = names.iter().map(|name| name.fingerprint.clone()).collect();
    assert_eq!(manifest.key_fingerprints, wanted);
    let data = store.directory.path().join("restored");
    let refused = bring_back(&target, &data, Some(&old)).unwrap_err();
    assert!(matches!(refused, BackupError::KeyOther { .. }), "{refused}");
    bring_back(&target, &data, Some(&key_of(&store))).unwrap();
}

#[tokio::test]
async fn what_is_there_is_never_written_over() {
    let store = TestStore::sqlite().await;
    let target = store.directory.path().join("backup");
    fs::create_dir(&target).unwrap();
    fs::write(target.join("mine"), "1").unwrap();
    let refused = make(&store, &target, &options(&store)).unwrap_err();
    assert!(matches!(refused, BackupError::Taken { .. }), "{refused}");
    let inside = store.config.data_dir.join("backup");
    let refused = make(&store, &inside, &options(&store)).unwrap_err();
    assert!(matches!(refused, BackupError::Inside { .. }), "{refused}");
    let nowhere = store.directory.path().join("no").join("backup");
    let refused = make(&store, &nowhere, &options(&store)).unwrap_err();
    assert!(matches!(refused, BackupError::Unnamed { .. }), "{refused}");

    // An empty one is taken, as a supervisor may have made it.
    fs::remove_file(target.join("mine")).unwrap();
    make(&store, &target, &options(&store)).unwrap();
    let used = store.config.data_dir.clone();
    let refused = bring_back(&target, &used, Some(&key_of(&store))).unwrap_err();
    assert!(matches!(refused, BackupError::Taken { .. }), "{refused}");
}

#[tokio::test]
async fn a_draft_that_was_left_is_cleared_and_one_at_work_is_not() {
    let store = TestStore::sqlite().await;
    let target = store.directory.path().join("backup");
    let draft = draft::Draft::begin(&target).unwrap();
    fs::write(draft.path().join("mayday.db"), "half").unwrap();
    let refused = make(&store, &target, &options(&store)).unwrap_err();
    assert!(matches!(refused, BackupError::AtWork { .. }), "{refused}");
    // As a killed process leaves it.
    let left = draft.path().to_owned();
    drop(draft);
    fs::create_dir_all(left.join("telemetry")).unwrap();
    fs::set_permissions(&left, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(left.join("mayday.db"), "half").unwrap();
    fs::write(left.join("telemetry").join("2026-01-01.db"), "half").unwrap();
    let manifest = make(&store, &target, &options(&store)).unwrap();
    assert!(!left.exists());
    assert!(!target.join("lock").exists());
    assert!(verify(&target, &manifest, &mut |_| {}).is_empty());
}

#[tokio::test]
async fn what_did_not_change_is_kept_once() {
    let store = TestStore::sqlite().await;
    let telemetry = store.telemetry().await;
    store_all(&telemetry, [sample(user(0), -3 * 86_400)])
        .await
        .unwrap();
    telemetry.filed().await;
    let first = store.directory.path().join("first");
    let second = store.directory.path().join("second");
    let before = make(&store, &first, &options(&store)).unwrap();
    store.app("shop").await;
    let since = BackupOptions {
        since: Some(&first),
        ..options(&store)
    };
    let after = make(&store, &second, &since).unwrap();
    let inode = |place: &Path, file: &str| fs::metadata(place.join(file)).unwrap().ino();
    let day = before
        .files
        .iter()
        .find(|file| file.path.starts_with("telemetry/20"))
        .unwrap();
    assert!(after.files.contains(day));
    assert_eq!(inode(&first, &day.path), inode(&second, &day.path));
    assert_ne!(inode(&first, "mayday.db"), inode(&second, "mayday.db"));
    telemetry.close().await;
}

#[tokio::test]
async fn a_manifest_that_leads_elsewhere_or_ahead_is_refused() {
    let store = TestStore::sqlite().await;
    let target = store.directory.path().join("backup");
    let manifest = make(&store, &target, &options(&store)).unwrap();
    let put = |manifest: &Manifest| {
        fs::write(target.join(MANIFEST), serde_json::to_vec(manifest).unwrap()).unwrap();
        Manifest::read(&target).unwrap_err()
    };
    for path in ["../../etc/passwd", "/etc/passwd", "", "telemetry/../../x"] {
        let mut wrong = manifest.clone();
        wrong.files[0].path = path.to_owned();
        let refused = put(&wrong);
        assert!(matches!(refused, BackupError::NotWhole { .. }), "{refused}");
    }
    let mut newer = manifest.clone();
    newer.format = 2;
    assert!(matches!(put(&newer), BackupError::Newer { .. }));
    let mut newer = manifest;
    newer.schema = 9_999;
    assert!(matches!(put(&newer), BackupError::Newer { .. }));
    fs::remove_file(target.join(MANIFEST)).unwrap();
    let refused = Manifest::read(&target).unwrap_err();
    assert!(refused.to_string().contains("manifest.json"), "{refused}");
}

#[tokio::test]
async fn the_original_is_left_as_it_was() {
    let store = TestStore::sqlite().await;
    store.app("shop").await;
    let version = {
        let mut tx = store.read().await.unwrap();
        control::version(&mut tx).await.unwrap()
    };
    store.close().await;
    let list = || {
        let mut found: Vec<_> = fs::read_dir(&store.config.data_dir)
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| !entry.file_name().to_string_lossy().ends_with("-shm"))
            .map(|entry| (entry.file_name(), entry.metadata().unwrap().len()))
            .filter(|(_, bytes)| *bytes > 0)
            .collect();
        found.sort();
        found
    };
    let before = list();
    let target = store.directory.path().join("backup");
    make(&store, &target, &options(&store)).unwrap();
    assert_eq!(list(), before);
    let again = store.reopen().await.unwrap();
    let mut tx = again.read().await.unwrap();
    assert_eq!(control::version(&mut tx).await.unwrap(), version);
    drop(tx);
    // Writing goes on.
    again
        .write(Lane::Rest, crate::heartbeat::Heartbeat)
        .await
        .unwrap();
    again.close().await;
}
