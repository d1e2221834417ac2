//! What is stored is found again, once, in its place.

use std::time::Duration;

use super::*;
use crate::on_both;
use crate::telemetry::{Gaps, Span};

on_both!(a_sample_comes_back_as_it_was, |store| async move {
    let telemetry = store.telemetry().await;
    let mut sent = sample(user(0), 5);
    sent.device = "cf:82".into();
    sent.event_id = "e-1".into();
    sent.altitude = None;
    sent.accuracy_meters = Some(8.25);
    store_all(&telemetry, [sent.clone()]).await.unwrap();
    assert_eq!(all_of(&telemetry, user(0)).await, [sent.clone()]);
    let position = telemetry.latest(user(0)).await.unwrap();
    assert_eq!(position, Some(sent.position()));
    assert_eq!(telemetry.latest(user(1)).await.unwrap(), None);
    telemetry.close().await;
});

on_both!(a_resend_overwrites_itself, |store| async move {
    let telemetry = store.telemetry().await;
    let first = sample(user(0), 5);
    let mut again = first.clone();
    again.received_at = START.plus(Duration::from_secs(9));
    again.latitude = 42.5;
    let mut other_event = first.clone();
    other_event.event_id = "e-2".into();
    store_all(
        &telemetry,
        [first.clone(), again.clone(), other_event.clone()],
    )
    .await
    .unwrap();
    // The older copy comes once more, as it would from the spill table.
    store_all(&telemetry, [first]).await.unwrap();
    assert_eq!(all_of(&telemetry, user(0)).await, [again, other_event]);
    telemetry.close().await;
});

on_both!(a_range_crosses_midnight_in_order, |store| async move {
    let telemetry = store.telemetry().await;
    // The test's clock stands at 10:00; 14 h later the next day begins.
    let midnight = 14 * 3600;
    let times = [midnight + 1, midnight - 1, midnight, 0, midnight + 600];
    store_all(&telemetry, times.map(|secs| sample(user(0), secs)))
        .await
        .unwrap();
    store_all(&telemetry, [sample(user(1), midnight)])
        .await
        .unwrap();
    let at = |secs: i64| START.shift_micros(secs * 1_000_000);
    let found = telemetry
        .range(user(0), at(midnight - 1), at(midnight + 1), 100)
        .await
        .unwrap();
    let found: Vec<Timestamp> = found.iter().map(|sample| sample.time).collect();
    assert_eq!(found, [midnight - 1, midnight, midnight + 1].map(at));
    let first = telemetry
        .range(user(0), at(0), at(midnight + 600), 2)
        .await
        .unwrap();
    let first: Vec<Timestamp> = first.iter().map(|sample| sample.time).collect();
    assert_eq!(first, [at(0), at(midnight - 1)]);
    telemetry.close().await;
});

on_both!(
    latest_survives_a_restart_and_never_moves_back,
    |store| async move {
        let telemetry = store.telemetry().await;
        store_all(&telemetry, [sample(user(0), 50), sample(user(1), 7)])
            .await
            .unwrap();
        // A phone that was off line sends what it has, partly from long ago.
        store_all(
            &telemetry,
            [sample(user(0), 20), sample(user(0), -400 * 86_400)],
        )
        .await
        .unwrap();
        let newest = Some(sample(user(0), 50).position());
        assert_eq!(telemetry.latest(user(0)).await.unwrap(), newest);
        let telemetry = reopened(&store, telemetry).await;
        assert_eq!(telemetry.latest(user(0)).await.unwrap(), newest);
        store_all(&telemetry, [sample(user(0), 30)]).await.unwrap();
        assert_eq!(telemetry.latest(user(0)).await.unwrap(), newest);
        store_all(&telemetry, [sample(user(1), 6), sample(user(1), 8)])
            .await
            .unwrap();
        let moved = Some(sample(user(1), 8).position());
        assert_eq!(telemetry.latest(user(1)).await.unwrap(), moved);
        telemetry.close().await;
    }
);

on_both!(
    a_sample_from_a_clock_that_was_ahead_holds_no_place,
    |store| async move {
        let telemetry = store.telemetry().await;
        store_all(&telemetry, [sample(user(0), 86_400)])
            .await
            .unwrap();
        let telemetry = reopened(&store, telemetry).await;
        let mut right = sample(user(0), 5);
        right.received_at = right.time;
        let right = [right, sample(user(0), 86_300)];
        store_all(&telemetry, right.clone()).await.unwrap();
        let newest = Some(right[0].position());
        assert_eq!(telemetry.latest(user(0)).await.unwrap(), newest);
        let telemetry = reopened(&store, telemetry).await;
        assert_eq!(telemetry.latest(user(0)).await.unwrap(), newest);
        telemetry.close().await;
    }
);

on_both!(
    a_trail_keeps_its_first_and_last_samples,
    |store| async move {
        let telemetry = store.telemetry().await;
        let incident = IncidentId(Uuid::from_u128(9));
        let end = i64::try_from(super::super::TRAIL_END_SAMPLES).unwrap();
        let middle = 300;
        // Two seconds apart from 05:00 on, so that the trail crosses midnight in
        // neither direction, and sent in no order.
        let trail = (0..2 * end + middle).rev().map(|n| {
            let mut sample = sample(user(0), n - 5 * 3600);
            sample.incident = Some(incident);
            sample
        });
        store_all(&telemetry, trail).await.unwrap();
        store_all(&telemetry, [sample(user(0), -1)]).await.unwrap();
        let kept = telemetry.trail(incident).await.unwrap();
        let secs: Vec<i64> = kept
            .iter()
            .map(|(_, position)| position.time.micros_after(START) / 1_000_000 + 5 * 3600)
            .collect();
        let wanted: Vec<i64> = (0..end).chain(end + middle..2 * end + middle).collect();
        assert_eq!(secs, wanted);
        telemetry.close().await;
    }
);

