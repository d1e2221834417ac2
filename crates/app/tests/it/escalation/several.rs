//! A contact of several people in distress writes `OK`.

use mayday_core::ids::IncidentId;
use mayday_core::sos::State;
use mayday_store::escalation::acknowledge;
use mayday_store::testing::TestStore;
use serde_json::json;

use super::callbacks::{means, state, write, write_as};
use super::driver::{Stage, on_both_stores};
use crate::harness::NodeExt as _;

const ANN: &str = "+34600111222";

/// Ana and Carla list Ann, who was asked about both, the latter last.
async fn both_cry(stage: &Stage) -> (IncidentId, IncidentId) {
    stage
        .policy(json!({"channels": ["sms"], "trust_caller_id": true}))
        .await;
    let carla = stage.node.caller("carla").await;
    stage.contact(&carla, ANN).await;
    let first = stage.cry().await.id;
    stage.pass(20).await;
    let second = stage.cry_of(&carla).await.id;
    stage.pass(15).await;
    (first, second)
}

on_both_stores!(
    a_second_ok_is_about_the_other_incident,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        let (first, second) = both_cry(&stage).await;
        for _ in 0..2 {
            // The same message posted again is no second one.
            write_as(&stage, "SM-ok", ANN, "OK").await;
            assert_eq!(state(&stage, second).await, State::Acknowledged);
            assert_eq!(state(&stage, first).await, State::Active);
        }
        let thanks = write(&stage, ANN, "OK").await;
        assert!(thanks.contains("Thank you"), "{thanks}");
        assert_eq!(state(&stage, first).await, State::Acknowledged);
        // Nothing is left: it stays as it is.
        let thanks = write(&stage, ANN, "OK").await;
        assert!(thanks.contains("Thank you"), "{thanks}");
        for incident in [first, second] {
            assert_eq!(means(&stage, incident).await, ["sms"]);
        }
    }
);

on_both_stores!(
    an_ok_is_about_what_was_asked_again,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        let (first, second) = both_cry(&stage).await;
        write(&stage, ANN, "OK").await;
        write(&stage, ANN, "OK").await;
        let told = stage.told().len();
        // Half an hour of silence: about the second first, then about the first.
        stage.node.pass(29 * 60);
        stage.pass(90).await;
        assert_eq!(stage.told().len(), told + 2, "{:?}", stage.taken());
        let signs = async |incident| {
            let mut tx = stage.node.store.read().await.unwrap();
            let said = acknowledge::of_incident(&mut tx, incident).await.unwrap();
            said[0].last_sign_at > said[0].at
        };
        write(&stage, ANN, "OK").await;
        write(&stage, ANN, "OK").await;
        assert!(signs(first).await && signs(second).await);
    }
);

on_both_stores!(
    an_ok_does_not_take_back_that_somebody_cannot_help,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        let (first, second) = both_cry(&stage).await;
        let asked = stage.attempts(second).await;
        let ann = asked[0].attempt.key.contact;
        stage.node.app.decline(second, ann).await.unwrap();
        write(&stage, ANN, "OK").await;
        assert_eq!(state(&stage, first).await, State::Acknowledged);
        assert_eq!(state(&stage, second).await, State::Active);
    }
);

on_both_stores!(
    an_ok_is_about_a_true_cry_before_a_drill,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        let policy = json!({"channels": ["sms"], "trust_caller_id": true});
        stage.policy(policy).await;
        let carla = stage.node.caller("carla").await;
        stage.contact(&carla, ANN).await;
        let cry = stage.cry().await.id;
        stage.pass(20).await;
        let drill = stage.node.app.start_drill(&carla).await.unwrap().drill;
        stage.pass(15).await;
        assert_eq!(stage.told().len(), 2, "{:?}", stage.taken());
        let thanks = write(&stage, ANN, "OK").await;
        assert!(!thanks.contains("DRILL"), "{thanks}");
        assert_eq!(state(&stage, cry).await, State::Acknowledged);
        assert_eq!(state(&stage, drill.incident).await, State::Active);
        let thanks = write(&stage, ANN, "OK").await;
        assert!(
            thanks.contains("DRILL, not an emergency: Thank you"),
            "{thanks}"
        );
        assert_ne!(state(&stage, drill.incident).await, State::Active);
    }
);
