//! Who promised help and falls silent is asked again, then the others (contract:
//! Escalation). When nobody answers, operators are told: each time that somebody was
//! asked in vain.

use std::net::{IpAddr, Ipv4Addr};

use mayday_app::escalation::{By, Means};
use mayday_core::ids::{ContactId, IncidentId};
use mayday_store::alerts;
use mayday_store::testing::TestStore;

use super::driver::{Stage, on_both_stores};
use super::story::token;
use crate::harness::{NodeExt, kinds};

const ANN: &str = "+34600111222";
const BOB: &str = "+34600333444";

/// A cry that Ann answers in time; answers her contact.
async fn answered(stage: &Stage) -> (IncidentId, ContactId) {
    let incident = stage.cry().await;
    stage.pass(15).await;
    let ann = stage.attempts(incident.id).await[0].attempt.key.contact;
    helps(stage, incident.id, ann).await;
    (incident.id, ann)
}

async fn helps(stage: &Stage, incident: IncidentId, contact: ContactId) {
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
    who_only_opens_the_link_is_asked_again_all_the_same,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        answered(&stage).await;
        let link = token(&stage.taken()[0].text);
        for _ in 0..29 {
            stage.node.pass(60);
            let nobody = IpAddr::V4(Ipv4Addr::LOCALHOST);
            let opened = stage.node.app.open_tracking(&link.to_text(), nobody).await;
            assert!(opened.is_ok(), "{opened:?}");
            stage.settle().await;
        }
        assert_eq!(stage.told().len(), 1, "she has half an hour");
        silence(&stage, 1).await;
        assert_eq!(stage.told()[1..], [("sms", ANN.to_owned())]);
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

/// How often it was said that nobody answers: to the phone and the partner, and to
/// operators.
async fn unanswered(stage: &Stage, incident: IncidentId) -> (usize, usize) {
    let said = kinds(&stage.node.events(&stage.ana).await);
    let said = said
        .iter()
        .filter(|kind| **kind == "sos.unanswered")
        .count();
    let mut tx = stage.node.store.read().await.unwrap();
    let raised = alerts::of_incident(&mut tx, incident).await.unwrap();
    let raised = raised.iter().filter(|one| one.kind == "unanswered_sos");
    (said, raised.count())
}

on_both_stores!(
    each_silence_that_nobody_answers_is_told_to_operators,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN, BOB]).await;
        let (incident, ann) = answered(&stage).await;
        for time in 1..=2 {
            silence(&stage, 30).await;
            // A message and a call to each, and a minute for the last answer.
            stage.pass(4 * 60 - 1).await;
            assert_eq!(unanswered(&stage, incident).await, (time - 1, time - 1));
            stage.pass(1).await;
            assert_eq!(stage.told().len(), 1 + 4 * time);
            assert_eq!(unanswered(&stage, incident).await, (time, time));
            stage.pass(300).await;
            assert_eq!(unanswered(&stage, incident).await, (time, time), "once");
            helps(&stage, incident, ann).await;
        }
    }
);

on_both_stores!(
    who_is_added_when_all_were_asked_and_is_asked_in_vain_is_told_too,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        let incident = stage.cry().await;
        stage.pass(15 + 2 * 60).await;
        assert_eq!(unanswered(&stage, incident.id).await, (1, 1));
        stage.pass(30).await;
        stage.contact(&stage.ana, BOB).await;
        stage.settle().await;
        assert_eq!(stage.told()[2..], [("sms", BOB.to_owned())]);
        stage.pass(2 * 60 - 1).await;
        assert_eq!(
            unanswered(&stage, incident.id).await,
            (1, 1),
            "Bob has his time"
        );
        stage.pass(1).await;
        assert_eq!(unanswered(&stage, incident.id).await, (2, 2));
        stage.pass(600).await;
        assert_eq!(unanswered(&stage, incident.id).await, (2, 2), "once");
    }
);
