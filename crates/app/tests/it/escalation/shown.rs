//! What operators are shown of an incident: the person, each message with its times and
//! why it failed, whose page was opened, who fell silent, and the all-clear.

use std::net::{IpAddr, Ipv4Addr};

use mayday_app::admin::{
    AdminError, AdminReply, AdminRequest, AlertsRequest, IncidentDetail, IncidentRequest,
    PageRequest,
};
use mayday_app::escalation::{By, Means};
use mayday_app::gateway::testing::Behaviour;
use mayday_core::ids::{ContactId, IncidentId};
use mayday_core::profile::ProfilePatch;
use mayday_store::testing::TestStore;

use super::driver::{Stage, on_both_stores};
use super::story::token;
use crate::harness::NodeExt as _;

const ANN: &str = "+34600111222";
const BOB: &str = "+34600333444";
const OWN: &str = "+34600555666";

pub(super) async fn detail(stage: &Stage, incident: IncidentId) -> IncidentDetail {
    let show = IncidentRequest::Show {
        app_id: stage.ana.app_id.to_string(),
        incident_id: incident.to_string(),
    };
    match stage.node.admin(AdminRequest::Incident(show)).await {
        AdminReply::Incident(detail) => *detail,
        other => panic!("an incident, not {other:?}"),
    }
}

async fn helps(stage: &Stage, incident: IncidentId, contact: ContactId) {
    let by = By::Contact(contact, Means::Page);
    let app = &stage.node.app;
    app.acknowledge(incident, by, None).await.unwrap();
    stage.settle().await;
}

/// The app's alerts: how many.
async fn alerts(stage: &Stage, only_open: bool) -> usize {
    let alerts = AdminRequest::Alerts(AlertsRequest {
        app_id: stage.ana.app_id.to_string(),
        only_open,
        page: PageRequest::default(),
    });
    match stage.node.admin(alerts).await {
        AdminReply::Alerts(page) => page.items.len(),
        other => panic!("alerts, not {other:?}"),
    }
}

on_both_stores!(
    a_message_has_its_times_its_reason_and_its_all_clear,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN, BOB]).await;
        let patch = ProfilePatch {
            name: Some("Ana López".to_owned()),
            phone: Some(OWN.to_owned()),
            ..ProfilePatch::default()
        };
        stage.node.app.update_me(&stage.ana, patch).await.unwrap();
        let invalid = Behaviour::Refuse(400, 21_211);
        stage.first_behaves(&[invalid.clone(), invalid]);
        let incident = stage.cry().await.id;
        stage.pass(15).await;
        let link = token(&stage.taken()[0].text);
        let nobody = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let opened = stage.node.app.open_tracking(&link.to_text(), nobody).await;
        assert!(opened.is_ok(), "{opened:?}");

        let seen = detail(&stage, incident).await;
        assert_eq!(seen.person.name.as_deref(), Some("Ana López"));
        assert_eq!(seen.person.phone.as_deref(), Some(OWN));
        let mut failed = seen.messages.iter().filter(|one| one.state == "failed");
        let failed = failed.next().unwrap();
        assert_eq!(failed.address, ANN);
        assert!(
            failed.reason.is_some() && failed.settled_at.is_some(),
            "{failed:?}"
        );
        assert_eq!(failed.code.as_deref(), Some("21211"));
        let mut sent = seen.messages.iter().filter(|one| one.state == "sent");
        let sent = sent.next().unwrap();
        assert_eq!((sent.address.as_str(), sent.kind.as_str()), (BOB, "alert"));
        assert!(sent.sent_at >= Some(sent.scheduled_at));
        let mut opened = seen.links.iter().filter(|link| link.opened_at.is_some());
        assert_eq!(opened.next().unwrap().contact_id, sent.contact_id);
        assert!(opened.next().is_none());

        stage.node.app.cancel_sos(&stage.ana, b"{}").await.unwrap();
        stage.settle().await;
        let seen = detail(&stage, incident).await;
        let clear = seen.messages.last().unwrap();
        assert_eq!(
            (clear.kind.as_str(), clear.state.as_str()),
            ("cancelled", "sent")
        );
        assert_eq!(clear.address, BOB);
    }
);

on_both_stores!(
    who_fell_silent_is_told_apart_from_who_helps,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN, BOB]).await;
        let incident = stage.cry().await.id;
        stage.pass(15).await;
        let ann = stage.attempts(incident).await[0].attempt.key.contact;
        helps(&stage, incident, ann).await;
        stage.node.pass(29 * 60);
        stage.settle().await;
        assert!(!detail(&stage, incident).await.helpers[0].silent);
        stage.node.pass(60);
        stage.settle().await;
        let seen = detail(&stage, incident).await;
        assert!(seen.helpers[0].silent, "{:?}", seen.helpers);
        assert_eq!(seen.messages.last().unwrap().kind, "asked_again");
        // A sign of life is enough.
        stage.node.pass(1);
        helps(&stage, incident, ann).await;
        assert!(!detail(&stage, incident).await.helpers[0].silent);
    }
);

on_both_stores!(
    what_has_ended_is_not_resolved_in_silence,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.broadcast().await;
        let incident = stage.cry().await.id;
        stage.pass(15).await;
        // Nobody answers: an alert that is open until the SOS ends.
        stage.pass(120).await;
        assert_eq!(
            (alerts(&stage, true).await, alerts(&stage, false).await),
            (1, 1)
        );
        stage.node.app.cancel_sos(&stage.ana, b"{}").await.unwrap();
        assert_eq!(
            (alerts(&stage, true).await, alerts(&stage, false).await),
            (0, 1)
        );
        let resolve = IncidentRequest::Resolve {
            app_id: stage.ana.app_id.to_string(),
            incident_id: incident.to_string(),
            operator: "Ann".to_owned(),
        };
        let answer = stage.node.app.admin(AdminRequest::Incident(resolve)).await;
        let Err(AdminError::Conflict { message }) = answer else {
            panic!("a conflict, not {answer:?}");
        };
        assert!(
            message.contains("had ended already, cancelled at"),
            "{message}"
        );
        let seen = detail(&stage, incident).await;
        assert_eq!(
            (seen.summary.state.as_str(), seen.actions.len()),
            ("cancelled", 0)
        );
    }
);
