//! A drill runs the whole path, marked, and is no SOS.

use mayday_app::escalation::{By, Means};
use mayday_core::drill::DrillEnd;
use mayday_core::sos::State;
use mayday_store::testing::TestStore;
use mayday_store::{alerts, incidents};
use serde_json::json;

use super::driver::{Stage, on_both_stores};
use crate::harness::NodeExt;

const ANN: &str = "+34600111222";

async fn ended(stage: &Stage) -> Option<DrillEnd> {
    let report = stage.node.app.drill(&stage.ana).await.unwrap();
    report
        .expect("a drill")
        .drill
        .ended
        .map(|(_, because)| because)
}

on_both_stores!(
    a_drill_is_sent_answered_and_reported,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        let drill = stage.node.app.start_drill(&stage.ana).await.unwrap().drill;
        stage.pass(14).await;
        assert!(stage.told().is_empty(), "nothing inside the grace window");
        stage.pass(1).await;
        assert_eq!(stage.told(), [("sms", ANN.to_owned())]);
        let text = &stage.taken()[0].text;
        assert!(text.to_uppercase().contains("DRILL"), "{text}");
        let ann = stage.attempts(drill.incident).await[0].attempt.key.contact;
        let by = By::Contact(ann, Means::Page);
        stage
            .node
            .app
            .acknowledge(drill.incident, by, None)
            .await
            .unwrap();
        assert_eq!(ended(&stage).await, Some(DrillEnd::Acknowledged), "at once");
        stage.settle().await;
        let all_clear = &stage.taken()[1].text;
        assert!(all_clear.to_uppercase().contains("DRILL"), "{all_clear}");
        // The report holds who answered, and no phone was told of an SOS.
        let report = stage.node.app.drill(&stage.ana).await.unwrap().unwrap();
        let contact = &report.incident.actuators.items[0]["contacts"][0];
        assert!(contact["acknowledgedAt"].is_string(), "{contact}");
        assert!(stage.node.events(&stage.ana).await.is_empty());
        assert!(stage.node.open(&stage.ana).await.is_none());
    }
);

on_both_stores!(
    a_real_sos_ends_a_drill_without_an_all_clear,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.node.app.start_drill(&stage.ana).await.unwrap();
        stage.pass(15).await;
        assert_eq!(stage.told().len(), 1);
        stage.cry().await;
        stage.settle().await;
        assert_eq!(ended(&stage).await, Some(DrillEnd::RealSos));
        assert_eq!(
            stage.told().len(),
            1,
            "nobody may take the real one for over"
        );
        stage.pass(15).await;
        let real = &stage.taken()[1].text;
        assert!(!real.to_uppercase().contains("DRILL"), "{real}");
    }
);

on_both_stores!(
    a_drill_ends_when_nobody_is_left_to_ask,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        let policy = json!({"channels": ["sms"], "acknowledge_timeout_seconds": 60});
        stage.policy(policy).await;
        let drill = stage.node.app.start_drill(&stage.ana).await.unwrap().drill;
        stage.pass(15 + 59).await;
        assert_eq!(ended(&stage).await, None, "Ann has her minute");
        stage.pass(1).await;
        assert_eq!(ended(&stage).await, Some(DrillEnd::Unanswered));
        let told = stage.taken();
        assert_eq!(told.len(), 2, "and she hears that it is over");
        // It is a drill: no operator is called.
        let mut tx = stage.node.store.read().await.unwrap();
        let alerts = alerts::of_incident(&mut tx, drill.incident).await.unwrap();
        assert!(alerts.is_empty(), "{alerts:?}");
        let played = incidents::get(&mut tx, drill.incident).await.unwrap();
        assert_eq!(played.unwrap().state, State::Resolved);
    }
);

on_both_stores!(
    a_drill_that_goes_on_and_on_is_ended,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.node.app.start_drill(&stage.ana).await.unwrap();
        stage.node.pass(3_599);
        assert_eq!(stage.node.app.end_long_drills().await.unwrap(), 0);
        stage.node.pass(1);
        assert_eq!(stage.node.app.end_long_drills().await.unwrap(), 1);
        assert_eq!(ended(&stage).await, Some(DrillEnd::TimedOut));
        stage.settle().await;
        assert!(stage.told().is_empty(), "nobody was told of it");
    }
);
