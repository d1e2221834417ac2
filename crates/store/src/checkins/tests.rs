use mayday_core::event::EventType;
use mayday_core::sos::State;

use super::*;
use crate::command::Lane;
use crate::events;
use crate::on_both;
use crate::testing::{TestApp, TestStore};
use crate::users::SetBlocked;

async fn start(store: &TestStore, app: &TestApp, user: UserId, minutes: u32) -> CheckIn {
    let start = StartCheckIn {
        app: app.id,
        user,
        wanted: CheckedCheckIn {
            minutes,
            message: Some("by the river".into()),
        },
    };
    store.write(Lane::Rest, start).await.unwrap()
}

async fn lapse(store: &TestStore, check_in: &CheckIn) -> Lapse {
    let lapse = LapseCheckIn {
        check_in: check_in.id,
        last_known: None,
    };
    store.write(Lane::Sos, lapse).await.unwrap()
}

async fn ready_jobs(store: &TestStore) -> i64 {
    let mut tx = store.read().await.unwrap();
    jobs::counts(&mut tx).await.unwrap().ready
}

on_both!(a_timer_that_ran_out_is_one_sos, |store| async move {
    let app = store.app("shop").await;
    let ana = store.user(&app, "ana").await;
    let check_in = start(&store, &app, ana, 30).await;
    store.clock.advance(Duration::from_secs(30 * 60 - 1));
    assert_eq!(lapse(&store, &check_in).await, Lapse::NotYet);
    store.clock.advance(Duration::from_secs(1));
    let Lapse::Raised(incident) = lapse(&store, &check_in).await else {
        panic!("not raised");
    };
    assert_eq!(incident.state, State::Active);
    assert_eq!(incident.user, ana);
    let trigger = incident.origin.trigger_source.as_deref();
    assert_eq!(trigger, Some(CHECK_IN_TRIGGER));
    assert_eq!(incident.message.as_deref(), Some("by the river"));
    // The job may run again, whatever became of its lease.
    assert_eq!(lapse(&store, &check_in).await, Lapse::Over);
    let mut tx = store.read().await.unwrap();
    assert_eq!(of_user(&mut tx, ana).await.unwrap(), None);
    let told = events::read_after(&mut tx, ana, 0, 10).await.unwrap();
    let kinds: Vec<EventType> = told.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventType::Processed]);
});

on_both!(
    a_timer_that_is_stopped_or_replaced_leaves_nothing_behind,
    |store| async move {
        let app = store.app("shop").await;
        let ana = store.user(&app, "ana").await;
        let first = start(&store, &app, ana, 5).await;
        let second = start(&store, &app, ana, 60).await;
        assert_eq!(ready_jobs(&store).await, 1);
        store.clock.advance(Duration::from_mins(6));
        assert_eq!(lapse(&store, &first).await, Lapse::Over);
        let stop = StopCheckIn { user: ana };
        let stopped = store.write(Lane::Rest, stop).await.unwrap();
        assert_eq!(stopped.map(|stopped| stopped.id), Some(second.id));
        assert_eq!(store.write(Lane::Rest, stop).await.unwrap(), None);
        assert_eq!(ready_jobs(&store).await, 0);
        store.clock.advance(Duration::from_hours(2));
        assert_eq!(lapse(&store, &second).await, Lapse::Over);
        let mut tx = store.read().await.unwrap();
        assert_eq!(incidents::open_of(&mut tx, ana).await.unwrap(), None);
    }
);

on_both!(
    an_open_incident_hears_of_it_and_keeps_its_words,
    |store| async move {
        let app = store.app("shop").await;
        let ana = store.user(&app, "ana").await;
        let check_in = start(&store, &app, ana, 1).await;
        let body = Bytes::from_static(br#"{"message":"I fell","triggerSource":"button_ui"}"#);
        let cry = TriggerSos {
            app: app.id,
            sender: ana,
            trigger: Trigger::parse(&body),
            body,
            flags: Flags::NONE,
            transport: Transport::Mqtt,
            received_at: check_in.started_at,
            receipt: uuid::Uuid::from_u128(1),
            last_known: None,
        };
        store.write(Lane::Sos, cry).await.unwrap();
        store.clock.advance(Duration::from_mins(1));
        let Lapse::Raised(incident) = lapse(&store, &check_in).await else {
            panic!("not raised");
        };
        assert_eq!(incident.triggers, 2);
        assert_eq!(incident.message.as_deref(), Some("I fell"));
        let trigger = incident.origin.trigger_source.as_deref();
        assert_eq!(trigger, Some("button_ui"));
    }
);

on_both!(a_blocked_users_timer_raises_nothing, |store| async move {
    let app = store.app("shop").await;
    let ana = store.user(&app, "ana").await;
    let check_in = start(&store, &app, ana, 1).await;
    let block = SetBlocked {
        app_id: app.app_id.clone(),
        external_id: mayday_core::identity::ExternalUserId::parse("ana").unwrap(),
        blocked: true,
    };
    store.write(Lane::Rest, block).await.unwrap();
    store.clock.advance(Duration::from_mins(1));
    assert_eq!(lapse(&store, &check_in).await, Lapse::Refused);
    assert_eq!(lapse(&store, &check_in).await, Lapse::Over);
});
