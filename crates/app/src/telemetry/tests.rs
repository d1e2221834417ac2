//! Telemetry through the application, on both databases.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mayday_core::device::DeviceDraft;
use mayday_core::identity::{Caller, Standing};
use mayday_core::ids::IncidentId;
use mayday_core::telemetry::Sample;
use mayday_core::time::Timestamp;
use mayday_core::transport::Transport;
use mayday_store::dead_letters::{self, DeadLetter, DeadReason, KeepDeadLetter};
use mayday_store::telemetry::Telemetry;
use mayday_store::testing::still::Still;
use mayday_store::testing::{START, TestApp, TestStore};
use mayday_store::{Lane, on_both, spill};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::presence::PresenceLimits;
use crate::testing::{introspector, no_senders};
use crate::{App, IdentitySettings, Metrics, Parts, SosTrigger, TelemetryReceipt, TriggerReceipt};

/// An application on a store of the test's own.
struct Node {
    app: Arc<App>,
    telemetry: Telemetry,
    partner: TestApp,
    store: TestStore,
    _stop: DropGuard,
}

impl Node {
    async fn on(store: TestStore) -> Self {
        let telemetry = store.telemetry().await;
        let shutdown = CancellationToken::new();
        let parts = Parts {
            store: store.store(),
            telemetry: telemetry.clone(),
            clock: store.clock.clone(),
            entropy: store.entropy.clone(),
            metrics: Metrics::new(),
            identity: IdentitySettings::default(),
            presence: PresenceLimits::default(),
            introspector: introspector(),
            senders: no_senders(store.clock.clone()),
            shutdown: shutdown.clone(),
        };
        let partner = store.app("acme").await;
        Self {
            app: App::start(parts).await.unwrap(),
            telemetry,
            partner,
            store,
            _stop: shutdown.drop_guard(),
        }
    }

    async fn caller(&self, name: &str) -> Caller {
        self.store.caller(&self.partner, name).await
    }

    async fn send(&self, caller: &Caller, body: &Value) -> TelemetryReceipt {
        let body = Bytes::from(body.to_string());
        let mut ticket = self.app.submit_telemetry(caller, body, Transport::Mqtt);
        ticket.stored().await.unwrap()
    }

    async fn samples(&self, caller: &Caller) -> Vec<Sample> {
        let (from, to) = (
            Timestamp::from_secs(0),
            START.plus(Duration::from_hours(48)),
        );
        let range = self.app.telemetry_range(caller.user, from, to, 1_000_000);
        range.await.unwrap()
    }

    async fn letters(&self) -> Vec<DeadLetter> {
        let mut tx = self.store.read().await.unwrap();
        dead_letters::page(&mut tx, self.partner.id, None, 100)
            .await
            .unwrap()
    }

    async fn register(&self, caller: &Caller, hardware_id: &str) {
        let draft = DeviceDraft {
            hardware_id: hardware_id.to_owned(),
            firmware_version: None,
            hardware_model: None,
            paired_at: None,
        };
        self.app.register_device(caller, draft).await.unwrap();
    }

