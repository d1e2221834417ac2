use std::time::Duration;

use mayday_core::clock::Clock as _;

use super::*;
use crate::command::Lane;
use crate::on_both;
use crate::testing::{TestApp, TestStore};

fn fresh(store: &TestStore) -> RecordId {
    RecordId::generate(store.clock.as_ref(), store.entropy.as_ref())
}

fn begin(store: &TestStore, app: &TestApp, version: &str, bytes: &[u8]) -> BeginFirmware {
    BeginFirmware {
        id: fresh(store),
        app_id: app.app_id.clone(),
        hardware_model: "EIXAM R1".to_owned(),
        version: version.to_owned(),
        notes: String::new(),
        size_bytes: i64::try_from(bytes.len()).unwrap(),
    }
}

async fn send(store: &TestStore, release: RecordId, bytes: &[u8]) {
    for (ordinal, piece) in (0..).zip(bytes.chunks(CHUNK_BYTES)) {
        let put = PutFirmwareChunk {
            release,
            ordinal,
            bytes: piece.to_vec(),
        };
        assert!(store.write(Lane::Rest, put).await.unwrap());
    }
}

async fn finish(store: &TestStore, release: RecordId) -> Option<FirmwareRow> {
    let finish = FinishFirmware {
        release,
        sha256: "ab".repeat(32),
        publish: true,
    };
    store.write(Lane::Rest, finish).await.unwrap()
}

async fn offered(store: &TestStore, app: &TestApp) -> Vec<String> {
    let mut tx = store.read().await.unwrap();
    let rows = published(&mut tx, app.id, "eixam r1").await.unwrap();
    rows.into_iter().map(|row| row.version).collect()
}

async fn remove(store: &TestStore, app: &TestApp, release: RecordId) -> bool {
    let abandon = AbandonFirmware {
        app_id: app.app_id.clone(),
        release,
    };
    let had = store.write(Lane::Rest, abandon).await.unwrap();
    let remove = RemoveFirmwareChunks { release };
    while store.write(Lane::Rest, remove).await.unwrap() {}
    had
}

on_both!(a_release_is_offered_once_it_is_whole, |store| async move {
    let app = store.app("shop").await;
    let bytes = vec![7; CHUNK_BYTES * 5 + 3];
    let new = begin(&store, &app, "2.5.1", &bytes);
    let begun = store.write(Lane::Rest, new.clone()).await.unwrap();
    assert_eq!(begun, FirmwareBegun::Begun);
    // Run again, as after a lost answer.
    assert_eq!(store.write(Lane::Rest, new.clone()).await.unwrap(), begun);
    assert_eq!(finish(&store, new.id).await, None);
    let short = PutFirmwareChunk {
        release: new.id,
        ordinal: 0,
        bytes: vec![7; 9],
    };
    assert!(!store.write(Lane::Rest, short).await.unwrap());
    assert_eq!(offered(&store, &app).await, Vec::<String>::new());
    let again = begin(&store, &app, "2.5.1", &bytes);
    let again = store.write(Lane::Rest, again).await.unwrap();
    assert_eq!(again, FirmwareBegun::Unfinished(new.id));
    send(&store, new.id, &bytes).await;
    let done = finish(&store, new.id).await.unwrap();
    assert_eq!(finish(&store, new.id).await, Some(done.clone()));
    assert_eq!(done.state, FirmwareState::Published);
    assert_eq!(offered(&store, &app).await, ["2.5.1"]);
    let again = begin(&store, &app, "2.5.1", &bytes);
    let again = store.write(Lane::Rest, again).await.unwrap();
    assert_eq!(again, FirmwareBegun::Exists);
    let late = PutFirmwareChunk {
        release: new.id,
        ordinal: 0,
        bytes: vec![8; CHUNK_BYTES],
    };
    assert!(!store.write(Lane::Rest, late).await.unwrap());
    let mut tx = store.read().await.unwrap();
    let last = chunk(&mut tx, new.id, 5).await.unwrap().unwrap();
    assert_eq!(last, [7; 3]);
    assert_eq!(chunk(&mut tx, new.id, 6).await.unwrap(), None);
});

on_both!(
    a_withdrawn_or_removed_release_is_offered_no_more,
    |store| async move {
        let app = store.app("shop").await;
        let other = store.app("other").await;
        let bytes = vec![7; CHUNK_BYTES * 5];
        let new = begin(&store, &app, "2.5.1", &bytes);
        store.write(Lane::Rest, new.clone()).await.unwrap();
        send(&store, new.id, &bytes).await;
        finish(&store, new.id).await.unwrap();
        let set = |app: &TestApp, state| SetFirmwareState {
            app_id: app.app_id.clone(),
            release: new.id,
            state,
        };
        let foreign = set(&other, FirmwareState::Withdrawn);
        assert_eq!(store.write(Lane::Rest, foreign).await.unwrap(), None);
        let withdraw = set(&app, FirmwareState::Withdrawn);
        assert!(store.write(Lane::Rest, withdraw).await.unwrap().is_some());
        assert!(offered(&store, &app).await.is_empty());
        let publish = set(&app, FirmwareState::Published);
        assert!(
            store
                .write(Lane::Rest, publish.clone())
                .await
                .unwrap()
                .is_some()
        );
        assert_eq!(offered(&store, &app).await, ["2.5.1"]);
        assert!(!remove(&store, &other, new.id).await);
        assert_eq!(offered(&store, &app).await, ["2.5.1"]);
        assert!(remove(&store, &app, new.id).await);
        assert_eq!(store.write(Lane::Rest, publish).await.unwrap(), None);
        let mut tx = store.read().await.unwrap();
        assert_eq!(get(&mut tx, new.id).await.unwrap(), None);
        assert_eq!(chunk(&mut tx, new.id, 0).await.unwrap(), None);
    }
);

on_both!(what_was_never_finished_is_found, |store| async move {
    let app = store.app("shop").await;
    let new = begin(&store, &app, "2.5.1", &[1]);
    store.write(Lane::Rest, new.clone()).await.unwrap();
    let mut tx = store.read().await.unwrap();
    let now = store.clock.now();
    assert_eq!(incomplete_since(&mut tx, now).await.unwrap(), []);
    let later = now.plus(Duration::from_secs(1));
    let found = incomplete_since(&mut tx, later).await.unwrap();
    assert_eq!(found, [(new.id, app.app_id.clone())]);
});
