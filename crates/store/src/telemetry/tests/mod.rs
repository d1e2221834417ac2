//! The telemetry store on both databases, beside a real state store.

mod expire;
mod faults;
mod files;
mod journal;
mod samples;

use std::time::Duration;

use bytes::Bytes;
use mayday_core::ids::{IncidentId, UserId};
use mayday_core::sos::Trigger;
use mayday_core::telemetry::Sample;
use mayday_core::time::Timestamp;
use mayday_core::transport::Transport;
use uuid::Uuid;

use super::{Engine, Telemetry, TelemetryError};
use crate::Lane;
use crate::incidents::{ResolveSos, TriggerOutcome, TriggerSos};
use crate::testing::{START, TestApp, TestStore};

/// Some user; telemetry asks nobody whether he exists.
pub(crate) fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(n + 1))
}

/// A sample measured so many seconds after the start of the test.
pub(crate) fn sample(user: UserId, secs: i64) -> Sample {
    sample_at(user, START.shift_micros(secs * 1_000_000))
}

pub(crate) fn sample_at(user: UserId, time: Timestamp) -> Sample {
    Sample {
        user,
        time,
        received_at: START,
        latitude: 41.5,
        longitude: 2.25,
        altitude: Some(12.5),
        accuracy_meters: None,
        device: "".into(),
        event_id: "".into(),
        incident: None,
        raw: br#"{"latitude":41.5,"text":"\u00e9 \" \\"}"#.as_slice().into(),
    }
}

/// Submits samples together and waits until all are durable.
pub(crate) async fn store_all(
    telemetry: &Telemetry,
    samples: impl IntoIterator<Item = Sample>,
) -> Result<(), TelemetryError> {
    let pending: Vec<_> = samples
        .into_iter()
        .map(|sample| telemetry.submit(sample))
        .collect();
    for mut pending in pending {
        pending.stored().await?;
    }
    Ok(())
}

/// All samples of a user.
pub(crate) async fn all_of(telemetry: &Telemetry, user: UserId) -> Vec<Sample> {
    let (from, to) = (Timestamp::from_secs(0), Timestamp::from_secs(1 << 40));
    telemetry.range(user, from, to, 100_000).await.unwrap()
}

/// Opens an incident of a user.
pub(crate) async fn open_sos(store: &TestStore, app: &TestApp, owner: UserId) -> IncidentId {
    let body = Bytes::from_static(br#"{"timestamp":"2026-09-09T10:00:00Z"}"#);
    let trigger = Trigger::parse(&body);
    let command = TriggerSos {
        app: app.id,
        sender: owner,
        flags: trigger.flags,
        trigger,
        body,
        transport: Transport::Mqtt,
        received_at: START,
        receipt: Uuid::from_u128(1),
        last_known: None,
    };
    match store.write(Lane::Sos, command).await.unwrap() {
        TriggerOutcome::Opened(incident) => incident.id,
        other => panic!("not opened: {other:?}"),
    }
}

/// Resolves a user's open incident.
pub(crate) async fn resolve_sos(store: &TestStore, owner: UserId) {
    let resolved = store.write(Lane::Sos, ResolveSos { user: owner }).await;
    assert!(resolved.unwrap().is_some());
}

/// Waits until something is so, for at most a minute.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let mut looks = tokio::time::interval(Duration::from_millis(10));
    for _ in 0..6_000 {
        if holds() {
            return;
        }
        looks.tick().await;
    }
    panic!("{what}: not within a minute");
}

/// Rows in the spill table.
pub(crate) async fn spilled_rows(store: &TestStore) -> usize {
    let mut tx = store.read().await.unwrap();
    crate::spill::oldest(&mut tx, 100_000).await.unwrap().len()
}

/// Closes the telemetry store and opens it again.
pub(crate) async fn reopened(store: &TestStore, telemetry: Telemetry) -> Telemetry {
    telemetry.close().await;
    drop(telemetry);
    store.telemetry().await
}
