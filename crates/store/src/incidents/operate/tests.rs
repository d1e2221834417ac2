use std::time::Duration;

use bytes::Bytes;
use mayday_core::clock::Clock as _;
use mayday_core::event::EventType;
use mayday_core::ids::UserId;
use mayday_core::sos::{Flags, State, Trigger};
use mayday_core::transport::Transport;

use super::*;
use crate::command::Lane;
use crate::events;
use crate::incidents::{TriggerOutcome, TriggerSos};
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

async fn ids(store: &TestStore, app: &TestApp, only_open: bool) -> Vec<IncidentId> {
    let mut tx = store.read().await.unwrap();
    let all = page(&mut tx, app.id, only_open, None, 10).await.unwrap();
    all.iter().map(|listed| listed.incident.id).collect()
}

fn resolve(app: &TestApp, incident: IncidentId) -> ResolveIncident {
    ResolveIncident {
        app: app.id,
        incident,
        operator: "ann".to_owned(),
    }
}

on_both!(an_operator_ends_an_incident_once, |store| async move {
    let (app, other) = (store.app("shop").await, store.app("other").await);
    let ana = store.user(&app, "ana").await;
    let incident = opened(&store, &app, ana).await;
    let write = async |command| store.write(Lane::Sos, command).await.unwrap();
    assert_eq!(write(resolve(&other, incident)).await, None);
    assert_eq!(write(resolve(&app, incident)).await, Some(true));
    assert_eq!(write(resolve(&app, incident)).await, Some(false));
    let mut tx = store.read().await.unwrap();
    let seen = listed(&mut tx, app.id, incident).await.unwrap().unwrap();
    assert_eq!(seen.incident.state, State::Resolved);
    assert_eq!((seen.incident.drill, seen.hidden), (false, false));
    assert_eq!(seen.external_id, "ana");
    let told = events::read_after(&mut tx, ana, 0, 10).await.unwrap();
    let kinds: Vec<_> = told.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventType::Processed, EventType::Resolved]);
    let actions = actions_of(&mut tx, incident).await.unwrap();
    let actions: Vec<_> = actions
        .iter()
        .map(|row| (row.action.as_str(), row.operator.as_str()))
        .collect();
    assert_eq!(actions, [("resolve", "ann")]);
});

on_both!(incidents_are_listed_newest_first, |store| async move {
    let (app, other) = (store.app("shop").await, store.app("other").await);
    let mut all = Vec::new();
    for name in ["ana", "ben", "eva"] {
        let user = store.user(&app, name).await;
        all.insert(0, opened(&store, &app, user).await);
        store.clock.advance(Duration::from_secs(1));
    }
    let foreign = store.user(&other, "ana").await;
    opened(&store, &other, foreign).await;
    assert_eq!(ids(&store, &app, false).await, all);
    store.write(Lane::Sos, resolve(&app, all[1])).await.unwrap();
    assert_eq!(ids(&store, &app, true).await, [all[0], all[2]]);
    let mut tx = store.read().await.unwrap();
    let older = page(&mut tx, app.id, false, Some(all[1]), 10)
        .await
        .unwrap();
    assert_eq!(older.len(), 1);
    assert_eq!(older[0].incident.id, all[2]);
});
