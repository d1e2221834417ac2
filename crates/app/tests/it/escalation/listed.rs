//! The contacts change while an incident runs.

use mayday_app::gateway::testing::Behaviour;
use mayday_app::jobs::Claiming;
use mayday_core::contact::{Contact, ContactDraft};
use mayday_core::ids::RecordId;
use mayday_store::erasures::{BeginErasure, Begun, EraseStep, Progress, Requester, Subject};
use mayday_store::opt_outs::SetOptOut;
use mayday_store::testing::TestStore;
use mayday_store::{Lane, incidents};

use super::driver::{Stage, on_both_stores};
use crate::harness::NodeExt as _;

const ANN: &str = "+34600111222";
const BOB: &str = "+34600333444";
const NEW: &str = "+34600555666";

fn sms_to(phone: &str) -> (&'static str, String) {
    ("sms", phone.to_owned())
}

async fn first_contact(stage: &Stage) -> Contact {
    let contacts = stage.node.app.contacts(&stage.ana).await.unwrap();
    contacts.into_iter().next().unwrap()
}

/// The first contact gets another number.
async fn correct(stage: &Stage, phone: &str) {
    let contact = first_contact(stage).await;
    let draft = ContactDraft {
        name: Some(contact.name),
        phone: Some(phone.to_owned()),
        email: Some(contact.email),
        priority: None,
        language: Some(contact.language),
    };
    let app = &stage.node.app;
    app.replace_contact(&stage.ana, contact.id, draft)
        .await
        .unwrap();
}

on_both_stores!(
    a_contact_who_is_added_is_asked_at_once,
    async |store: TestStore| {
        let stage = Stage::on(store, &[]).await;
        stage.broadcast().await;
        stage.cry().await;
        stage.pass(60).await;
        assert!(stage.told().is_empty());
        stage.contact(&stage.ana, ANN).await;
        stage.settle().await;
        assert_eq!(stage.told(), [sms_to(ANN)]);
    }
);

on_both_stores!(
    a_corrected_number_is_asked_at_once_and_the_wrong_one_hears_nothing,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.broadcast().await;
        stage.first_behaves(&[Behaviour::Refuse(400, 21_211)]);
        stage.cry().await;
        stage.pass(16).await;
        assert!(stage.told().is_empty());
        correct(&stage, NEW).await;
        stage.settle().await;
        assert_eq!(stage.told(), [sms_to(NEW)]);
        stage.node.app.cancel_sos(&stage.ana, b"{}").await.unwrap();
        stage.pass(120).await;
        assert_eq!(stage.told(), [sms_to(NEW), sms_to(NEW)]);
    }
);

on_both_stores!(
    whoever_was_told_at_an_old_number_hears_the_all_clear_there,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.broadcast().await;
        stage.cry().await;
        stage.pass(15).await;
        correct(&stage, NEW).await;
        stage.settle().await;
        assert_eq!(stage.told(), [sms_to(ANN), sms_to(NEW)]);
        // Nor does it matter when it was corrected.
        correct(&stage, BOB).await;
        stage.node.app.resolve_sos(&stage.ana).await.unwrap();
        stage.settle().await;
        let mut cleared = stage.told().split_off(2);
        cleared.sort();
        assert_eq!(cleared, [sms_to(ANN), sms_to(NEW)]);
    }
);

on_both_stores!(
    another_order_and_a_removal_count_at_once,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN, BOB, NEW]).await;
        stage.cry().await;
        stage.pass(15).await;
        assert_eq!(stage.told(), [sms_to(ANN)]);
        let app = &stage.node.app;
        let contacts = app.contacts(&stage.ana).await.unwrap();
        let order = [1, 0, 2].map(|at| contacts[at].id);
        app.reorder_contacts(&stage.ana, order.to_vec())
            .await
            .unwrap();
        stage.settle().await;
        assert_eq!(
            stage.told()[1..],
            [sms_to(BOB)],
            "its place has been passed"
        );
        for contact in &contacts[..2] {
            app.remove_contact(&stage.ana, contact.id).await.unwrap();
        }
        stage.settle().await;
        assert_eq!(stage.told()[2..], [sms_to(NEW)]);
    }
);

