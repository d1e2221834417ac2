//! The workers on a whole node without listeners.

#![cfg(test)]

mod partners;
mod urgent;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mayday_app::store::jobs::{self, JobCounts, NewJob};
use mayday_app::store::{Command, Lane, StoreError, Tx, spill};
use mayday_app::testing::TestApp;
use mayday_app::{SosTrigger, TelemetryReceipt, TriggerReceipt};
use mayday_core::checkin::CheckInDraft;
use mayday_core::identity::Caller;
use mayday_core::ids::IncidentId;
use mayday_core::transport::Transport;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long a machine with much else to do may take for anything.
const LIMIT: Duration = Duration::from_mins(1);

/// The workers of a node, running.
struct Workers {
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Workers {
    fn of(node: &TestApp) -> Self {
        let shutdown = CancellationToken::new();
        let work = mayday_workers::run(Arc::clone(&node.app), shutdown.clone());
        Self {
            task: tokio::spawn(work),
            shutdown,
        }
    }

    /// Stops them.
    async fn stop(self) {
        self.shutdown.cancel();
        let ended = tokio::time::timeout(LIMIT, self.task).await;
        ended.expect("the workers end").expect("without a panic");
    }
}

/// Enqueues a job as a change would.
struct Enqueue {
    kind: &'static str,
    payload: Value,
}

impl Command for Enqueue {
    type Output = bool;
    const NAME: &'static str = "test.enqueue";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let due_at = tx.now();
        let job = NewJob {
            kind: self.kind,
            key: self.kind,
            priority: 0,
            due_at,
            payload: self.payload.clone(),
        };
        jobs::enqueue(tx, job).await
    }
}

async fn counts(node: &TestApp) -> JobCounts {
    let mut tx = node.store.read().await.unwrap();
    jobs::counts(&mut tx).await.unwrap()
}

async fn spilled(node: &TestApp) -> usize {
    let mut tx = node.store.read().await.unwrap();
    spill::oldest(&mut tx, 1_000).await.unwrap().len()
}

/// Waits until something is so.
async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let awaited = async {
        let mut looks = tokio::time::interval(Duration::from_millis(10));
        while !holds().await {
            looks.tick().await;
        }
    };
    let came = tokio::time::timeout(LIMIT, awaited).await;
    assert!(came.is_ok(), "{what}: not within {LIMIT:?}");
}