    async fn sos(&self, caller: &Caller) -> IncidentId {
        let trigger = SosTrigger {
            body: Bytes::from_static(br#"{"timestamp":"2026-09-09T10:00:00.5Z"}"#),
            oversized: false,
            retained: false,
            transport: Transport::Mqtt,
        };
        match self.app.trigger_sos(caller, trigger).await.unwrap() {
            TriggerReceipt::Own(incident) => incident.id,
            other => panic!("not opened: {other:?}"),
        }
    }
}

fn body() -> Value {
    json!({"timestamp": "2026-09-09T10:00:01.000Z", "latitude": 41.5, "longitude": 2.25})
}

fn with(extra: &Value) -> Value {
    let mut body = body();
    for (name, value) in extra.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

on_both!(what_was_acknowledged_is_visible, |store| async move {
    let node = Node::on(store).await;
    let ana = node.caller("ana").await;
    assert_eq!(node.send(&ana, &body()).await, TelemetryReceipt::Stored);
    let [sample] = <[Sample; 1]>::try_from(node.samples(&ana).await).unwrap();
    assert_eq!(sample.raw.as_ref(), body().to_string().as_bytes());
    let latest = node.app.latest_position(ana.user).await.unwrap();
    assert_eq!(latest, Some(sample.position()));
    // Whoever goes away without waiting leaves the sample behind.
    let later = with(&json!({"timestamp": "2026-09-09T10:00:02Z", "deviceId": "own"}));
    drop(
        node.app
            .submit_telemetry(&ana, later.to_string().into(), Transport::Http),
    );
    let mut looks = tokio::time::interval(Duration::from_millis(10));
    let stored = async {
        while node.samples(&ana).await.len() < 2 {
            looks.tick().await;
        }
    };
    let stored = tokio::time::timeout(Duration::from_mins(1), stored).await;
    stored.expect("the dropped one is stored");
});

on_both!(
    malformed_bodies_are_kept_for_operators,
    |store| async move {
        let node = Node::on(store).await;
        let ana = node.caller("ana").await;
        let bad = with(&json!({"latitude": 91}));
        let TelemetryReceipt::Malformed(fields) = node.send(&ana, &bad).await else {
            panic!("91 degrees are stored");
        };
        assert_eq!(fields[0].pointer, "/latitude");
        node.store.clock.advance(Duration::from_secs(1));
        let huge = Bytes::from(vec![0xff; 100_000]);
        let mut ticket = node.app.submit_telemetry(&ana, huge, Transport::Http);
        let receipt = ticket.stored().await.unwrap();
        assert!(matches!(receipt, TelemetryReceipt::Malformed(_)));
        let [second, first] = <[DeadLetter; 2]>::try_from(node.letters().await).unwrap();
        assert_eq!((first.user, first.transport), (ana.user, Transport::Mqtt));
        assert_eq!(first.reason, DeadReason::Malformed);
        assert_eq!(first.fields, fields);
        assert_eq!(first.raw, bad.to_string());
        assert_eq!(second.transport, Transport::Http);
        assert_eq!((second.raw.len(), second.raw_bytes), (64 * 1024, 100_000));
        assert_eq!(node.samples(&ana).await, []);
    }
);

on_both!(
    the_oldest_dead_letters_of_an_app_go_first,
    |store| async move {
        let node = Node::on(store).await;
        let ana = node.caller("ana").await;
        for n in 0..5 {
            node.store.clock.advance(Duration::from_secs(1));
            node.send(&ana, &json!({ "n": n })).await;
        }
        let mut letter = node.letters().await[0].clone();
        letter.id.0 = uuid::Uuid::from_u128(u128::MAX - 1);
        let keep = KeepDeadLetter {
            letter,
            trim_to: Some(3),
        };
        node.store.write(Lane::Rest, keep).await.unwrap();
        let left: Vec<String> = node.letters().await[1..]
            .iter()
            .map(|letter| String::from_utf8(letter.raw.to_vec()).unwrap())
            .collect();
        assert_eq!(left, [r#"{"n":4}"#, r#"{"n":3}"#]);
        node.store.clock.advance(Duration::from_hours(31 * 24));
        assert_eq!(node.app.prune_dead_letters().await.unwrap(), 3);
        assert_eq!(node.letters().await, []);
    }
);

on_both!(a_relayed_sample_is_the_device_owners, |store| async move {
    let node = Node::on(store).await;
    let (ana, ben) = (node.caller("ana").await, node.caller("ben").await);
    let relayed = with(&json!({"deviceId": "2271560481", "relayNodeId": 305_419_896}));
    assert_eq!(
        node.send(&ben, &relayed).await,
        TelemetryReceipt::UnknownDevice
    );
    assert_eq!(node.letters().await[0].reason, DeadReason::UnknownDevice);
    assert_eq!(node.letters().await[0].fields[0].pointer, "/deviceId");
    // Known from the registration's acknowledgement on, though the answer
    // before was remembered.
    node.register(&ana, "2271560481").await;
    assert_eq!(node.send(&ben, &relayed).await, TelemetryReceipt::Stored);
    assert_eq!(node.samples(&ana).await.len(), 1);
    assert_eq!(node.samples(&ben).await, []);
    // By the originator's node alone; its decimal text is the device's name.
    let by_node = with(&json!({
        "timestamp": "2026-09-09T10:00:02Z",
        "originatorNodeId": 2_271_560_481_u32,
        "relaySource": "remote_lora",
    }));
    assert_eq!(node.send(&ben, &by_node).await, TelemetryReceipt::Stored);
    assert_eq!(node.samples(&ana).await.len(), 2);
    let nameless = with(&json!({"relayNodeId": 1}));
    assert_eq!(
        node.send(&ben, &nameless).await,
        TelemetryReceipt::UnknownDevice
    );
});

on_both!(
    a_device_without_relay_fields_is_its_owners_or_the_senders,
    |store| async move {
        let node = Node::on(store).await;
        let (ana, ben) = (node.caller("ana").await, node.caller("ben").await);
        let named = with(&json!({"deviceId": "CF:82:aa"}));
        // Nobody lists it: the sender's own, not registered yet.
        assert_eq!(node.send(&ben, &named).await, TelemetryReceipt::Stored);
        assert_eq!(node.samples(&ben).await.len(), 1);
        node.register(&ana, "cf:82:AA").await;
        assert_eq!(node.send(&ben, &named).await, TelemetryReceipt::Stored);
        assert_eq!(node.samples(&ana).await.len(), 1);
        // Once the sender lists it too, a sample without relay fields is his.
        node.register(&ben, "cf:82:aa").await;
        let later = with(&json!({"deviceId": "CF:82:AA", "timestamp": "2026-09-09T10:00:09Z"}));
        assert_eq!(node.send(&ben, &later).await, TelemetryReceipt::Stored);
        assert_eq!(node.samples(&ben).await.len(), 2);
        assert_eq!(node.samples(&ana).await.len(), 1);
    }
);

on_both!(
    a_stale_proof_is_kept_only_while_its_incident_is_open,
    |store| async move {
        let node = Node::on(store).await;
        let ana = node.caller("ana").await;
        let stale = Caller {
            standing: Standing::Stale,
            ..ana.clone()
        };
        assert_eq!(node.send(&stale, &body()).await, TelemetryReceipt::Stored);
        assert_eq!(node.samples(&ana).await, []);
        let incident = node.sos(&stale).await;
        assert_eq!(node.send(&stale, &body()).await, TelemetryReceipt::Stored);
        assert_eq!(node.app.trail(incident).await.unwrap().len(), 1);
        assert_eq!(node.samples(&ana).await.len(), 1);
        node.app.resolve_sos(&ana).await.unwrap();
        let later = with(&json!({"timestamp": "2026-09-09T10:00:09Z"}));
        assert_eq!(node.send(&stale, &later).await, TelemetryReceipt::Stored);
        assert_eq!(node.samples(&ana).await.len(), 1);
    }
);

on_both!(
    a_ticket_can_be_hurried_past_a_frozen_writer,
    |store| async move {
        let node = Node::on(store).await;
        let ana = node.caller("ana").await;
        node.telemetry.faults().freeze();
        let named = with(&json!({"deviceId": "own", "timestamp": "2026-09-09T10:00:09Z"}));
        for body in [body(), named] {
            let body = Bytes::from(body.to_string());
            let mut ticket = node.app.submit_telemetry(&ana, body, Transport::Mqtt);
            let early = tokio::time::timeout(Duration::from_millis(30), ticket.stored()).await;
            assert!(early.is_err(), "stored by a frozen writer");
            // From here on nothing is spilled because the writer is slow.
            let still = Still::now();
            ticket.spill();
            assert_eq!(ticket.stored().await.unwrap(), TelemetryReceipt::Stored);
            drop(still);
        }
        assert_eq!(node.samples(&ana).await.len(), 2);
        let mut tx = node.store.read().await.unwrap();
        assert_eq!(spill::oldest(&mut tx, 10).await.unwrap().len(), 2);
        drop(tx);
        node.telemetry.faults().thaw();
    }
);

on_both!(the_copied_trail_outlives_retention, |store| async move {
    let node = Node::on(store).await;
    let ana = node.caller("ana").await;
    let incident = node.sos(&ana).await;
    for secs in [3, 1, 2] {
        let time = format!("2026-09-09T10:00:0{secs}.000Z");
        node.send(&ana, &with(&json!({ "timestamp": time }))).await;
    }
    node.app.resolve_sos(&ana).await.unwrap();
    node.app.copy_trail(ana.user, incident).await.unwrap();
    node.app.copy_trail(ana.user, incident).await.unwrap();
    node.store.clock.advance(Duration::from_hours(40 * 24));
    node.app.prune_telemetry().await.unwrap();
    assert_eq!(node.app.trail(incident).await.unwrap(), []);
    let page = node.app.sos_history(&ana, 10, None).await.unwrap();
    let trail: Vec<String> = page.items[0]
        .trail
        .iter()
        .map(|point| point.occurred_at.to_string())
        .filter(|time| !time.ends_with(":00.500Z"))
        .collect();
    assert_eq!(
        trail,
        [
            "2026-09-09T10:00:01.000Z",
            "2026-09-09T10:00:02.000Z",
            "2026-09-09T10:00:03.000Z"
        ]
    );
});
