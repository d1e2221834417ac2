//! What is acknowledged and not in its day file yet is as good as what is.

use std::path::Path;

use super::*;
use crate::telemetry::{Faults, StoredIn, Strays, TelemetryConfig, TelemetryPlace};

/// The directory as a crash would leave it, opened by another process.
async fn after_a_crash(store: &TestStore, copy: &Path) -> Telemetry {
    opened_as_left(store, copy, Faults::default()).await
}

/// The same, with faults from the start.
async fn opened_as_left(store: &TestStore, copy: &Path, faults: Faults) -> Telemetry {
    let directory = store.config.data_dir.join("telemetry");
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
    }
    let config = TelemetryConfig {
        place: TelemetryPlace::Directory(copy.to_owned()),
        faults,
        ..TelemetryConfig::beside(&store.config)
    };
    Telemetry::open(config, store, store.clock.clone())
        .await
        .unwrap()
}

/// A store whose samples stay in the journal.
async fn held(store: &TestStore) -> Telemetry {
    let telemetry = store.telemetry().await;
    telemetry.faults().hold_filing(true);
    telemetry
}

fn in_incident(secs: i64, incident: IncidentId) -> Sample {
    Sample {
        incident: Some(incident),
        ..sample(user(0), secs)
    }
}

#[tokio::test]
async fn readers_see_it() {
    let store = TestStore::sqlite().await;
    let telemetry = held(&store).await;
    let incident = IncidentId(Uuid::from_u128(9));
    let sent = [
        in_incident(1, incident),
        sample(user(0), 2),
        sample(user(0), -900 * 86_400),
    ];
    store_all(&telemetry, sent.clone()).await.unwrap();
    store_all(&telemetry, [sample(user(1), 3)]).await.unwrap();
    for filed in [false, true] {
        let found = all_of(&telemetry, user(0)).await;
        assert_eq!(
            found,
            [sent[2].clone(), sent[0].clone(), sent[1].clone()],
            "filed: {filed}"
        );
        let trail = telemetry.trail(incident).await.unwrap();
        assert_eq!(trail, [(sent[0].key(), sent[0].position())]);
        let wanted = Strays {
            user: user(0),
            incident,
            span: START..=sent[1].time,
        };
        let strays = telemetry.strays(&wanted).await.unwrap();
        assert_eq!(strays, [(sent[1].key(), sent[1].position())]);
        let newest = telemetry.latest(user(0)).await.unwrap();
        assert_eq!(newest, Some(sent[1].position()));
        telemetry.faults().hold_filing(false);
        telemetry.filed().await;
    }
    telemetry.close().await;
}

#[tokio::test]
async fn a_crash_costs_none_of_it() {
    let store = TestStore::sqlite().await;
    let telemetry = held(&store).await;
    let incident = IncidentId(Uuid::from_u128(9));
    let mut sent: Vec<Sample> = (0..200).map(|n| sample(user(n % 7), 5)).collect();
    for (n, sample) in sent.iter_mut().enumerate() {
        sample.event_id = format!("e-{n:03}").into();
    }
    store_all(&telemetry, sent.clone()).await.unwrap();
    store_all(&telemetry, [in_incident(9, incident)])
        .await
        .unwrap();
    let copy = tempfile::tempdir().unwrap();
    let crashed = after_a_crash(&store, copy.path()).await;
    for filed in [false, true] {
        for n in 1..7 {
            let of: Vec<Sample> = sent.iter().filter(|s| s.user == user(n)).cloned().collect();
            assert_eq!(all_of(&crashed, user(n)).await, of, "filed: {filed}");
            let newest = crashed.latest(user(n)).await.unwrap();
            assert_eq!(newest, Some(of[0].position()));
        }
        assert_eq!(crashed.trail(incident).await.unwrap().len(), 1);
        crashed.filed().await;
    }
    crashed.close().await;
    telemetry.close().await;
}

#[tokio::test]
async fn what_is_erased_does_not_come_back_from_the_journal() {
    let store = TestStore::sqlite().await;
    let telemetry = held(&store).await;
    store_all(&telemetry, [sample(user(0), 1), sample(user(1), 1)])
        .await
        .unwrap();
    telemetry.faults().hold_filing(false);
    let until = tokio::time::Instant::now() + Duration::from_mins(1);
    let swept = telemetry.erase(user(0), until).await.unwrap();
    assert_eq!((swept.rows, swept.all), (1, true));
    let copy = tempfile::tempdir().unwrap();
    let crashed = after_a_crash(&store, copy.path()).await;
    assert_eq!(all_of(&crashed, user(0)).await, []);
    assert_eq!(all_of(&crashed, user(1)).await.len(), 1);
    crashed.close().await;
    telemetry.close().await;
}

#[tokio::test]
async fn day_files_that_cannot_be_written_are_told_and_cost_nothing() {
    let store = TestStore::sqlite().await;
    let telemetry = store.telemetry().await;
    telemetry.faults().fail_filing(true);
    store_all(&telemetry, [sample(user(0), 1)]).await.unwrap();
    until("it is told", || telemetry.health().stalled).await;
    // The journal takes more for a while, the spill table what comes then.
    let many = 4_000;
    let more = (2..many).map(|secs| sample(user(0), secs));
    store_all(&telemetry, more).await.unwrap();
    let spilled = spilled_rows(&store).await;
    assert!((1..3_000).contains(&spilled), "{spilled}");
    assert_eq!(all_of(&telemetry, user(0)).await.len(), 3_999);
    telemetry.faults().fail_filing(false);
    until("it is filed", || !telemetry.health().stalled).await;
    assert_eq!(all_of(&telemetry, user(0)).await.len(), 3_999);
    telemetry.close().await;
}

