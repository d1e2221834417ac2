//! The history and its trails.

use std::time::Duration;

use bytes::Bytes;
use mayday_app::testing::TestApp;
use mayday_app::{AppError, HistoryItem, TelemetryReceipt};
use mayday_core::identity::Caller;
use mayday_core::sos::Flag;
use mayday_core::transport::Transport;
use mayday_store::Lane;
use mayday_store::incidents::{TRAIL_COPY_JOB, kept_bodies};
use mayday_store::jobs::ClaimJobs;
use serde_json::json;

use crate::harness::{NodeExt as _, mqtt, on_both_nodes, raw};

on_both_nodes!(
    it_is_paged_newest_first_without_gaps_or_repeats,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        let mut opened = Vec::new();
        for n in 0..5 {
            // Two in the same microsecond: the page border may lie between them.
            if n % 2 == 0 {
                node.pass(1);
            }
            opened.push(node.own(&ana, mqtt(&json!({}))).await.id);
            node.app.resolve_sos(&ana).await.unwrap();
        }
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let page = node
                .app
                .sos_history(&ana, 2, cursor.as_deref())
                .await
                .unwrap();
            assert!(page.items.len() <= 2);
            seen.extend(page.items.into_iter().map(|item| item.incident.id));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), 5);
        let mut sorted = seen.clone();
        sorted.sort_unstable();
        opened.sort_unstable();
        assert_eq!(sorted, opened);
        let whole = node.app.sos_history(&ana, 5, None).await.unwrap();
        assert!(whole.next_cursor.is_none(), "nothing follows the last one");
        let times: Vec<_> = whole.items.iter().map(|i| i.incident.created_at).collect();
        assert!(times.windows(2).all(|pair| pair[0] >= pair[1]));
    }
);

on_both_nodes!(limit_and_cursor_are_checked, async |node: TestApp| {
    let ana = node.caller("ana").await;
    for (limit, cursor, pointer) in [
        (0, None, "/limit"),
        (101, None, "/limit"),
        (1, Some("x"), "/cursor"),
    ] {
        match node.app.sos_history(&ana, limit, cursor).await {
            Err(AppError::Validation { fields, .. }) => assert_eq!(fields[0].pointer, pointer),
            other => panic!("{pointer}: {other:?}"),
        }
    }
    assert!(
        node.app
            .sos_history(&ana, 100, None)
            .await
            .unwrap()
            .items
            .is_empty()
    );
});

on_both_nodes!(
    an_item_holds_the_opening_sample_and_the_trail,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        let body = json!({"timestamp": "2026-09-09T10:00:00.5Z", "latitude": 1, "longitude": 2,
        "deviceBattery": 3, "mobileBattery": 55});
        let incident = node.own(&ana, mqtt(&body)).await;
        node.pass(10);
        let sample = json!({"timestamp": "2026-09-09T10:00:10Z", "latitude": 3, "longitude": 4});
        let mut ticket =
            node.app
                .submit_telemetry(&ana, Bytes::from(sample.to_string()), Transport::Http);
        ticket.stored().await.unwrap();
        node.pass(10);
        let update = json!({"timestamp": "2026-09-09T10:00:20Z", "latitude": 5, "longitude": 6});
        node.own(&ana, mqtt(&update)).await;
        let check = async || {
            let page = node.app.sos_history(&ana, 20, None).await.unwrap();
            let item = &page.items[0];
            assert_eq!(item.incident.opening.id, incident.opening.id);
            assert_eq!(item.incident.opening.occurred_at, "2026-09-09T10:00:00.5Z");
            assert_eq!(item.incident.opening.device_battery, Some(json!(3)));
            let latitudes: Vec<f64> = item.trail.iter().map(|point| point.latitude).collect();
            assert_eq!(latitudes, [1.0, 3.0, 5.0]);
        };
        check().await;
        node.app.resolve_sos(&ana).await.unwrap();
        check().await;
        // The copy survives what telemetry forgets, and is the same trail.
        node.app.copy_trail(ana.user, incident.id).await.unwrap();
        check().await;
        let mut tx = node.store.read().await.unwrap();
        let copied = mayday_store::incidents::stored_trail(&mut tx, incident.id, ana.user)
            .await
            .unwrap();
        assert_eq!(copied.unwrap().len(), 1);
    }
);

on_both_nodes!(
    an_ended_incident_stays_where_its_trail_led,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        node.own(&ana, mqtt(&json!({}))).await;
        let sample = json!({"timestamp": "2026-09-09T10:00:10Z", "latitude": 3, "longitude": 4});
        let mut ticket =
            node.app
                .submit_telemetry(&ana, Bytes::from(sample.to_string()), Transport::Http);
        ticket.stored().await.unwrap();
        node.app.resolve_sos(&ana).await.unwrap();
        let page = node.app.sos_history(&ana, 20, None).await.unwrap();
        let ended = &page.items[0].incident;
        let latitude = ended.position.map(|position| position.fix.latitude);
        assert_eq!(latitude, Some(3.0));
        assert!(!ended.flags.contains(Flag::NoPosition));
    }
);