on_both!(
    samples_join_the_incident_that_is_open_at_receipt,
    |store| async move {
        let app = store.app("acme").await;
        let owner = store.user(&app, "ana").await;
        let telemetry = store.telemetry().await;
        store_all(&telemetry, [sample(owner, 1)]).await.unwrap();
        let incident = open_sos(&store, &app, owner).await;
        store_all(&telemetry, [sample(owner, 2)]).await.unwrap();
        // Measured before the incident was opened, received while it is open.
        store_all(&telemetry, [sample(owner, -60)]).await.unwrap();
        store_all(&telemetry, [sample(user(5), 3)]).await.unwrap();
        let telemetry = reopened(&store, telemetry).await;
        store_all(&telemetry, [sample(owner, 4)]).await.unwrap();
        resolve_sos(&store, owner).await;
        store_all(&telemetry, [sample(owner, 5)]).await.unwrap();
        let trail = telemetry.trail(incident).await.unwrap();
        let times: Vec<Timestamp> = trail.iter().map(|(_, position)| position.time).collect();
        let at = |secs: i64| START.shift_micros(secs * 1_000_000);
        assert_eq!(times, [at(-60), at(2), at(4)]);
        telemetry.close().await;
    }
);

#[tokio::test]
async fn another_servers_incidents_count_on_postgres() {
    let Some(store) = TestStore::postgres().await else {
        return;
    };
    let app = store.app("acme").await;
    let owner = store.user(&app, "ana").await;
    let telemetry = store.telemetry().await;
    let incident = open_sos(&store, &app, owner).await;
    // As a server remembers it that neither opened nor ended the incident.
    telemetry.0.open.ended(owner, incident);
    store_all(&telemetry, [sample(owner, 1)]).await.unwrap();
    telemetry.faults().fail_commits(true);
    store_all(&telemetry, [sample(owner, 2)]).await.unwrap();
    assert_eq!(telemetry.trail(incident).await.unwrap().len(), 2);
    resolve_sos(&store, owner).await;
    telemetry.0.open.opened(owner, incident);
    store_all(&telemetry, [sample(owner, 3)]).await.unwrap();
    telemetry.faults().fail_commits(false);
    store_all(&telemetry, [sample(owner, 4)]).await.unwrap();
    assert_eq!(telemetry.trail(incident).await.unwrap().len(), 2);
    telemetry.close().await;
}

on_both!(
    pages_of_one_moment_hold_each_sample_once_in_the_order_of_bytes,
    |store| async move {
        let telemetry = store.telemetry().await;
        // No language's order is that of the bytes.
        let events = [
            "B1", "a2", "A1", "b3", "Z", "\u{e9}", "_", "", "aa", "AA", "z",
        ];
        let at = |secs: i64| START.shift_micros(secs * 1_000_000);
        let mut sent = Vec::new();
        for secs in [0, -900 * 86_400] {
            for (event, device) in events.iter().flat_map(|event| [(event, "x"), (event, "X")]) {
                let mut one = sample(user(0), secs);
                one.event_id = (*event).into();
                one.device = device.into();
                sent.push(one);
            }
        }
        store_all(&telemetry, sent.clone()).await.unwrap();
        // Some of them on their way, beside their copies.
        let spilled = crate::spill::SpillSamples::new(sent.iter().step_by(3).cloned());
        store.write(Lane::Rest, spilled).await.unwrap();
        sent.sort_by_key(Sample::key);
        let mut found = Vec::new();
        let mut span = Span {
            from: at(-1_000 * 86_400),
            to: at(0),
            after: None,
            gaps: Gaps::Refused,
        };
        loop {
            let page = telemetry.page(user(0), &span, 5).await.unwrap();
            let Some(last) = page.last() else { break };
            assert!(page.len() <= 5);
            span.from = last.time;
            span.after = Some((last.device.to_string(), last.event_id.to_string()));
            found.extend(page);
        }
        assert_eq!(found, sent);
        telemetry.close().await;
    }
);

on_both!(
    erasing_ends_when_time_is_up_and_goes_on_later,
    |store| async move {
        let telemetry = store.telemetry().await;
        let samples = (0..25_000).map(|n| {
            let mut one = sample(user(0), n % 600);
            one.event_id = n.to_string().into();
            one
        });
        store_all(&telemetry, samples).await.unwrap();
        let now = tokio::time::Instant::now();
        let some = telemetry.erase(user(0), now).await.unwrap();
        assert!(!some.all && some.rows < 25_000, "{some:?}");
        let until = now + Duration::from_mins(1);
        let rest = telemetry.erase(user(0), until).await.unwrap();
        assert!(rest.all, "{rest:?}");
        // The newest row of a file is emptied, which is not counted.
        assert!(some.rows + rest.rows >= 24_999);
        assert_eq!(all_of(&telemetry, user(0)).await, []);
        telemetry.close().await;
    }
);
