//! Whose link it is no more: of a contact who was removed or has another address.

use std::net::{IpAddr, Ipv4Addr};

use mayday_app::AppError;
use mayday_app::gateway::testing::Behaviour;
use mayday_core::contact::ContactDraft;
use mayday_core::sos::State;
use mayday_core::tracking::TrackingAnswer;
use mayday_store::testing::TestStore;
use serde_json::json;

use super::driver::{Stage, on_both_stores};
use super::story::token;
use crate::harness::NodeExt as _;

const ANN: &str = "+34600111222";
const BOB: &str = "+34600333444";
const NEW: &str = "+34600555666";
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The link in the last message so far.
fn last_link(stage: &Stage) -> String {
    token(&stage.taken().last().unwrap().text).to_text()
}

async fn works(stage: &Stage, link: &str) -> bool {
    match stage.node.app.tracking(link, PEER).await {
        Ok(_) => true,
        Err(AppError::NotFound { .. }) => false,
        Err(other) => panic!("{other:?}"),
    }
}

/// The first contact gets another number or mail address.
async fn correct(stage: &Stage, phone: Option<&str>, email: Option<&str>) {
    let contact = stage.node.app.contacts(&stage.ana).await.unwrap().remove(0);
    let draft = ContactDraft {
        name: Some(contact.name),
        phone: Some(phone.unwrap_or(&contact.phone).to_owned()),
        email: Some(email.unwrap_or(&contact.email).to_owned()),
        priority: None,
        language: Some(contact.language),
    };
    let app = &stage.node.app;
    app.replace_contact(&stage.ana, contact.id, draft)
        .await
        .unwrap();
}

async fn remove_first(stage: &Stage) {
    let contact = stage.node.app.contacts(&stage.ana).await.unwrap().remove(0);
    let app = &stage.node.app;
    app.remove_contact(&stage.ana, contact.id).await.unwrap();
}

on_both_stores!(
    who_is_removed_sees_and_answers_nothing_any_more,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN, BOB]).await;
        stage.cry().await;
        stage.pass(15).await;
        let link = last_link(&stage);
        assert!(works(&stage, &link).await);
        remove_first(&stage).await;
        assert!(!works(&stage, &link).await);
        let app = &stage.node.app;
        let answer = TrackingAnswer::Helping;
        let refused = app.answer_tracking(&link, PEER, answer, None).await;
        assert!(
            matches!(refused, Err(AppError::NotFound { .. })),
            "{refused:?}"
        );
        let open = stage.node.open(&stage.ana).await.unwrap();
        assert_eq!(open.state, State::Active, "the escalation goes on");
        stage.settle().await;
        assert_eq!(stage.told()[1..], [("sms", BOB.to_owned())]);
        assert!(works(&stage, &last_link(&stage)).await);
    }
);

on_both_stores!(
    a_corrected_contact_gets_another_link_with_the_next_message,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.broadcast().await;
        stage.cry().await;
        stage.pass(15).await;
        let old = last_link(&stage);
        correct(&stage, Some(NEW), None).await;
        assert!(!works(&stage, &old).await);
        stage.settle().await;
        assert_eq!(stage.told()[1..], [("sms", NEW.to_owned())]);
        let new = last_link(&stage);
        assert!(new != old && works(&stage, &new).await);
        // No message went to the mail address, so that no link is there.
        correct(&stage, None, Some("other@example.org")).await;
        assert!(works(&stage, &new).await);
        stage.node.app.resolve_sos(&stage.ana).await.unwrap();
        stage.settle().await;
        let mut cleared: Vec<_> = stage.told()[2..]
            .iter()
            .map(|told| told.1.clone())
            .collect();
        cleared.sort();
        assert_eq!(cleared, [ANN, NEW]);
    }
);

on_both_stores!(
    a_message_whose_link_was_revoked_is_recognised_and_not_sent_twice,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.broadcast().await;
        stage.first_behaves(&[Behaviour::AcceptInSilence]);
        stage.cry().await;
        stage.node.pass(15);
        stage.settle().await;
        assert_eq!(stage.taken().len(), 1, "and nobody knows of it yet");
        correct(&stage, Some(NEW), None).await;
        stage.pass(20).await;
        let told: Vec<_> = stage.told().into_iter().map(|told| told.1).collect();
        assert_eq!(told, [ANN, NEW]);
    }
);

on_both_stores!(
    an_all_clear_to_an_address_of_before_holds_no_link_that_works,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        let words = json!({"sms_resolved": "{name} is safe: {link}"});
        let policy = json!({
            "mode": "broadcast",
            "channels": ["sms"],
            "templates": {"en": words},
        });
        stage.policy(policy).await;
        stage.cry().await;
        stage.pass(15).await;
        correct(&stage, Some(NEW), None).await;
        stage.settle().await;
        stage.node.app.resolve_sos(&stage.ana).await.unwrap();
        stage.settle().await;
        let taken = stage.taken();
        assert_eq!(taken.len(), 4, "{taken:?}");
        for cleared in &taken[2..] {
            assert!(cleared.text.contains("is safe"), "{cleared:?}");
            let link = token(&cleared.text).to_text();
            assert_eq!(works(&stage, &link).await, cleared.to == NEW, "{cleared:?}");
        }
    }
);
