//! A rotation goes on after a crash at any point, and nothing is ever left sealed
//! with a key that has gone.

use std::path::PathBuf;

use mayday_core::identity::AppSecret;
use mayday_core::identity::signing::LiveSecret;
use mayday_core::ids::SecretId;

use super::*;
use crate::apps::{AddSecret, live_secrets};
use crate::master_key::names_in;
use crate::on_both;
use crate::row::Row;
use crate::secrets::{Place, SealError};
use crate::sql::Sql;
use crate::testing::TestStore;

/// More than one batch, two secrets each.
const APPS: u32 = 51;

static KEY_IDS: Sql = Sql::new("SELECT DISTINCT key_id FROM app_secrets WHERE sealed IS NOT NULL");

async fn opened(store: &Store) -> Vec<(SecretId, String)> {
    let mut tx = store.read().await.unwrap();
    let secrets = live_secrets(&mut tx).await.unwrap();
    secrets
        .into_iter()
        .map(|(_, live)| (live.id, live.secret.expose().to_owned()))
        .collect()
}

async fn key_ids(store: &Store) -> Vec<String> {
    let mut tx = store.read().await.unwrap();
    let rows = tx.fetch_all(&KEY_IDS, args![]).await.unwrap();
    rows.iter().map(|row: &Row| row.get(0).unwrap()).collect()
}

fn file(store: &TestStore) -> PathBuf {
    store.config.data_dir.join(super::super::FILE)
}

async fn two_secrets(store: &TestStore, id: &str) {
    let app = store.app(id).await;
    let secret = LiveSecret {
        id: SecretId::generate(store.clock.as_ref(), store.entropy.as_ref()),
        secret: AppSecret::generate(store.entropy.as_ref()),
    };
    let app_id = app.app_id;
    let add = AddSecret { app_id, secret };
    store.write(Lane::Rest, add).await.unwrap();
}

on_both!(
    a_crash_between_any_two_steps_is_gone_on_from,
    |store| async move {
        for number in 0..APPS {
            two_secrets(&store, &format!("app-{number}")).await;
        }
        let before = opened(&store).await;
        let old = names_in(&file(&store)).unwrap();
        let old_file = std::fs::read(file(&store)).unwrap();
        store.close().await;
        let mut steps = Vec::new();
        loop {
            // Nothing is left of the process before but the disk.
            let again = store.reopen().await.unwrap();
            assert_eq!(opened(&again).await, before, "after {steps:?}");
            let step = again.rotate_master_key(true).await.unwrap();
            assert_eq!(opened(&again).await, before, "after {steps:?} and {step:?}");
            again.close().await;
            let done = matches!(step, RotationStep::Done { .. });
            steps.push(step);
            if done {
                break;
            }
        }
        let words: Vec<_> = steps.iter().map(word).collect();
        assert_eq!(
            words,
            [
                "made",
                "begun",
                "resealed 100",
                "resealed 2",
                "switched",
                "done"
            ]
        );
        let new = names_in(&file(&store)).unwrap();
        assert_eq!(new.len(), 1);
        assert_ne!(new, old);
        let again = store.reopen().await.unwrap();
        assert_eq!(key_ids(&again).await, [new[0].id.clone()]);
        again.close().await;
        std::fs::write(file(&store), old_file).unwrap();
        let refused = store.reopen().await.unwrap_err();
        assert!(matches!(refused, OpenError::KeyOther { .. }), "{refused}");
    }
);

fn word(step: &RotationStep) -> String {
    match step {
        RotationStep::Made { .. } => "made".to_owned(),
        RotationStep::Begun => "begun".to_owned(),
        RotationStep::Resealed { values } => format!("resealed {values}"),
        RotationStep::Switched => "switched".to_owned(),
        RotationStep::Done { .. } => "done".to_owned(),
    }
}

