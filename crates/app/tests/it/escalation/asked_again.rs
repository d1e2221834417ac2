//! Who promised help and falls silent is asked again, then the others (contract:
//! Escalation).

use mayday_app::escalation::{By, Means};
use mayday_core::ids::ContactId;
use mayday_store::testing::TestStore;

use super::driver::{Stage, on_both_stores};
use crate::harness::{NodeExt, kinds};

const ANN: &str = "+34600111222";
const BOB: &str = "+34600333444";

/// A cry that Ann answers in time; answers her contact.
async fn answered(stage: &Stage) -> (mayday_core::ids::IncidentId, ContactId) {
    let incident = stage.cry().await;
    stage.pass(15).await;
    let ann = stage.attempts(incident.id).await[0].attempt.key.contact;
    helps(stage, incident.id, ann).await;
    (incident.id, ann)
}

async fn helps(stage: &Stage, incident: mayday_core::ids::IncidentId, contact: ContactId) {
    let by = By::Contact(contact, Means::Page);
    stage
        .node
        .app
        .acknowledge(incident, by, None)
        .await
        .unwrap();
    stage.settle().await;
}

/// Minutes in which nothing is said.
async fn silence(stage: &Stage, minutes: u64) {
    stage.node.pass(minutes * 60);
    stage.settle().await;
}

on_both_stores!(
    a_helper_who_falls_silent_is_asked_again_then_the_next,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN, BOB]).await;
        let (incident, ann) = answered(&stage).await;
        silence(&stage, 29).await;
        assert_eq!(stage.told().len(), 1, "she has half an hour");
        silence(&stage, 1).await;
        assert_eq!(stage.told()[1..], [("sms", ANN.to_owned())]);
        let (first, again) = (&stage.taken()[0].text, &stage.taken()[1].text);
        assert_ne!(first, again, "she is asked how it goes, not told of it");
        // She still says nothing: a call, then it is Bob's turn.
        stage.pass(60).await;
        assert_eq!(stage.told()[2..], [("call", ANN.to_owned())]);
        stage.pass(60).await;
        assert_eq!(stage.told()[3..], [("sms", BOB.to_owned())]);

        // A sign of life is enough: nobody is asked any more.
        helps(&stage, incident, ann).await;
        stage.pass(120).await;
        assert_eq!(stage.told().len(), 4);
        let said = kinds(&stage.node.events(&stage.ana).await);
        assert!(!said.contains(&"sos.unanswered"), "{said:?}");
    }
);

on_both_stores!(
    nobody_is_asked_again_once_it_is_over,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN, BOB]).await;
        answered(&stage).await;
        stage.node.app.resolve_sos(&stage.ana).await.unwrap();
        stage.settle().await;
        let told = stage.told().len();
        silence(&stage, 60).await;
        assert_eq!(stage.told().len(), told);
    }
);