on_both_nodes!(
    the_end_of_an_incident_orders_the_copy_of_its_trail_once,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        let incident = node.own(&ana, mqtt(&json!({}))).await;
        let claim = ClaimJobs {
            limit: 10,
            lease: Duration::from_mins(1),
            kinds: &[TRAIL_COPY_JOB],
            held: Vec::new(),
            takes_over: true,
        };
        node.pass(3600);
        assert!(
            node.store
                .write(Lane::Job, claim.clone())
                .await
                .unwrap()
                .is_empty()
        );
        node.app.cancel_sos(&ana, b"").await.unwrap();
        node.app.cancel_sos(&ana, b"").await.unwrap();
        node.pass(3600);
        let jobs = node.store.write(Lane::Job, claim).await.unwrap();
        assert_eq!(jobs.len(), 1);
        assert_eq!(jobs[0].kind, TRAIL_COPY_JOB);
        assert_eq!(jobs[0].payload["incident"], json!(incident.id));
        assert_eq!(jobs[0].payload["user"], json!(ana.user));
    }
);

/// A sample of a user, taken so many seconds after the start of the test.
async fn sampled(node: &TestApp, caller: &Caller, secs: u32, latitude: u32) {
    let time = format!("2026-09-09T10:{:02}:{:02}Z", secs / 60, secs % 60);
    let body = json!({"timestamp": time, "latitude": latitude, "longitude": 0});
    let body = Bytes::from(body.to_string());
    let mut ticket = node.app.submit_telemetry(caller, body, Transport::Mqtt);
    assert_eq!(ticket.stored().await.unwrap(), TelemetryReceipt::Stored);
}

/// The latitudes of the trails of a user's incidents, newest first.
async fn trails(node: &TestApp, caller: &Caller) -> Vec<Vec<f64>> {
    let page = node.app.sos_history(caller, 20, None).await.unwrap();
    let trail = |item: HistoryItem| item.trail.iter().map(|point| point.latitude).collect();
    page.items.into_iter().map(trail).collect()
}

/// The jobs that copy trails and are due.
async fn due_copies(node: &TestApp) -> usize {
    let claim = ClaimJobs {
        limit: 10,
        lease: Duration::from_mins(1),
        kinds: &[TRAIL_COPY_JOB],
        held: Vec::new(),
        takes_over: true,
    };
    node.store.write(Lane::Job, claim).await.unwrap().len()
}

on_both_nodes!(
    a_late_sample_of_an_ended_incident_goes_to_its_place,
    async |node: TestApp| {
        let (ana, bo) = (node.caller("ana").await, node.caller("bo").await);
        let incident = node.own(&ana, mqtt(&json!({}))).await;
        node.pass(30);
        sampled(&node, &ana, 30, 3).await;
        node.pass(30);
        node.app.resolve_sos(&ana).await.unwrap();
        node.pass(60);
        // Taken before it, in it, at its very ends, and after it; of somebody else.
        for (secs, latitude) in [(20, 2), (40, 4), (0, 1), (60, 5), (61, 80)] {
            sampled(&node, &ana, secs, latitude).await;
        }
        sampled(&node, &bo, 30, 80).await;
        let expected = vec![vec![1.0, 2.0, 3.0, 4.0, 5.0]];
        assert_eq!(trails(&node, &ana).await, expected);
        // With a copy it is found all the same, also what comes after that.
        node.app.copy_trail(ana.user, incident.id).await.unwrap();
        assert_eq!(trails(&node, &ana).await, expected);
        sampled(&node, &ana, 50, 7).await;
        let expected = vec![vec![1.0, 2.0, 3.0, 4.0, 7.0, 5.0]];
        assert_eq!(trails(&node, &ana).await, expected);
    }
);

on_both_nodes!(
    a_sample_that_came_while_the_incident_was_being_opened_is_in_its_trail,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        // Before it, and, by the clock, in the moment in which it is opened.
        sampled(&node, &ana, 0, 80).await;
        node.pass(10);
        sampled(&node, &ana, 10, 3).await;
        node.own(&ana, mqtt(&json!({}))).await;
        sampled(&node, &ana, 11, 4).await;
        assert_eq!(trails(&node, &ana).await, [[3.0, 4.0]]);
        node.pass(10);
        node.app.resolve_sos(&ana).await.unwrap();
        assert_eq!(trails(&node, &ana).await, [[3.0, 4.0]]);
    }
);

