use std::time::Duration;

use bytes::Bytes;
use mayday_core::clock::Clock as _;
use mayday_core::ids::RecordId;
use mayday_core::sos::{Flags, Trigger};
use mayday_core::transport::Transport;

use super::*;
use crate::command::Lane;
use crate::incidents::{ResolveSos, TriggerOutcome, TriggerSos};
use crate::on_both;
use crate::testing::{TestApp, TestStore};

async fn opened(store: &TestStore, app: &TestApp, user: UserId) -> IncidentId {
    let body = Bytes::from_static(b"{}");
    let cry = TriggerSos {
        app: app.id,
        sender: user,
        trigger: Trigger::parse(&body),
        body,
        flags: Flags::NONE,
        transport: Transport::Mqtt,
        received_at: store.clock.now(),
        receipt: RecordId::generate(store.clock.as_ref(), store.entropy.as_ref()).uuid(),
        last_known: None,
    };
    match store.write(Lane::Sos, cry).await.unwrap() {
        TriggerOutcome::Opened(incident) => incident.id,
        other => panic!("{other:?}"),
    }
}

async fn note(
    store: &TestStore,
    incident: IncidentId,
    heard_at: Timestamp,
    percent: Option<u8>,
) -> Vec<VitalSign> {
    let note = NoteVitals {
        incident,
        heard_at,
        battery: percent.map(|percent| Battery {
            percent,
            at: heard_at,
        }),
    };
    store.write(Lane::Job, note).await.unwrap()
}

/// The kinds of the incident's alerts that are open.
async fn open_alerts(store: &TestStore, incident: IncidentId) -> Vec<String> {
    let mut tx = store.read().await.unwrap();
    let all = alerts::of_incident(&mut tx, incident).await.unwrap();
    let open = all.into_iter().filter(|alert| alert.closed_at.is_none());
    open.map(|alert| alert.kind).collect()
}

on_both!(
    a_silent_phone_is_told_once_and_its_return_too,
    |store| async move {
        let app = store.app("shop").await;
        let ana = store.user(&app, "ana").await;
        let incident = opened(&store, &app, ana).await;
        let start = store.clock.now();
        store.clock.advance(Duration::from_mins(10));
        assert_eq!(
            note(&store, incident, start, None).await,
            [VitalSign::Silent]
        );
        assert_eq!(note(&store, incident, start, None).await, []);
        assert_eq!(open_alerts(&store, incident).await, ["phone_silent"]);
        store.clock.advance(Duration::from_mins(1));
        let back = note(&store, incident, store.clock.now(), None).await;
        assert_eq!(back, [VitalSign::Heard]);
        assert!(open_alerts(&store, incident).await.is_empty());
        let mut tx = store.read().await.unwrap();
        let told = events::read_after(&mut tx, ana, 0, 10).await.unwrap();
        let kinds: Vec<_> = told.iter().map(|event| event.kind).collect();
        assert_eq!(
            kinds,
            [
                EventType::Processed,
                EventType::PhoneSilent,
                EventType::PhoneHeard
            ]
        );
        let versions: Vec<_> = told.iter().map(|event| event.snapshot_version).collect();
        assert_eq!(versions, [1, 2, 3]);
        let since = told[1].body["phone"]["silentSince"].as_str().unwrap();
        assert_eq!(since, start.to_string());
        assert!(told[2].body["phone"]["silentSince"].is_null());
    }
);

on_both!(a_low_battery_is_told_until_the_end, |store| async move {
    let app = store.app("shop").await;
    let ana = store.user(&app, "ana").await;
    let incident = opened(&store, &app, ana).await;
    let now = store.clock.now();
    assert_eq!(note(&store, incident, now, Some(40)).await, []);
    let low = note(&store, incident, now, Some(15)).await;
    assert_eq!(low, [VitalSign::BatteryLow]);
    assert_eq!(note(&store, incident, now, Some(3)).await, []);
    assert_eq!(open_alerts(&store, incident).await, ["battery_low"]);
    let resolve = ResolveSos { user: ana };
    store.write(Lane::Sos, resolve).await.unwrap();
    assert!(open_alerts(&store, incident).await.is_empty());
    // Whoever looked while it was open notes nothing any more.
    store.clock.advance(Duration::from_hours(1));
    assert_eq!(note(&store, incident, now, Some(1)).await, []);
    let mut tx = store.read().await.unwrap();
    assert!(watched(&mut tx, None, 10).await.unwrap().is_empty());
});
