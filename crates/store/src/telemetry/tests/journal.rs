//! What is acknowledged and not in its day file yet is as good as what is.

use std::path::Path;

use super::*;
use crate::telemetry::{Strays, TelemetryConfig, TelemetryPlace};

/// The directory as a crash would leave it, opened by another process.
async fn after_a_crash(store: &TestStore, copy: &Path) -> Telemetry {
    let directory = store.config.data_dir.join("telemetry");
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
    }
    let config = TelemetryConfig {
        place: TelemetryPlace::Directory(copy.to_owned()),
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
        assert_eq!(trail, [sent[0].position()]);
        let wanted = Strays {
            user: user(0),
            incident,
            span: START..=sent[1].time,
        };
        let strays = telemetry.strays(&wanted).await.unwrap();
        assert_eq!(strays, [sent[1].position()]);
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
