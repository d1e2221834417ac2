//! An app that keeps telemetry for less time than the server.

use mayday_core::clock::Clock as _;

use super::*;
use crate::apps::SetAppRetention;
use crate::incidents::StoreTrail;
use crate::on_both;

/// Seconds in a day.
const DAY: i64 = 86_400;
/// Steps that no test needs.
const MANY_STEPS: usize = 1_000;

async fn keep_for(store: &TestStore, app: &TestApp, days: Option<u32>) {
    let app_id = app.app_id.clone();
    let set = SetAppRetention { app_id, days };
    let row = store.write(Lane::Rest, set).await.unwrap().unwrap();
    assert_eq!(row.telemetry_days, days);
}

/// A sample that came when it was measured.
fn punctual(user: UserId, secs: i64) -> Sample {
    let mut sample = sample(user, secs);
    sample.received_at = sample.time;
    sample
}

async fn fill(telemetry: &Telemetry, user: UserId, days: &[i64]) {
    let samples = days.iter().map(|day| punctual(user, day * DAY));
    store_all(telemetry, samples).await.unwrap();
}

/// The days that samples of a user are from, after the start of the test.
async fn days_of(telemetry: &Telemetry, user: UserId) -> Vec<i64> {
    let samples = all_of(telemetry, user).await;
    let day = |sample: &Sample| sample.time.micros_after(START) / (DAY * 1_000_000);
    samples.iter().map(day).collect()
}

/// Steps until there is nothing to do; how many rows went.
async fn expire(telemetry: &Telemetry) -> u64 {
    let mut rows = 0;
    for _ in 0..MANY_STEPS {
        let step = telemetry.expire().await.unwrap();
        rows += step.rows;
        if !step.more {
            return rows;
        }
    }
    panic!("it does not end");
}

on_both!(
    an_app_that_keeps_telemetry_for_less_time_loses_its_own_alone,
    |store| async move {
        let telemetry = store.telemetry().await;
        let (short, other) = (store.app("short").await, store.app("other").await);
        let (ana, bo) = (
            store.user(&short, "ana").await,
            store.user(&short, "bo").await,
        );
        let cy = store.user(&other, "cy").await;
        for user in [ana, bo, cy] {
            fill(&telemetry, user, &[0, -6, -7, -8, -9, -20, -400]).await;
        }
        assert_eq!(telemetry.expire().await.unwrap().rows, 0);
        keep_for(&store, &short, Some(7)).await;
        assert_eq!(expire(&telemetry).await, 2 * 4);
        let all = [-400, -20, -9, -8, -7, -6, 0];
        assert_eq!(days_of(&telemetry, ana).await, [-7, -6, 0]);
        assert_eq!(days_of(&telemetry, bo).await, [-7, -6, 0]);
        assert_eq!(days_of(&telemetry, cy).await, all);
        // The newest position outlives its sample, as it always does.
        store.clock.advance(Duration::from_hours(20 * 24));
        expire(&telemetry).await;
        assert_eq!(days_of(&telemetry, ana).await, [] as [i64; 0]);
        let latest = telemetry.latest(ana).await.unwrap().map(|at| at.time);
        assert_eq!(latest, Some(START));
        telemetry.close().await;
    }
);

on_both!(
    what_came_late_is_kept_for_as_long_after_it_came,
    |store| async move {
        let telemetry = store.telemetry().await;
        let app = store.app("short").await;
        let ana = store.user(&app, "ana").await;
        keep_for(&store, &app, Some(2)).await;
        for days in [-5, -100] {
            let mut late = sample(ana, days * DAY);
            late.received_at = START;
            store_all(&telemetry, [late]).await.unwrap();
        }
        assert_eq!(expire(&telemetry).await, 0);
        store.clock.advance(Duration::from_hours(2 * 24));
        assert_eq!(expire(&telemetry).await, 0);
        store.clock.advance(Duration::from_hours(24));
        assert_eq!(expire(&telemetry).await, 2);
        assert_eq!(all_of(&telemetry, ana).await, []);
        telemetry.close().await;
    }
);

on_both!(
    nothing_goes_that_belongs_to_a_trail_before_it_was_copied,
    |store| async move {
        let telemetry = store.telemetry().await;
        let app = store.app("short").await;
        let (ana, bo) = (store.user(&app, "ana").await, store.user(&app, "bo").await);
        keep_for(&store, &app, Some(1)).await;
        for user in [ana, bo] {
            fill(&telemetry, user, &[0, -3]).await;
        }
        let incident = open_sos(&store, &app, ana).await;
        let next_day = || store.clock.advance(Duration::from_hours(24));
        next_day();
        next_day();
        assert_eq!(expire(&telemetry).await, 2);
        assert_eq!(days_of(&telemetry, ana).await, [-3, 0]);
        assert_eq!(days_of(&telemetry, bo).await, [] as [i64; 0]);
        resolve_sos(&store, ana).await;
        next_day();
        assert_eq!(expire(&telemetry).await, 0);
        let copied = StoreTrail {
            incident,
            user: ana,
            samples: Vec::new(),
            again_at: None,
        };
        store.write(Lane::Job, copied).await.unwrap();
        next_day();
        assert_eq!(expire(&telemetry).await, 2);
        telemetry.close().await;
    }
);

