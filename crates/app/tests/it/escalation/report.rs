//! What providers report: late, twice, in any order, and before we know the id.

use mayday_app::escalation::{DeliveryReport, Reported, SendPoint};
use mayday_app::gateway::outcome::Delivery;
use mayday_app::jobs::Claiming;
use mayday_core::clock::Clock as _;
use mayday_core::escalation::AttemptState;
use mayday_store::testing::TestStore;

use super::driver::{Stage, on_both_stores};
use crate::harness::NodeExt;

const ANN: &str = "+34600111222";
const BOB: &str = "+34600333444";

fn report(stage: &Stage, id: &str, delivery: Delivery) -> DeliveryReport {
    DeliveryReport {
        provider: "provider-0".to_owned(),
        provider_id: id.to_owned(),
        delivery,
        code: None,
        answered_by: None,
        at: stage.node.store.clock.now(),
    }
}

on_both_stores!(
    a_report_counts_once_and_only_forward,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        let incident = stage.cry().await;
        stage.pass(15).await;
        let id = stage.first.log()[0].sid.clone();
        let tell = async |delivery| {
            let report = report(&stage, &id, delivery);
            stage.node.app.report_delivery(report).await.unwrap()
        };
        assert_eq!(tell(Delivery::Delivered).await, Reported::Moved);
        assert_eq!(tell(Delivery::Delivered).await, Reported::Known);
        assert_eq!(tell(Delivery::Sent).await, Reported::Known);
        assert_eq!(tell(Delivery::Failed).await, Reported::Known);
        let states = stage.states(incident.id).await;
        assert!(
            states.contains(&("sms", AttemptState::Delivered)),
            "{states:?}"
        );
    }
);

on_both_stores!(
    nobody_looks_because_a_message_was_taken_or_arrived,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.cry().await;
        stage.node.pass(15);
        stage.settle().await;
        assert_eq!(stage.told(), [("sms", ANN.to_owned())]);
        let looks = async || {
            let due = stage
                .node
                .app
                .claim_jobs(&["escalate"], Claiming::up_to(10))
                .await;
            due.unwrap().len()
        };
        stage.node.pass(1);
        assert_eq!(looks().await, 0, "it was taken");
        let id = stage.first.log()[0].sid.clone();
        for delivery in [Delivery::Sent, Delivery::Delivered] {
            let report = report(&stage, &id, delivery);
            stage.node.app.report_delivery(report).await.unwrap();
            assert_eq!(looks().await, 0, "{delivery:?}");
        }
        // The timer stands all the same.
        stage.pass(58).await;
        assert_eq!(stage.told().len(), 1);
        stage.pass(1).await;
        assert_eq!(stage.told()[1..], [("call", ANN.to_owned())]);
    }
);

on_both_stores!(
    a_failure_reported_later_has_the_next_step_taken_at_once,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN, BOB]).await;
        stage.cry().await;
        stage.pass(16).await;
        let id = stage.first.log()[0].sid.clone();
        let failed = report(&stage, &id, Delivery::Failed);
        stage.node.app.report_delivery(failed).await.unwrap();
        stage.settle().await;
        assert_eq!(stage.told()[1..], [("call", ANN.to_owned())]);
        // A machine that answers has told nobody.
        let call = stage.first.log()[1].sid.clone();
        let machine = DeliveryReport {
            answered_by: Some("machine".to_owned()),
            ..report(&stage, &call, Delivery::Sent)
        };
        stage.node.app.report_delivery(machine).await.unwrap();
        stage.settle().await;
        assert_eq!(stage.told()[2..], [("sms", BOB.to_owned())]);
    }
);

on_both_stores!(
    a_report_that_overtakes_its_id_is_kept,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        let incident = stage.cry().await;
        stage.node.pass(15);
        let faults = stage.node.app.send_faults().clone();
        faults.stop_at(Some(SendPoint::AfterSend));
        tokio::select! {
            () = stage.settle() => panic!("the sender stops"),
            () = faults.stopped() => {}
        }
        let id = stage.first.log()[0].sid.clone();
        let early = report(&stage, &id, Delivery::Delivered);
        let kept = stage.node.app.report_delivery(early).await.unwrap();
        assert_eq!(kept, Reported::Kept);
        faults.stop_at(None);
        stage.pass(70).await;
        let states = stage.states(incident.id).await;
        assert!(
            states.contains(&("sms", AttemptState::Delivered)),
            "{states:?}"
        );
        assert_eq!(stage.told()[0], ("sms", ANN.to_owned()));
        // One of an id that nobody ever knows goes.
        let strange = report(&stage, "SM-strange", Delivery::Failed);
        stage.node.app.report_delivery(strange).await.unwrap();
        stage.pass(900).await;
        let left = stage.node.store.tables_holding(b"SM-strange").await;
        assert!(left.is_empty(), "{left:?}");
    }
);
