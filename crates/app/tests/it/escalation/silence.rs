//! Those who promised help fall silent, more than once.

use mayday_app::escalation::{By, Means};
use mayday_store::alerts;
use mayday_store::testing::TestStore;

use super::driver::{Stage, on_both_stores};
use crate::harness::{NodeExt as _, kinds};

const ANN: &str = "+34600111222";

on_both_stores!(
    each_silence_that_nobody_answers_alarms_the_operators,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.broadcast().await;
        let incident = stage.cry().await;
        stage.pass(15).await;
        let ann = stage.attempts(incident.id).await[0].attempt.key.contact;
        let alarms = async || {
            let events = stage.node.events(&stage.ana).await;
            let said = kinds(&events);
            let said = said.iter().filter(|kind| **kind == "sos.unanswered");
            let mut tx = stage.node.store.read().await.unwrap();
            let raised = alerts::page(&mut tx, stage.ana.app, None, 10).await;
            (said.count(), raised.unwrap().len())
        };
        for silence in 1..=3 {
            // The same promise again is a sign of life, and no new promise.
            let by = By::Contact(ann, Means::Page);
            let app = &stage.node.app;
            app.acknowledge(incident.id, by, None).await.unwrap();
            stage.settle().await;
            stage.node.pass(30 * 60);
            stage.settle().await;
            assert_eq!(stage.told().len(), 1 + silence, "asked again");
            stage.pass(61).await;
            assert_eq!(alarms().await, (silence, silence));
        }
    }
);