on_both!(
    a_longer_time_than_the_servers_changes_nothing,
    |store| async move {
        let telemetry = store.telemetry().await;
        let app = store.app("long").await;
        let ana = store.user(&app, "ana").await;
        fill(&telemetry, ana, &[0, -20]).await;
        for days in [Some(30), Some(400), None] {
            keep_for(&store, &app, days).await;
            assert_eq!(expire(&telemetry).await, 0);
        }
        assert_eq!(days_of(&telemetry, ana).await, [-20, 0]);
        telemetry.close().await;
    }
);

on_both!(many_rows_go_in_steps, |store| async move {
    const ROWS: i64 = 24_000;
    let telemetry = store.telemetry().await;
    let app = store.app("short").await;
    let ana = store.user(&app, "ana").await;
    keep_for(&store, &app, Some(1)).await;
    // Two buckets of one day; more rows than any step deletes.
    let old = (0..ROWS).map(|n| {
        let mut one = punctual(ana, -5 * DAY + n % 240);
        one.event_id = n.to_string().into();
        one
    });
    store_all(&telemetry, old).await.unwrap();
    let most = telemetry.expire().await.unwrap();
    assert!(most.more && most.rows < 12_000, "{most:?}");
    let rest = expire(&telemetry).await;
    assert_eq!(most.rows + rest, u64::try_from(ROWS).unwrap());
    assert_eq!(all_of(&telemetry, ana).await, []);
    // Until the next walk there is nothing to look at.
    fill(&telemetry, ana, &[-5]).await;
    assert_eq!(expire(&telemetry).await, 0);
    store.clock.advance(Duration::from_hours(1));
    assert_eq!(expire(&telemetry).await, 1);
    telemetry.close().await;
});

#[tokio::test]
async fn a_file_in_which_no_sample_is_left_is_removed() {
    let store = TestStore::sqlite().await;
    let telemetry = store.telemetry().await;
    let (short, other) = (store.app("short").await, store.app("other").await);
    let (ana, cy) = (
        store.user(&short, "ana").await,
        store.user(&other, "cy").await,
    );
    fill(&telemetry, ana, &[-5, -6]).await;
    fill(&telemetry, cy, &[-6]).await;
    telemetry.filed().await;
    keep_for(&store, &short, Some(2)).await;
    let file = |day: &str| {
        let directory = store.config.data_dir.join("telemetry");
        directory.join(format!("2026-09-{day}.db"))
    };
    assert!(file("04").exists() && file("03").exists());
    // What was written a moment ago is looked at by the next walk.
    until("the upkeep thread has looked", || {
        let Engine::Sqlite(files) = &telemetry.0.engine else {
            return false;
        };
        files.has_upkeep_looked()
    })
    .await;
    assert_eq!(expire(&telemetry).await, 2);
    assert!(!file("04").exists() && file("03").exists());
    // It is made again for a sample that comes late, and goes with that.
    store.clock.advance(Duration::from_hours(1));
    let mut late = sample(ana, -5 * DAY);
    late.received_at = store.clock.now();
    store_all(&telemetry, [late.clone()]).await.unwrap();
    assert_eq!(all_of(&telemetry, ana).await, [late]);
    let telemetry = reopened(&store, telemetry).await;
    assert_eq!(all_of(&telemetry, ana).await.len(), 1);
    telemetry.close().await;
}

#[tokio::test]
async fn a_damaged_file_keeps_none_of_the_others() {
    let store = TestStore::sqlite().await;
    let telemetry = store.telemetry().await;
    let app = store.app("short").await;
    let ana = store.user(&app, "ana").await;
    keep_for(&store, &app, Some(1)).await;
    fill(&telemetry, ana, &[0, -3, -4]).await;
    let telemetry = reopened(&store, telemetry).await;
    // The walk meets the damaged file before the other.
    let damaged = store.config.data_dir.join("telemetry/2026-09-05.db");
    std::fs::write(damaged, b"this is no database, whatever its name says").unwrap();
    assert_eq!(expire(&telemetry).await, 1);
    telemetry.close().await;
}
