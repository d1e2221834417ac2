//! What is particular to the embedded files.

use std::path::PathBuf;

use mayday_core::clock::Clock as _;

use super::*;
use crate::telemetry::{Gaps, Span, strays};

/// Seconds in a day.
const DAY: i64 = 86_400;

fn directory(store: &TestStore) -> PathBuf {
    store.config.data_dir.join("telemetry")
}

fn databases(store: &TestStore) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory(store))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| std::path::Path::new(name).extension() == Some("db".as_ref()))
        .collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn each_day_has_its_file_and_late_samples_theirs() {
    let store = TestStore::sqlite().await;
    let telemetry = store.telemetry().await;
    for days in [0, -1, -30, -31, -1000, 1] {
        store_all(&telemetry, [sample(user(0), days * DAY)])
            .await
            .unwrap();
    }
    telemetry.filed().await;
    assert_eq!(
        databases(&store),
        [
            "2026-08-10.db",
            "2026-09-08.db",
            "2026-09-09.db",
            "2026-09-10.db",
            "journal.db",
            "late.db",
            "latest.db"
        ]
    );
    let days: Vec<i64> = all_of(&telemetry, user(0))
        .await
        .iter()
        .map(|sample| sample.time.micros_after(START) / (DAY * 1_000_000))
        .collect();
    assert_eq!(days, [-1000, -31, -30, -1, 0, 1]);
    telemetry.close().await;
}

#[tokio::test]
async fn retention_removes_files_and_late_rows_but_no_latest_position() {
    let store = TestStore::sqlite().await;
    let telemetry = store.telemetry().await;
    let of_each = [0, -29, -900].map(|days| sample(user(0), days * DAY));
    store_all(&telemetry, of_each).await.unwrap();
    store_all(&telemetry, [sample(user(1), -29 * DAY)])
        .await
        .unwrap();
    assert_eq!(telemetry.prune().await.unwrap(), 0);
    store.clock.advance(Duration::from_hours(2 * 24));
    assert_eq!(telemetry.prune().await.unwrap(), 1);
    assert_eq!(all_of(&telemetry, user(0)).await.len(), 2);
    assert_eq!(all_of(&telemetry, user(1)).await, []);
    // The same day's samples are late ones from now on.
    store_all(&telemetry, [sample(user(1), -29 * DAY)])
        .await
        .unwrap();
    assert_eq!(all_of(&telemetry, user(1)).await.len(), 1);
    store.clock.advance(Duration::from_hours(40 * 24));
    let mut late = sample(user(2), -900 * DAY);
    late.received_at = store.clock.now();
    store_all(&telemetry, [late]).await.unwrap();
    telemetry.prune().await.unwrap();
    assert_eq!(databases(&store), ["journal.db", "late.db", "latest.db"]);
    assert_eq!(all_of(&telemetry, user(0)).await, []);
    assert_eq!(all_of(&telemetry, user(2)).await.len(), 1);
    let telemetry = reopened(&store, telemetry).await;
    let latest = telemetry.latest(user(0)).await.unwrap();
    assert_eq!(latest, Some(sample(user(0), 0).position()));
    telemetry.close().await;
}

#[tokio::test]
async fn after_a_crash_the_latest_positions_are_caught_up() {
    let store = TestStore::sqlite().await;
    let telemetry = store.telemetry().await;
    store_all(&telemetry, [sample(user(0), 10)]).await.unwrap();
    let telemetry = reopened(&store, telemetry).await;
    store_all(
        &telemetry,
        [
            sample(user(0), 20),
            sample(user(1), 5),
            sample(user(2), -900 * DAY),
        ],
    )
    .await
    .unwrap();
    // Copied as a crash would leave it: latest.db may miss the last second.
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(directory(&store)).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    let config = crate::telemetry::TelemetryConfig {
        place: crate::telemetry::TelemetryPlace::Directory(copy.path().to_owned()),
        ..crate::telemetry::TelemetryConfig::beside(&store.config)
    };
    let crashed = Telemetry::open(config, &store, store.clock.clone())
        .await
        .unwrap();
    for (n, secs) in [(0, 20), (1, 5), (2, -900 * DAY)] {
        let latest = crashed.latest(user(n)).await.unwrap();
        assert_eq!(latest, Some(sample(user(n), secs).position()), "user {n}");
    }
    crashed.close().await;
    telemetry.close().await;
}