on_both_stores!(
    a_phone_that_wants_no_more_messages_has_the_plan_looked_at,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.cry().await;
        stage.pass(16).await;
        let looks = async || {
            stage
                .node
                .app
                .claim_jobs(&["escalate"], Claiming::up_to(10))
                .await
        };
        assert!(looks().await.unwrap().is_empty());
        let word = SetOptOut {
            phone: ANN.to_owned(),
            provider: "provider-0".to_owned(),
            number: "+15005550006".to_owned(),
            message_id: "SM1".to_owned(),
            stop: true,
        };
        assert!(stage.node.store.write(Lane::Rest, word).await.unwrap());
        assert_eq!(looks().await.unwrap().len(), 1);
    }
);

on_both_stores!(
    the_all_clear_comes_after_its_cry,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.broadcast().await;
        stage.first_behaves(&[Behaviour::AcceptInSilence]);
        stage.cry().await;
        stage.node.pass(15);
        stage.settle().await;
        stage.node.app.cancel_sos(&stage.ana, b"{}").await.unwrap();
        stage.settle().await;
        assert_eq!(
            stage.told(),
            [sms_to(ANN)],
            "nobody knows yet whether it went out"
        );
        stage.pass(5).await;
        let taken = stage.taken();
        assert_eq!(taken.len(), 2);
        assert!(taken[1].text.contains("cancelled the SOS"), "{taken:?}");
    }
);

on_both_stores!(
    what_the_app_was_shown_last_stays_as_it_was,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        let incident = stage.cry().await;
        stage.pass(15).await;
        stage.node.app.cancel_sos(&stage.ana, b"{}").await.unwrap();
        let shown = async || {
            let mut tx = stage.node.store.read().await.unwrap();
            incidents::get(&mut tx, incident.id).await.unwrap().unwrap()
        };
        let at_the_end = shown().await;
        stage.pass(30).await;
        assert_eq!(stage.told().len(), 2, "the all-clear moved");
        assert_eq!(shown().await, at_the_end);
    }
);

on_both_stores!(
    what_was_on_its_way_at_the_end_stands_in_the_history_as_it_went,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.broadcast().await;
        stage.first_behaves(&[Behaviour::AcceptInSilence]);
        let incident = stage.cry().await;
        stage.node.pass(15);
        stage.settle().await;
        stage.node.app.cancel_sos(&stage.ana, b"{}").await.unwrap();
        let shown = async || {
            let mut tx = stage.node.store.read().await.unwrap();
            let incident = incidents::get(&mut tx, incident.id).await.unwrap().unwrap();
            let status = incident.actuators.items[0]["contacts"][0]["status"].clone();
            (status, incident.snapshot_version)
        };
        let (status, at_the_end) = shown().await;
        assert_eq!(status, "scheduled");
        // Who is listed later has no part in it.
        stage.contact(&stage.ana, BOB).await;
        stage.pass(5).await;
        assert_eq!(stage.told().len(), 2, "the all-clear followed");
        assert_eq!(shown().await, ("sent".into(), at_the_end + 1));
        let events = stage.node.events(&stage.ana).await;
        let last = events.last().unwrap();
        assert_eq!(
            (last.kind.as_str(), last.snapshot_version),
            ("cancelled", at_the_end)
        );
    }
);

on_both_stores!(
    an_erasure_waits_until_those_who_were_told_know_that_it_is_over,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.broadcast().await;
        stage.cry().await;
        stage.pass(15).await;
        stage.node.app.cancel_sos(&stage.ana, b"{}").await.unwrap();
        let store = &stage.node.store;
        let erasure = RecordId::generate(store.clock.as_ref(), store.entropy.as_ref());
        let begin = BeginErasure {
            id: erasure,
            app_id: stage.ana.app_id.clone(),
            subject: Subject::User(stage.ana.user),
            requested_by: Requester::User,
        };
        let answer = store.write(Lane::Rest, begin).await.unwrap();
        assert_eq!(answer, Begun::Erasing(erasure));
        let step = async || {
            let step = EraseStep { erasure };
            store.write(Lane::Rest, step).await.unwrap()
        };
        assert_eq!(step().await, Progress::OpenIncident);
        stage.plan().await;
        assert_eq!(step().await, Progress::OpenIncident);
        stage.settle().await;
        let taken = stage.taken();
        assert!(taken[1].text.contains("ana cancelled the SOS"), "{taken:?}");
        assert_eq!(step().await, Progress::More);
    }
);
