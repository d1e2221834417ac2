use mayday_core::clock::Clock as _;
use mayday_core::identity::Caller;
use mayday_core::transport::Transport;
use mayday_store::testing::TestStore;
use mayday_store::{Command, Sql, StoreError, args, on_both};

use super::*;
use crate::presence::PresenceLimits;
use crate::testing::TestApp;
use crate::{SosTrigger, TriggerReceipt};

static SPOIL: Sql = Sql::new("UPDATE incidents SET actuators = $2 WHERE id = $1");

/// Makes an incident's row one that cannot be read, or mends it.
struct Spoil(IncidentId, &'static str);

const MENDED: &str = r#"{"snapshotVersion":1,"items":[]}"#;

impl Command for Spoil {
    type Output = ();
    const NAME: &'static str = "test.spoil";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        tx.execute_one(&SPOIL, args![self.0, self.1]).await
    }
}

async fn opened(node: &TestApp, caller: &Caller) -> IncidentId {
    let cry = SosTrigger {
        body: bytes::Bytes::from_static(b"{}"),
        oversized: false,
        retained: false,
        transport: Transport::Mqtt,
    };
    match node.app.trigger_sos(caller, cry).await.unwrap() {
        TriggerReceipt::Own(incident) => incident.id,
        other => panic!("{other:?}"),
    }
}

/// Two open incidents whose phones said that their battery is low. The first one's row
/// comes first in a round.
async fn two(store: TestStore) -> (TestApp, [IncidentId; 2]) {
    let node = TestApp::on(store, PresenceLimits::default()).await;
    let (ana, ben) = (node.caller("ana").await, node.caller("ben").await);
    let first = opened(&node, &ana).await;
    node.store.clock.advance(Duration::from_secs(1));
    let incidents = [first, opened(&node, &ben).await];
    for incident in incidents {
        let now = node.store.clock.now();
        node.app.listening.note(incident, now, Some(5));
    }
    (node, incidents)
}

/// Whose words wait for the next round.
fn waiting(node: &TestApp) -> Vec<IncidentId> {
    let mut waiting: Vec<_> = node
        .app
        .listening
        .0
        .lock()
        .unwrap()
        .keys()
        .copied()
        .collect();
    waiting.sort_unstable();
    waiting
}

on_both!(
    an_incident_that_cannot_be_read_keeps_no_other_waiting,
    |store| async move {
        let (node, [first, second]) = two(store).await;
        let spoil = Spoil(first, "spoilt");
        node.store.write(Lane::Rest, spoil).await.unwrap();
        node.app.listen_to_phones().await.unwrap_err();
        assert_eq!(waiting(&node), [first], "the other was told");
        // A round that meets it again loses nothing.
        node.app.listen_to_phones().await.unwrap_err();
        assert_eq!(waiting(&node), [first]);
        let mend = Spoil(first, MENDED);
        node.store.write(Lane::Rest, mend).await.unwrap();
        assert_eq!(node.app.listen_to_phones().await.unwrap(), 1);
        assert!(waiting(&node).is_empty());
        let mut tx = node.store.read().await.unwrap();
        for incident in [first, second] {
            let vitals = mayday_store::incidents::vitals_of(&mut tx, incident).await;
            let battery = vitals.unwrap().unwrap().battery;
            assert_eq!(battery.map(|battery| battery.percent), Some(5));
        }
    }
);

on_both!(
    what_was_heard_in_a_round_that_could_not_read_waits_for_the_next,
    |store| async move {
        let (node, incidents) = two(store).await;
        node.store.close().await;
        node.app.listen_to_phones().await.unwrap_err();
        assert_eq!(waiting(&node), incidents);
    }
);

#[test]
fn what_was_said_since_counts_more_than_what_is_put_back() {
    let (listening, id) = (Listening::default(), IncidentId(uuid::Uuid::from_u128(1)));
    let (early, late) = (Timestamp::from_secs(1), Timestamp::from_secs(2));
    listening.note(id, early, Some(50));
    let taken = listening.take();
    listening.note(id, late, Some(5));
    listening.put_back(taken);
    let heard = listening.take()[&id];
    assert_eq!(heard.at, late);
    assert_eq!(heard.battery.map(|battery| battery.percent), Some(5));
}
