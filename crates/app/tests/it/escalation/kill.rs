//! The process dies at each await of the sender, and another one carries on: no
//! contact is missed, and the simulator's log holds one duplicate at most.

use mayday_app::escalation::SendPoint;
use mayday_app::gateway::testing::Behaviour;
use mayday_store::testing::TestStore;

use super::driver::Stage;
use crate::harness::NodeExt;

const ANN: &str = "+34600111222";
const BOB: &str = "+34600333444";

/// Kills a node at a point, lets another one carry on, and counts the messages that
/// each contact got in the end.
async fn killed_at(store: TestStore, point: SendPoint, behaviour: Behaviour) -> [usize; 2] {
    let stage = Stage::on(store, &[ANN, BOB]).await;
    stage.broadcast().await;
    stage.first_behaves(&[behaviour]);
    let incident = stage.cry().await;
    stage.node.pass(15);
    let faults = stage.node.app.send_faults().clone();
    faults.stop_at(Some(point));
    tokio::select! {
        () = stage.pass(5) => panic!("nobody came by {point:?}"),
        () = faults.stopped() => {}
    }
    let stage = stage.after_crash().await;
    // Claims lapse where they are not given back at the start.
    stage.node.pass(6);
    for _ in 0..25 {
        stage.node.pass(1);
        stage.settle().await;
    }
    let rows = stage.attempts(incident.id).await;
    let open: Vec<_> = rows.iter().filter(|row| row.try_at.is_some()).collect();
    assert!(open.is_empty(), "{point:?}: {open:?}");
    let told = stage.told();
    [ANN, BOB].map(|phone| {
        let own = |(kind, to): &&(&str, String)| *kind == "sms" && to == phone;
        told.iter().filter(own).count()
    })
}

/// The points that a message on the plain way comes by.
const PLAIN: [SendPoint; 6] = [
    SendPoint::BeforePlan,
    SendPoint::AfterPlan,
    SendPoint::BeforePermit,
    SendPoint::BeforeSend,
    SendPoint::AfterSend,
    SendPoint::AfterRecord,
];

#[tokio::test]
async fn each_contact_hears_once_on_sqlite() {
    for point in PLAIN {
        let heard = killed_at(TestStore::sqlite().await, point, Behaviour::Accept).await;
        assert_eq!(heard, [1, 1], "{point:?}");
    }
}

#[tokio::test]
async fn each_contact_hears_once_on_postgres() {
    for point in PLAIN {
        let Some(store) = TestStore::postgres().await else {
            return;
        };
        let heard = killed_at(store, point, Behaviour::Accept).await;
        assert_eq!(heard, [1, 1], "{point:?}");
    }
}

#[tokio::test]
async fn a_process_that_dies_while_it_asks_what_became_of_a_message_misses_nobody() {
    for point in [SendPoint::BeforeLookUp, SendPoint::AfterLookUp] {
        for behaviour in [Behaviour::AcceptInSilence, Behaviour::Silence] {
            let store = TestStore::sqlite().await;
            let heard = killed_at(store, point, behaviour.clone()).await;
            assert_eq!(heard, [1, 1], "{point:?} {behaviour:?}");
        }
    }
}

#[test]
fn every_point_is_tried() {
    let tried = [
        PLAIN.as_slice(),
        &[SendPoint::BeforeLookUp, SendPoint::AfterLookUp],
    ]
    .concat();
    assert_eq!(tried, SendPoint::ALL);
}
