use std::time::Duration;

use bytes::Bytes;
use mayday_core::clock::Clock as _;
use mayday_core::ids::RecordId;
use mayday_core::sos::State;

use super::*;
use crate::command::Lane;
use crate::events;
use crate::incidents::{ResolveIncident, TriggerOutcome, TriggerSos};
use crate::on_both;
use crate::testing::{TestApp, TestStore};

async fn start(store: &TestStore, app: &TestApp, user: UserId) -> DrillStart {
    let start = StartDrill {
        app: app.id,
        user,
        last_known: None,
    };
    store.write(Lane::Rest, start).await.unwrap()
}

async fn started(store: &TestStore, app: &TestApp, user: UserId) -> Drill {
    match start(store, app, user).await {
        DrillStart::Started(drill) => drill,
        other => panic!("{other:?}"),
    }
}

async fn end(store: &TestStore, user: UserId, because: DrillEnd) -> bool {
    let end = EndDrill {
        user,
        only: None,
        because,
    };
    store.write(Lane::Rest, end).await.unwrap()
}

async fn cry(store: &TestStore, app: &TestApp, user: UserId) -> Incident {
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
        TriggerOutcome::Opened(incident) => *incident,
        other => panic!("{other:?}"),
    }
}

on_both!(a_drill_is_no_sos_and_tells_no_phone, |store| async move {
    let app = store.app("shop").await;
    let ana = store.user(&app, "ana").await;
    let drill = started(&store, &app, ana).await;
    assert_eq!(start(&store, &app, ana).await, DrillStart::Running(drill));
    let mut tx = store.read().await.unwrap();
    assert_eq!(incidents::open_of(&mut tx, ana).await.unwrap(), None);
    assert_eq!(incidents::latest_of(&mut tx, ana).await.unwrap(), None);
    let played = incidents::get(&mut tx, drill.incident)
        .await
        .unwrap()
        .unwrap();
    assert!(played.drill && played.state == State::Active);
    drop(tx);
    assert!(end(&store, ana, DrillEnd::Stopped).await);
    assert!(!end(&store, ana, DrillEnd::Stopped).await);
    let mut tx = store.read().await.unwrap();
    assert_eq!(events::last_seq(&mut tx, ana).await.unwrap(), 0);
    let over = latest_of(&mut tx, ana).await.unwrap().unwrap();
    assert_eq!(
        over.ended.map(|(_, because)| because),
        Some(DrillEnd::Stopped)
    );
});

on_both!(
    a_real_sos_ends_a_drill_and_none_starts_beside_it,
    |store| async move {
        let app = store.app("shop").await;
        let ana = store.user(&app, "ana").await;
        let drill = started(&store, &app, ana).await;
        let incident = cry(&store, &app, ana).await;
        assert_ne!(incident.id, drill.incident);
        assert!(!incident.drill);
        let mut tx = store.read().await.unwrap();
        let over = latest_of(&mut tx, ana).await.unwrap().unwrap();
        assert_eq!(
            over.ended.map(|(_, because)| because),
            Some(DrillEnd::RealSos)
        );
        let open = incidents::open_of(&mut tx, ana).await.unwrap().unwrap();
        assert_eq!(open.id, incident.id);
        drop(tx);
        assert_eq!(start(&store, &app, ana).await, DrillStart::SosIsOpen);
    }
);

on_both!(drills_are_counted_within_a_day, |store| async move {
    let app = store.app("shop").await;
    let ana = store.user(&app, "ana").await;
    let first = store.clock.now();
    for _ in 0..MAX_DRILLS {
        started(&store, &app, ana).await;
        store.clock.advance(Duration::from_mins(1));
        end(&store, ana, DrillEnd::Stopped).await;
    }
    let next = first.plus(DRILL_WINDOW);
    assert_eq!(start(&store, &app, ana).await, DrillStart::TooMany(next));
    store.clock.set(next);
    started(&store, &app, ana).await;
});

on_both!(
    a_drill_that_nobody_ends_is_over_after_an_hour,
    |store| async move {
        let app = store.app("shop").await;
        let ana = store.user(&app, "ana").await;
        started(&store, &app, ana).await;
        let over_now = async || {
            let mut tx = store.read().await.unwrap();
            too_long(&mut tx, 10).await.unwrap()
        };
        assert!(over_now().await.is_empty());
        store.clock.advance(Duration::from_hours(1));
        let found = over_now().await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].because, DrillEnd::TimedOut);
    }
);

on_both!(an_operator_ends_a_drill_as_well, |store| async move {
    let app = store.app("shop").await;
    let ana = store.user(&app, "ana").await;
    let drill = started(&store, &app, ana).await;
    let resolve = ResolveIncident {
        app: app.id,
        incident: drill.incident,
        operator: "ann".to_owned(),
    };
    assert_eq!(store.write(Lane::Sos, resolve).await.unwrap(), Some(true));
    let mut tx = store.read().await.unwrap();
    let over = latest_of(&mut tx, ana).await.unwrap().unwrap();
    let because = over.ended.map(|(_, because)| because);
    assert_eq!(because, Some(DrillEnd::Stopped));
    assert_eq!(events::last_seq(&mut tx, ana).await.unwrap(), 0);
    drop(tx);
    // The user may start the next; what looked at the first does not end it.
    let next = started(&store, &app, ana).await;
    let late = EndDrill {
        user: ana,
        only: Some(drill.incident),
        because: DrillEnd::TimedOut,
    };
    assert!(!store.write(Lane::Job, late).await.unwrap());
    assert_eq!(start(&store, &app, ana).await, DrillStart::Running(next));
});