/// A sample of which 63 fit into the room there is, and some small ones.
const LARGE_BYTES: usize = 128 * 1024;

/// One after the other: none waits for so long that the writer counts as stuck.
async fn take_most_of_the_room(telemetry: &Telemetry) {
    for secs in 1..=63 {
        store_all(telemetry, [heavy(secs, LARGE_BYTES)])
            .await
            .unwrap();
    }
}

fn heavy(secs: i64, bytes: usize) -> Sample {
    Sample {
        raw: vec![b' '; bytes].into(),
        ..sample(user(0), secs)
    }
}

#[tokio::test]
async fn a_few_large_samples_are_as_much_as_many_small_ones() {
    let store = TestStore::sqlite().await;
    let telemetry = store.telemetry().await;
    telemetry.faults().fail_filing(true);
    store_all(&telemetry, [sample(user(0), 0)]).await.unwrap();
    until("it is told", || telemetry.health().stalled).await;
    for secs in 1..=50 {
        store_all(&telemetry, [heavy(secs, 40 * 1024)])
            .await
            .unwrap();
    }
    let spilled = spilled_rows(&store).await;
    assert!((1..50).contains(&spilled), "{spilled}");
    assert_eq!(all_of(&telemetry, user(0)).await.len(), 51);
    // Nothing is brought back to where nothing can be filed.
    assert_eq!(telemetry.move_spilled().await.unwrap().rows, 0);
    telemetry.faults().fail_filing(false);
    until("it is filed", || !telemetry.health().stalled).await;
    while telemetry.move_spilled().await.unwrap().more {}
    assert_eq!(spilled_rows(&store).await, 0);
    telemetry.close().await;
}

#[tokio::test]
async fn with_no_room_and_no_filing_a_sample_is_spilled() {
    let store = TestStore::sqlite().await;
    let telemetry = held(&store).await;
    take_most_of_the_room(&telemetry).await;
    telemetry.faults().fail_filing(true);
    telemetry.faults().hold_filing(false);
    until("it is told", || telemetry.health().stalled).await;
    let mut pending = telemetry.submit(heavy(64, LARGE_BYTES));
    assert_eq!(pending.stored().await.unwrap(), StoredIn::Spill);
    telemetry.faults().fail_filing(false);
    telemetry.close().await;
}

#[tokio::test]
async fn what_moves_out_of_the_spill_table_takes_room() {
    let store = TestStore::sqlite().await;
    let telemetry = held(&store).await;
    telemetry.faults().fail_commits(true);
    store_all(&telemetry, [sample(user(0), 0), heavy(64, LARGE_BYTES)])
        .await
        .unwrap();
    telemetry.faults().fail_commits(false);
    take_most_of_the_room(&telemetry).await;
    // The small one finds some.
    let moved = telemetry.move_spilled().await.unwrap();
    assert_eq!((moved.rows, moved.more), (1, true));
    telemetry.faults().hold_filing(false);
    telemetry.filed().await;
    assert_eq!(telemetry.move_spilled().await.unwrap().rows, 1);
    assert_eq!(all_of(&telemetry, user(0)).await.len(), 65);
    telemetry.close().await;
}

#[tokio::test]
async fn what_was_filed_before_a_crash_is_filed_to_the_same_place_days_later() {
    let store = TestStore::sqlite().await;
    let telemetry = held(&store).await;
    let oldest = sample(user(0), -30 * 86_400);
    store_all(&telemetry, [oldest.clone()]).await.unwrap();
    let copy = tempfile::tempdir().unwrap();
    store.clock.advance(Duration::from_hours(2 * 24));
    let crashed = after_a_crash(&store, copy.path()).await;
    crashed.filed().await;
    assert_eq!(all_of(&crashed, user(0)).await, [oldest]);
    assert!(copy.path().join("2026-08-10.db").exists());
    assert!(!copy.path().join("late.db").exists());
    crashed.close().await;
    telemetry.faults().hold_filing(false);
    telemetry.close().await;
}

#[tokio::test]
async fn a_disk_that_is_full_at_the_start_costs_telemetry_and_no_more() {
    let store = TestStore::sqlite().await;
    let telemetry = held(&store).await;
    store_all(&telemetry, [sample(user(0), 1)]).await.unwrap();
    let copy = tempfile::tempdir().unwrap();
    let faults = Faults::default();
    faults.fail_opening(true);
    let full = opened_as_left(&store, copy.path(), faults).await;
    assert!(full.health().stalled);
    // What cannot be journalled goes to the spill table, as always.
    store_all(&full, [sample(user(0), 2)]).await.unwrap();
    assert_eq!(spilled_rows(&store).await, 1);
    let soon = tokio::time::Instant::now() + Duration::from_mins(1);
    let erased = full.erase(user(0), soon).await;
    assert!(erased.is_err(), "{erased:?}: the journal was not read");
    full.faults().fail_opening(false);
    until("the journal is read", || !full.health().stalled).await;
    store_all(&full, [sample(user(0), 3)]).await.unwrap();
    full.filed().await;
    assert_eq!(all_of(&full, user(0)).await.len(), 3);
    let newest = full.latest(user(0)).await.unwrap();
    assert_eq!(newest, Some(sample(user(0), 3).position()));
    full.close().await;
    telemetry.faults().hold_filing(false);
    telemetry.close().await;
}