async fn open_sos(node: &TestApp, caller: &Caller) -> IncidentId {
    let trigger = SosTrigger {
        body: Bytes::from_static(br#"{"timestamp":"2026-09-09T10:00:00.000Z"}"#),
        oversized: false,
        retained: false,
        transport: Transport::Mqtt,
    };
    match node.app.trigger_sos(caller, trigger).await.unwrap() {
        TriggerReceipt::Own(incident) => incident.id,
        other => panic!("not opened: {other:?}"),
    }
}

async fn send(node: &TestApp, caller: &Caller, secs: u32) {
    let time = format!("2026-09-09T10:00:{secs:02}.000Z");
    let body = json!({"timestamp": time, "latitude": 41.5, "longitude": 2.25});
    let mut ticket = node
        .app
        .submit_telemetry(caller, body.to_string().into(), Transport::Mqtt);
    assert_eq!(ticket.stored().await.unwrap(), TelemetryReceipt::Stored);
}

#[tokio::test]
async fn the_trail_of_an_ended_incident_is_copied_when_it_is_due() {
    let node = TestApp::sqlite().await;
    let ana = node.caller("ana").await;
    let workers = Workers::of(&node);
    let incident = open_sos(&node, &ana).await;
    send(&node, &ana, 1).await;
    node.app.resolve_sos(&ana).await.unwrap();
    // The escalation's timer looked at the end, and there was nothing to do.
    until("the copy is all that waits", || async {
        let counts = counts(&node).await;
        (counts.ready, counts.leased) == (1, 0)
    })
    .await;
    node.store.clock.advance(Duration::from_mins(1));
    // What is left waits until shortly before telemetry is let go.
    until("the job is done", || async {
        let counts = counts(&node).await;
        let far = node.app.now().plus(Duration::from_hours(24));
        counts.leased == 0 && counts.ready == 1 && counts.oldest_due > Some(far)
    })
    .await;
    let mut tx = node.store.read().await.unwrap();
    let copied = mayday_app::store::incidents::stored_trail(&mut tx, incident, ana.user).await;
    assert_eq!(copied.unwrap().expect("a copy").len(), 1);
    drop(tx);
    workers.stop().await;
}

#[tokio::test]
async fn a_job_that_can_never_work_is_set_aside() {
    let node = TestApp::sqlite().await;
    let workers = Workers::of(&node);
    for (kind, payload) in [
        ("paint_the_house", json!({"version": 1})),
        ("trail_copy", json!({"version": 1, "incident": "none"})),
    ] {
        let enqueue = Enqueue { kind, payload };
        assert!(node.store.write(Lane::Rest, enqueue).await.unwrap());
    }
    until("the faulty one is set aside", || async {
        counts(&node).await.poison == 1
    })
    .await;
    // A kind that this version does not know is left to the one that does.
    assert_eq!(counts(&node).await.ready, 1);
    let nobody = "01890000-0000-7000-8000-000000000000";
    let newer = Enqueue {
        kind: "trail_copy",
        payload: json!({"version": 2, "incident": nobody, "user": nobody}),
    };
    // The key of the one set aside is still taken: nothing is enqueued twice.
    assert!(!node.store.write(Lane::Rest, newer).await.unwrap());
    workers.stop().await;
}

#[tokio::test]
async fn a_job_that_fails_is_tried_again_later() {
    let node = TestApp::sqlite().await;
    let ana = node.caller("ana").await;
    open_sos(&node, &ana).await;
    // A sample on its way: the trail cannot be copied before it has arrived.
    node.telemetry.faults().freeze();
    let body = json!({"timestamp": "2026-09-09T10:00:01Z", "latitude": 1, "longitude": 2});
    let _waiting = node
        .app
        .submit_telemetry(&ana, body.to_string().into(), Transport::Mqtt);
    node.app.resolve_sos(&ana).await.unwrap();
    node.store.clock.advance(Duration::from_mins(1));
    let start = counts(&node).await.oldest_due;
    let workers = Workers::of(&node);
    until("it is put off", || async {
        let counts = counts(&node).await;
        counts.ready == 1 && counts.oldest_due > start
    })
    .await;
    workers.stop().await;
}

#[tokio::test]
async fn the_trail_of_an_incident_that_is_gone_is_no_failure() {
    let node = TestApp::sqlite().await;
    let nobody = "01890000-0000-7000-8000-000000000000";
    let enqueue = Enqueue {
        kind: "trail_copy",
        payload: json!({"version": 1, "incident": nobody, "user": nobody}),
    };
    assert!(node.store.write(Lane::Rest, enqueue).await.unwrap());
    let workers = Workers::of(&node);
    until("it is done", || async {
        let counts = counts(&node).await;
        (counts.ready, counts.leased, counts.poison) == (0, 0, 0)
    })
    .await;
    workers.stop().await;
}

#[tokio::test]
async fn spilled_telemetry_is_moved_once_the_writer_goes_on() {
    let node = TestApp::sqlite().await;
    let ana = node.caller("ana").await;
    let workers = Workers::of(&node);
    node.telemetry.faults().fail_commits(true);
    for secs in 0..5 {
        send(&node, &ana, secs).await;
    }
    assert_eq!(spilled(&node).await, 5);
    node.telemetry.faults().fail_commits(false);
    until("it is moved", || async { spilled(&node).await == 0 }).await;
    let (from, to) = (
        mayday_core::time::Timestamp::from_secs(0),
        node.app.now().plus(Duration::from_hours(1)),
    );
    let found = node
        .app
        .telemetry_range(ana.user, from, to, 100)
        .await
        .unwrap();
    assert_eq!(found.len(), 5);
    workers.stop().await;
}

#[tokio::test]
async fn an_overdue_check_in_becomes_one_sos_though_the_server_was_killed() {
    let node = TestApp::sqlite().await;
    let ana = node.caller("ana").await;
    send(&node, &ana, 1).await;
    let draft = CheckInDraft {
        minutes: Some(30),
        message: None,
    };
    node.app.start_check_in(&ana, draft).await.unwrap();
    let node = node.after_crash().await;
    let workers = Workers::of(&node);
    node.store.clock.advance(Duration::from_mins(29));
    assert!(node.app.current_sos(&ana).await.unwrap().is_none());
    node.store.clock.advance(Duration::from_mins(1));
    until("she is overdue, and her SOS is open", || async {
        node.app.current_sos(&ana).await.unwrap().is_some()
    })
    .await;
    until("the job is done", || async {
        let counts = counts(&node).await;
        (counts.leased, counts.poison) == (0, 0)
    })
    .await;
    let open = node.app.current_sos(&ana).await.unwrap().unwrap();
    assert_eq!(open.origin.trigger_source.as_deref(), Some("check-in"));
    assert_eq!((open.triggers, open.snapshot_version), (1, 1));
    let position = open.position.expect("her last known position");
    assert_eq!(
        (position.fix.latitude, position.fix.longitude),
        (41.5, 2.25)
    );
    assert_eq!(node.app.check_in(&ana).await.unwrap(), None);
    workers.stop().await;
}