#[tokio::test]
async fn a_damaged_file_is_named_at_the_start() {
    let store = TestStore::sqlite().await;
    std::fs::create_dir_all(directory(&store)).unwrap();
    let path = directory(&store).join("2026-09-09.db");
    std::fs::write(&path, b"this is no database, whatever its name says").unwrap();
    let config = crate::telemetry::TelemetryConfig::beside(&store.config);
    let error = Telemetry::open(config, &store, store.clock.clone())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("2026-09-09.db"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap().len(), 43);
}

#[tokio::test]
async fn a_full_disk_is_left_to_sos() {
    let mut store = TestStore::sqlite().await;
    let telemetry = store.telemetry().await;
    store_all(&telemetry, [sample(user(0), 1)]).await.unwrap();
    telemetry.close().await;
    store.config.disk.reserve_bytes = u64::MAX;
    store.close().await;
    let low = store.reopen().await.unwrap();
    let config = crate::telemetry::TelemetryConfig::beside(&store.config);
    let telemetry = Telemetry::open(config, &low, store.clock.clone())
        .await
        .unwrap();
    let refused = store_all(&telemetry, [sample(user(0), 2)]).await;
    assert!(
        matches!(refused, Err(TelemetryError::DiskLow)),
        "{refused:?}"
    );
    assert_eq!(all_of(&telemetry, user(0)).await.len(), 1);
    telemetry.close().await;
}

#[tokio::test]
async fn many_samples_share_few_commits() {
    let store = TestStore::sqlite().await;
    let telemetry = store.telemetry().await;
    telemetry.faults().freeze();
    let pending: Vec<_> = (0..4_000)
        .map(|n| telemetry.submit(sample(user(n % 7), 1 + i64::try_from(n).unwrap())))
        .collect();
    telemetry.faults().thaw();
    for mut sample in pending {
        sample.stored().await.unwrap();
    }
    let health = telemetry.health();
    assert_eq!(health.committed_samples, 4_000);
    assert!(health.commits <= 8, "{health:?}");
    assert!(telemetry.settled(user(0)).await);
    telemetry.close().await;
}

/// A directory with files of a newer version and damaged ones, none of them today's.
async fn with_unusable_files(store: &TestStore) -> Telemetry {
    let telemetry = store.telemetry().await;
    store_all(
        &telemetry,
        [-2, -3, -4].map(|days| sample(user(0), days * DAY)),
    )
    .await
    .unwrap();
    let telemetry = reopened(store, telemetry).await;
    let newer = rusqlite::Connection::open(directory(store).join("2026-09-07.db")).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    let damaged = directory(store).join("2026-09-06.db");
    std::fs::write(damaged, b"this is no database, whatever its name says").unwrap();
    telemetry
}

#[tokio::test]
async fn a_file_that_cannot_be_used_costs_the_others_nothing() {
    let store = TestStore::sqlite().await;
    let telemetry = with_unusable_files(&store).await;
    let days = [0, -1, -2, -3, -4];
    store_all(&telemetry, days.map(|days| sample(user(1), days * DAY)))
        .await
        .unwrap();
    telemetry.filed().await;
    assert!(!telemetry.health().stalled);
    // Those of the two days lie among the late ones.
    let late = rusqlite::Connection::open(directory(&store).join("late.db")).unwrap();
    let rows: i64 = late
        .query_row("SELECT count(*) FROM samples", [], |row| row.get(0))
        .unwrap();
    drop(late);
    assert_eq!(rows, 2);
    let sound = telemetry
        .range(user(1), START.shift_micros(-DAY * 1_000_000), START, 10)
        .await;
    assert_eq!(sound.unwrap().len(), 2);
    // Nobody is told that all is gone while some may be left.
    let until = tokio::time::Instant::now() + Duration::from_mins(1);
    let erased = telemetry.erase(user(1), until).await;
    assert!(erased.is_err(), "{erased:?}");
    store.clock.advance(Duration::from_hours(40 * 24));
    assert_eq!(telemetry.prune().await.unwrap(), 5);
    let erased = telemetry.erase(user(1), until).await.unwrap();
    assert!(erased.all);
    telemetry.close().await;
}

