use std::time::Duration;

use bytes::Bytes;
use mayday_core::sos::Trigger;
use mayday_core::transport::Transport;
use uuid::Uuid;

use super::*;
use crate::heartbeat::Heartbeat;
use crate::incidents::{self, TriggerOutcome, TriggerSos};
use crate::telemetry::Faults;
use crate::testing::{START, TestStore};
use crate::{Lane, Store};

async fn beat(store: &Store) -> Result<(), StoreError> {
    store.write(Lane::Sos, Heartbeat).await
}

#[test]
fn faults_are_named() {
    let (state, telemetry) = (StateFaults::default(), Faults::default());
    cause("", &state, &telemetry).unwrap();
    assert!(!state.acknowledges_early() && !telemetry.is_frozen());
    let list = "freeze_telemetry, early_ack,fail_state,early_ack_state";
    cause(list, &state, &telemetry).unwrap();
    assert!(telemetry.is_frozen() && telemetry.acknowledges_early() && !telemetry.commit_fails());
    let now = *state.state.borrow();
    assert!(now.early && now.failing == Some(CommitFault::Disk) && !now.frozen);
    let unknown = cause("freeze", &state, &telemetry);
    assert_eq!(unknown, Err(UnknownFault("freeze".to_owned())));
}

#[tokio::test]
async fn a_commit_that_fails_stores_nothing_until_the_fault_is_lifted() {
    let store = TestStore::sqlite().await;
    for (fault, transient) in [(CommitFault::Disk, true), (CommitFault::Statement, false)] {
        store.faults().fail_commits(Some(fault));
        let failed = beat(&store).await.unwrap_err();
        assert_eq!(failed.is_transient(), transient, "{failed:?}");
        assert!(store.stats().failing);
        assert_eq!(store.last_heartbeat().await.unwrap(), None);
    }
    store.faults().fail_commits(None);
    beat(&store).await.unwrap();
    assert_eq!(store.last_heartbeat().await.unwrap(), Some(START));
    assert!(!store.stats().failing);
}

#[tokio::test]
async fn a_frozen_writer_answers_when_it_is_thawed() {
    let store = TestStore::sqlite().await;
    store.faults().freeze();
    let mut answer = std::pin::pin!(beat(&store));
    let early = tokio::time::timeout(Duration::from_millis(30), answer.as_mut()).await;
    assert!(early.is_err());
    assert_eq!(store.last_heartbeat().await.unwrap(), None);
    store.faults().thaw();
    answer.await.unwrap();
    assert_eq!(store.last_heartbeat().await.unwrap(), Some(START));
}

#[tokio::test]
async fn an_early_acknowledgement_is_a_lie_about_an_sos() {
    let store = TestStore::sqlite().await;
    let app = store.app("acme").await;
    let ana = store.user(&app, "ana").await;
    store.faults().acknowledge_early(true);
    store.faults().freeze();
    let body = Bytes::from_static(b"{}");
    let trigger = Trigger::parse(&body);
    let command = TriggerSos {
        app: app.id,
        sender: ana,
        flags: trigger.flags,
        trigger,
        body,
        transport: Transport::Mqtt,
        received_at: START,
        receipt: Uuid::from_u128(1),
        last_known: None,
    };
    let told = store.write(Lane::Sos, command).await.unwrap();
    assert!(matches!(told, TriggerOutcome::Opened(_)));
    let mut tx = store.read().await.unwrap();
    assert_eq!(incidents::open_of(&mut tx, ana).await.unwrap(), None);
    drop(tx);
    // Anything else is answered when it is stored.
    let honest = tokio::time::timeout(Duration::from_millis(30), beat(&store)).await;
    assert!(honest.is_err());
    // A store that closes commits what is queued all the same.
    store.close().await;
    let again = store.reopen().await.unwrap();
    let mut tx = again.read().await.unwrap();
    assert!(incidents::open_of(&mut tx, ana).await.unwrap().is_some());
}