on_both!(
    what_is_sealed_meanwhile_is_sealed_with_the_new_key,
    |store| async move {
        store.app("before").await;
        while store.rotate_master_key(true).await.unwrap() != RotationStep::Begun {}
        store.app("meanwhile").await;
        let names = names_in(&file(&store)).unwrap();
        assert_eq!(names.len(), 2);
        assert_eq!(key_ids(&store).await.len(), 2);
        loop {
            let step = store.rotate_master_key(true).await.unwrap();
            if matches!(step, RotationStep::Done { .. }) {
                break;
            }
        }
        assert_eq!(key_ids(&store).await, [names[1].id.clone()]);
        assert_eq!(opened(&store).await.len(), 2);
        store.app("after").await;
        assert_eq!(key_ids(&store).await, [names[1].id.clone()]);
    }
);

#[tokio::test]
async fn another_node_needs_the_new_key_and_takes_it_from_its_file() {
    let Some(store) = TestStore::postgres().await else {
        return;
    };
    store.app("shop").await;
    let mut config = store.config.clone();
    config.data_dir = store.directory.path().join("other");
    std::fs::create_dir(&config.data_dir).unwrap();
    let other_file = config.data_dir.join(super::super::FILE);
    std::fs::copy(file(&store), &other_file).unwrap();
    let open = || Store::open(config.clone(), store.clock.clone(), store.entropy.clone());
    let other = open().await.unwrap();

    let made = store.rotate_master_key(false).await.unwrap();
    assert_eq!(
        store.rotate_master_key(false).await.unwrap(),
        made,
        "it waits until the file was copied"
    );
    while store.rotate_master_key(true).await.unwrap() != RotationStep::Switched {
        // The node where it did not begin cannot go on with it.
        let refused = other.rotate_master_key(true).await.unwrap_err();
        assert!(
            matches!(refused, RotateError::Elsewhere { .. }),
            "{refused}"
        );
    }
    let mut tx = other.read().await.unwrap();
    let missing = live_secrets(&mut tx).await.unwrap_err();
    drop(tx);
    assert!(
        matches!(missing, StoreError::Seal(SealError::OtherKey)),
        "{missing}"
    );
    let refused = open().await.unwrap_err();
    assert!(matches!(refused, OpenError::KeyOther { .. }), "{refused}");
    std::fs::copy(file(&store), &other_file).unwrap();
    assert_eq!(opened(&other).await, opened(&store).await);
    other.close().await;
}

#[tokio::test]
async fn a_node_does_not_start_without_the_key_to_come() {
    let Some(store) = TestStore::postgres().await else {
        return;
    };
    store.app("shop").await;
    let old_file = std::fs::read(file(&store)).unwrap();
    while store.rotate_master_key(true).await.unwrap() != RotationStep::Begun {}
    let both = std::fs::read(file(&store)).unwrap();
    std::fs::write(file(&store), old_file).unwrap();
    let refused = store.reopen().await.unwrap_err();
    assert!(matches!(refused, OpenError::KeyNext { .. }), "{refused}");
    std::fs::write(file(&store), both).unwrap();
    store.reopen().await.unwrap().close().await;
}

#[tokio::test]
async fn two_rotations_of_one_file_do_not_meet() {
    let store = TestStore::sqlite().await;
    let held = lock(&file(&store)).unwrap();
    let refused = store.rotate_master_key(true).await.unwrap_err();
    assert!(matches!(refused, RotateError::AtWork { .. }), "{refused}");
    drop(held);
    store.rotate_master_key(true).await.unwrap();
}

struct SealInto(&'static str);

impl Command for SealInto {
    type Output = ();

    const NAME: &'static str = "test.seal";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let place = Place {
            table: "users",
            row: Uuid::from_u128(1),
            column: self.0,
        };
        tx.seal(place, b"1234").await.map(|_| ())
    }
}

on_both!(
    a_column_that_is_not_listed_cannot_be_sealed,
    |store| async move {
        let refused = store.write(Lane::Rest, SealInto("pin")).await.unwrap_err();
        assert!(
            matches!(refused, StoreError::Seal(SealError::Unlisted)),
            "{refused}"
        );
    }
);