#[tokio::test]
async fn the_newest_position_is_found_beside_a_damaged_file() {
    let store = TestStore::sqlite().await;
    let telemetry = with_unusable_files(&store).await;
    store_all(
        &telemetry,
        [sample(user(2), -2 * DAY), sample(user(3), -4 * DAY)],
    )
    .await
    .unwrap();
    let telemetry = reopened(&store, telemetry).await;
    for (n, days) in [(2, -2), (3, -4)] {
        let newest = telemetry.latest(user(n)).await.unwrap();
        assert_eq!(newest, Some(sample(user(n), days * DAY).position()));
    }
    telemetry.close().await;
}

#[tokio::test]
async fn what_the_other_files_hold_is_told_beside_a_damaged_one() {
    let store = TestStore::sqlite().await;
    let app = store.app("acme").await;
    let ana = store.user(&app, "ana").await;
    let telemetry = with_unusable_files(&store).await;
    let incident = open_sos(&store, &app, ana).await;
    let days = [-1, -2, -3, -4];
    store_all(&telemetry, days.map(|days| sample(ana, days * DAY)))
        .await
        .unwrap();
    telemetry.filed().await;
    let all = all_of(&telemetry, ana).await;
    assert_eq!(all.len(), 4);
    assert_eq!(telemetry.trail(incident).await.unwrap().len(), 4);
    let wanted = strays::Strays {
        user: ana,
        incident: IncidentId(Uuid::nil()),
        span: START.shift_micros(-5 * DAY * 1_000_000)..=START,
    };
    assert_eq!(telemetry.strays(&wanted).await.unwrap().len(), 4);
    // An operator is told, and whoever is promised all is not given less.
    assert_eq!(telemetry.health().unusable_files, 2);
    let span = Span {
        from: *wanted.span.start(),
        to: START,
        after: None,
        gaps: Gaps::Refused,
    };
    assert!(telemetry.page(ana, &span, 10).await.is_err());
    for name in ["2026-09-06.db", "2026-09-07.db"] {
        let file = directory(&store).join(name);
        std::fs::rename(&file, file.with_extension("away")).unwrap();
    }
    assert_eq!(telemetry.page(ana, &span, 10).await.unwrap().len(), 4);
    assert_eq!(all_of(&telemetry, ana).await.len(), 4);
    assert_eq!(telemetry.health().unusable_files, 0);
    telemetry.close().await;
}

#[tokio::test]
async fn a_file_that_cannot_be_written_for_long_holds_up_no_other() {
    let yesterday = "2026-09-08.db";
    let store = TestStore::sqlite().await;
    let telemetry = store.telemetry().await;
    telemetry.faults().fail_filing_of(yesterday);
    let of_both_days = [sample(user(0), 0), sample(user(0), -DAY)];
    store_all(&telemetry, of_both_days).await.unwrap();
    until("it is told", || telemetry.health().stalled).await;
    store.clock.advance(Duration::from_secs(5));
    until("it is filed elsewhere", || !telemetry.health().stalled).await;
    telemetry.filed().await;
    assert_eq!(all_of(&telemetry, user(0)).await.len(), 2);
    let rows_in = |name: &str| {
        let file = rusqlite::Connection::open(directory(&store).join(name)).unwrap();
        let count = file.query_row("SELECT count(*) FROM samples", [], |row| row.get(0));
        count.unwrap()
    };
    let rows: [i64; 2] = [rows_in(yesterday), rows_in("late.db")];
    assert_eq!(rows, [0, 1]);
    telemetry.faults().fail_filing(false);
    // Left alone for a minute, and tried again after it.
    for (wait, expected) in [(0, [0, 2]), (60, [1, 2])] {
        store.clock.advance(Duration::from_secs(wait));
        let more = sample(user(0), wait.cast_signed() - DAY + 1);
        store_all(&telemetry, [more]).await.unwrap();
        telemetry.filed().await;
        assert_eq!([rows_in(yesterday), rows_in("late.db")], expected);
    }
    assert_eq!(all_of(&telemetry, user(0)).await.len(), 4);
    telemetry.close().await;
}