on_both_nodes!(
    a_late_sample_of_a_clock_that_is_a_second_slow_goes_to_its_place,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        node.pass(10);
        let told = json!({"timestamp": "2026-09-09T10:00:08Z"});
        node.own(&ana, mqtt(&told)).await;
        node.pass(60);
        node.app.resolve_sos(&ana).await.unwrap();
        node.pass(60);
        for (secs, latitude) in [(7, 80), (9, 3)] {
            sampled(&node, &ana, secs, latitude).await;
        }
        assert_eq!(trails(&node, &ana).await, [[3.0]]);
    }
);

on_both_nodes!(
    a_sample_that_joined_the_next_incident_belongs_to_the_one_before_too,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        node.own(&ana, mqtt(&json!({}))).await;
        node.pass(60);
        node.app.resolve_sos(&ana).await.unwrap();
        node.pass(60);
        node.own(&ana, mqtt(&json!({"message": "again"}))).await;
        sampled(&node, &ana, 30, 3).await;
        assert_eq!(trails(&node, &ana).await, [[3.0], [3.0]]);
    }
);

on_both_nodes!(
    a_resend_overwrites_itself_in_a_copied_trail,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        let incident = node.own(&ana, mqtt(&json!({}))).await;
        sampled(&node, &ana, 0, 1).await;
        sampled(&node, &ana, 5, 2).await;
        node.pass(60);
        node.app.resolve_sos(&ana).await.unwrap();
        node.pass(60);
        node.app.copy_trail(ana.user, incident.id).await.unwrap();
        sampled(&node, &ana, 0, 9).await;
        assert_eq!(trails(&node, &ana).await, [[9.0, 2.0]]);
        node.app.copy_trail(ana.user, incident.id).await.unwrap();
        let kept = Duration::from_hours(24) * (node.telemetry.retention_days() + 2);
        node.pass(kept.as_secs());
        node.app.prune_telemetry().await.unwrap();
        assert_eq!(trails(&node, &ana).await, [[9.0, 2.0]]);
    }
);

on_both_nodes!(
    the_trail_is_copied_once_more_before_telemetry_is_let_go,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        let incident = node.own(&ana, mqtt(&json!({}))).await;
        sampled(&node, &ana, 0, 1).await;
        node.pass(60);
        node.app.resolve_sos(&ana).await.unwrap();
        node.pass(60);
        assert_eq!(due_copies(&node).await, 1);
        node.app.copy_trail(ana.user, incident.id).await.unwrap();
        sampled(&node, &ana, 30, 3).await;
        // Nothing is due before the last hours of what is kept.
        let kept = Duration::from_hours(24) * node.telemetry.retention_days();
        node.pass(kept.as_secs() - 4 * 3_600);
        let again = due_copies(&node).await;
        // The first job was claimed and never finished: it is claimed again.
        assert_eq!(again, 1);
        node.pass(3 * 3_600);
        assert_eq!(due_copies(&node).await, 2);
        node.app.copy_trail(ana.user, incident.id).await.unwrap();
        node.pass(2 * 24 * 3_600);
        node.app.prune_telemetry().await.unwrap();
        assert!(node.app.trail(incident.id).await.unwrap().is_empty());
        assert_eq!(trails(&node, &ana).await, [[1.0, 3.0]]);
        // A copy after that loses nothing.
        node.app.copy_trail(ana.user, incident.id).await.unwrap();
        assert_eq!(trails(&node, &ana).await, [[1.0, 3.0]]);
    }
);

on_both_nodes!(
    raw_bodies_are_kept_of_the_first_and_the_last_triggers,
    async |node: TestApp| {
        let ana = node.caller("ana").await;
        let mut incident = node.own(&ana, raw(&vec![0xff; 100_000])).await;
        for n in 2..=50 {
            node.pass(1);
            let body = json!({"latitude": n, "longitude": 0});
            incident = node.own(&ana, mqtt(&body)).await;
        }
        let mut tx = node.store.read().await.unwrap();
        let kept = kept_bodies(&mut tx, incident.id).await.unwrap();
        let ordinals: Vec<i64> = kept.iter().map(|(ordinal, _)| *ordinal).collect();
        let expected: Vec<i64> = (1..=20).chain(31..=50).collect();
        assert_eq!(ordinals, expected);
        assert_eq!(kept[0].1, vec![0xff; 65_536], "the first 64 KiB");
        let last = json!({"latitude": 50, "longitude": 0});
        assert_eq!(kept[39].1, last.to_string().into_bytes());
        drop(tx);
        let page = node.app.sos_history(&ana, 1, None).await.unwrap();
        assert_eq!(
            page.items[0].trail.len(),
            49,
            "every position is in the trail"
        );
    }
);
