//! A contact cannot help, or not any more: the victim and operators see it.

use mayday_app::admin::{AdminReply, AdminRequest, IncidentDetail, IncidentRequest};
use mayday_core::clock::Clock as _;
use mayday_core::escalation::Step;
use mayday_core::ids::{ContactId, IncidentId};
use mayday_core::sos::State;
use mayday_store::escalation::{AcknowledgeOutcome, By, DeclineOutcome, Means};
use mayday_store::testing::TestStore;
use serde_json::Value;

use super::driver::{Stage, on_both_stores};
use crate::harness::NodeExt as _;

const ANN: &str = "+34600111222";
const BOB: &str = "+34600333444";

async fn help(stage: &Stage, incident: IncidentId, contact: ContactId) {
    let by = By::Contact(contact, Means::Page);
    let said = stage.node.app.acknowledge(incident, by, None).await;
    let said = said.unwrap();
    assert!(matches!(said, AcknowledgeOutcome::Now(_)), "{said:?}");
}

async fn decline(stage: &Stage, incident: IncidentId, contact: ContactId) {
    let said = stage.node.app.decline(incident, contact).await.unwrap();
    assert_eq!(said, DeclineOutcome::Noted);
}

async fn detail(stage: &Stage, incident: IncidentId) -> IncidentDetail {
    let show = IncidentRequest::Show {
        app_id: stage.ana.app_id.to_string(),
        incident_id: incident.to_string(),
    };
    match stage.node.admin(AdminRequest::Incident(show)).await {
        AdminReply::Incident(detail) => *detail,
        other => panic!("an incident, not {other:?}"),
    }
}

/// The first contact's entry in what the victim's app is shown.
async fn entry(stage: &Stage) -> Value {
    let open = stage.node.open(&stage.ana).await.unwrap();
    open.actuators.items[0]["contacts"][0].clone()
}

/// The step of the first receipt.
async fn step(stage: &Stage) -> Step {
    let open = stage.node.open(&stage.ana).await.unwrap();
    let ladder = stage.node.app.receipts(&open).await.unwrap();
    ladder.receipts()[0].step
}

/// The types of all events; each has a higher version than the one before.
async fn events(stage: &Stage) -> Vec<String> {
    let events = stage.node.events(&stage.ana).await;
    for pair in events.windows(2) {
        assert!(pair[0].snapshot_version < pair[1].snapshot_version);
    }
    let kinds = events.iter().map(|event| &event.body["type"]);
    kinds
        .map(|kind| kind.as_str().unwrap().to_owned())
        .collect()
}

on_both_stores!(
    help_that_is_taken_back_is_help_no_more,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN, BOB]).await;
        let incident = stage.cry().await.id;
        stage.pass(15).await;
        let ann = stage.attempts(incident).await[0].attempt.key.contact;
        let before = events(&stage).await.len();
        help(&stage, incident, ann).await;
        assert!(entry(&stage).await["acknowledgedAt"].is_string());
        assert_eq!(step(&stage).await, Step::Acknowledged);
        assert_eq!(detail(&stage, incident).await.helpers.len(), 1);

        stage.node.pass(5);
        decline(&stage, incident, ann).await;
        let open = stage.node.open(&stage.ana).await.unwrap();
        assert_eq!(open.state, State::Acknowledged);
        let shown = entry(&stage).await;
        assert_eq!(shown["acknowledgedAt"], Value::Null);
        assert_eq!(shown["channels"][0]["acknowledgedAt"], Value::Null);
        assert_eq!(shown["status"], "sent");
        assert_eq!(shown["updatedAt"], stage.node.store.clock.now().to_string());
        assert_eq!(step(&stage).await, Step::Accepted);
        let seen = detail(&stage, incident).await;
        assert_eq!(seen.helpers, []);
        assert_eq!(seen.declines.len(), 1);
        assert_eq!(seen.declines[0].contact_id, ann);
        assert_eq!(seen.declines[0].name, format!("Contact {ANN}"));

        // Saying it again is the same.
        stage.node.pass(1);
        decline(&stage, incident, ann).await;
        stage.node.pass(5);
        help(&stage, incident, ann).await;
        assert!(entry(&stage).await["acknowledgedAt"].is_string());
        assert_eq!(step(&stage).await, Step::Acknowledged);
        let seen = detail(&stage, incident).await;
        assert_eq!((seen.helpers.len(), seen.declines.len()), (1, 0));
        let told = events(&stage).await.split_off(before);
        assert_eq!(told, ["sos_ack", "sos.actuator_update", "sos_ack"]);
    }
);

on_both_stores!(
    who_cannot_help_is_shown_to_operators_and_the_phone,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN, BOB]).await;
        let incident = stage.cry().await.id;
        stage.pass(15).await;
        let ann = stage.attempts(incident).await[0].attempt.key.contact;
        let before = events(&stage).await.len();
        let earlier = entry(&stage).await;
        stage.node.pass(1);
        for _ in 0..2 {
            decline(&stage, incident, ann).await;
        }
        let told = events(&stage).await.split_off(before);
        assert_eq!(told, ["sos.actuator_update"]);
        let shown = entry(&stage).await;
        assert_ne!(shown["updatedAt"], earlier["updatedAt"]);
        assert_eq!(shown["status"], earlier["status"]);
        let seen = detail(&stage, incident).await;
        assert_eq!((seen.helpers.len(), seen.declines.len()), (0, 1));
    }
);
