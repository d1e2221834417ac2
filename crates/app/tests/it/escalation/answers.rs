//! What contacts are told who write to us, whichever way they were asked; and which
//! receipt their answer is on.

use mayday_core::contact::{Contact, ContactDraft};
use mayday_core::escalation::{Channel, Step};
use mayday_core::ids::IncidentId;
use mayday_core::sos::State;
use mayday_store::testing::TestStore;
use serde_json::json;

use super::callbacks::{means, press, state, write};
use super::driver::{Stage, on_both_stores};
use crate::accounts::{Accounts as _, DURESS};
use crate::harness::NodeExt as _;

const ANN: &str = "+34600111222";
const BOB: &str = "+34600333444";
const NEW: &str = "+34600777888";

/// How far the receipts got, by channel.
async fn receipts(stage: &Stage) -> Vec<(Channel, Step)> {
    let open = stage.node.open(&stage.ana).await.unwrap();
    let ladder = stage.node.app.receipts(&open).await.unwrap();
    let receipts = ladder.receipts().iter();
    receipts
        .map(|one| {
            let said = one.acknowledged_at.is_some();
            assert_eq!(said, one.step == Step::Acknowledged, "{one:?}");
            (one.channel, one.step)
        })
        .collect()
}

async fn is_active(stage: &Stage, id: IncidentId) -> bool {
    state(stage, id).await == State::Active
}

/// Ana lists this contact with another number or language.
async fn correct(stage: &Stage, contact: Contact, phone: &str, language: &str) {
    let draft = ContactDraft {
        name: Some(contact.name),
        phone: Some(phone.to_owned()),
        email: Some(contact.email),
        priority: None,
        language: Some(language.to_owned()),
    };
    let app = &stage.node.app;
    app.replace_contact(&stage.ana, contact.id, draft)
        .await
        .unwrap();
}

async fn listed(stage: &Stage, place: usize) -> Contact {
    let contacts = stage.node.app.contacts(&stage.ana).await.unwrap();
    contacts[place].clone()
}

on_both_stores!(
    an_ok_of_one_who_was_called_is_about_the_call,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.policy(json!({"channels": ["voice"]})).await;
        let incident = stage.cry().await;
        stage.pass(15).await;
        for text in ["OK", "I am coming"] {
            let told = write(&stage, ANN, text).await;
            assert!(told.contains("Press 4 when we call"), "{told}");
        }
        assert!(is_active(&stage, incident.id).await);
        stage
            .policy(json!({"channels": ["voice"], "trust_caller_id": true}))
            .await;
        let thanks = write(&stage, ANN, "OK").await;
        assert!(thanks.contains("in their app.<"), "no link: {thanks}");
        assert_eq!(means(&stage, incident.id).await, ["sms"]);
        let said = [(Channel::Voice, Step::Acknowledged)];
        assert_eq!(receipts(&stage).await, said);
    }
);

on_both_stores!(
    who_was_not_asked_yet_is_not_told_that_nobody_needs_help,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN, BOB]).await;
        stage.policy(json!({"trust_caller_id": true})).await;
        let nothing = write(&stage, ANN, "OK").await;
        assert!(nothing.contains("Nobody who named you"), "{nothing}");
        let incident = stage.cry().await;
        let early = write(&stage, ANN, "OK").await;
        assert!(early.contains("have not asked you"), "{early}");
        stage.pass(15).await;
        assert_eq!(stage.told(), [("sms", ANN.to_owned())]);
        let waiting = write(&stage, BOB, "OK").await;
        assert!(waiting.contains("have not asked you"), "{waiting}");
        // Nobody asked for an answer.
        let words = write(&stage, BOB, "What is going on?").await;
        assert!(!words.contains("<Message>"), "{words}");
        assert!(is_active(&stage, incident.id).await);
        stage.node.app.resolve_sos(&stage.ana).await.unwrap();
        let over = write(&stage, BOB, "OK").await;
        assert!(over.contains("Nobody who named you"), "{over}");
    }
);

on_both_stores!(
    an_ok_counts_for_who_lists_the_number_still,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.policy(json!({"trust_caller_id": true})).await;
        let first = stage.cry().await;
        stage.pass(15).await;
        let ben = stage.node.caller("ben").await;
        let contact = stage.contact(&ben, ANN).await;
        let second = stage.cry_of(&ben).await;
        stage.pass(15).await;
        let app = &stage.node.app;
        app.remove_contact(&ben, contact.id).await.unwrap();
        let thanks = write(&stage, ANN, "OK").await;
        assert!(thanks.contains("Thank you"), "{thanks}");
        assert_eq!(state(&stage, first.id).await, State::Acknowledged);
        assert!(is_active(&stage, second.id).await);
    }
);

on_both_stores!(
    an_old_number_stops_nothing_and_is_told_so,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.policy(json!({"trust_caller_id": true})).await;
        let incident = stage.cry().await;
        stage.pass(15).await;
        correct(&stage, listed(&stage, 0).await, NEW, "en").await;
        let old = write(&stage, ANN, "OK").await;
        assert!(old.contains("no longer listed"), "{old}");
        let unasked = write(&stage, NEW, "OK").await;
        assert!(unasked.contains("have not asked you"), "{unasked}");
        assert!(is_active(&stage, incident.id).await);
        stage.settle().await;
        let thanks = write(&stage, NEW, "OK").await;
        assert!(thanks.contains("Thank you"), "{thanks}");
        assert!(!is_active(&stage, incident.id).await);
    }
);

on_both_stores!(who_is_listed_again_is_listed, async |store: TestStore| {
    let stage = Stage::on(store, &[ANN]).await;
    stage.policy(json!({"trust_caller_id": true})).await;
    let incident = stage.cry().await;
    stage.pass(15).await;
    let (ann, app) = (listed(&stage, 0).await, &stage.node.app);
    app.remove_contact(&stage.ana, ann.id).await.unwrap();
    stage.contact(&stage.ana, ANN).await;
    let unasked = write(&stage, ANN, "OK").await;
    assert!(unasked.contains("have not asked you"), "{unasked}");
    assert!(is_active(&stage, incident.id).await);
    stage.node.pass(1);
    stage.settle().await;
    let thanks = write(&stage, ANN, "OK").await;
    assert!(thanks.contains("Thank you"), "{thanks}");
});

on_both_stores!(
    an_answer_is_in_the_language_of_who_asks,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN, BOB]).await;
        correct(&stage, listed(&stage, 1).await, BOB, "es").await;
        let stopped = write(&stage, BOB, "STOP").await;
        assert!(stopped.contains("Ya no recibe mensajes"), "{stopped}");
        stage.cry().await;
        stage.pass(15).await;
        let unasked = write(&stage, BOB, "OK").await;
        assert!(unasked.contains("No le hemos pedido ayuda"), "{unasked}");
        // A stranger's word is all that is known of them.
        let german = write(&stage, NEW, "Hilfe").await;
        assert!(german.contains("Notfallkontakt"), "{german}");
        let spanish = write(&stage, NEW, "Vale").await;
        assert!(spanish.contains("no necesita ayuda nadie"), "{spanish}");
    }
);

on_both_stores!(
    whom_the_hidden_incident_does_not_ask_hears_of_none,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN, BOB]).await;
        let partner = stage.node.partner(1).await;
        stage.node.with_pin(&partner, "ana").await;
        stage.policy(json!({"trust_caller_id": true})).await;
        stage.cry().await;
        stage.pass(15).await;
        let body = json!({"signature": DURESS}).to_string();
        let app = &stage.node.app;
        app.cancel_sos(&stage.ana, body.as_bytes()).await.unwrap();
        // Whoever forces her lists a number of theirs, beside and in place of another.
        stage.contact(&stage.ana, NEW).await;
        correct(&stage, listed(&stage, 1).await, "+34600999000", "en").await;
        stage.pass(200).await;
        for phone in [NEW, "+34600999000"] {
            let told = write(&stage, phone, "OK").await;
            assert!(told.contains("Nobody who named you"), "{told}");
        }
        // Whom it is for, and nothing of her phone, which is told nothing.
        let thanks = write(&stage, ANN, "OK").await;
        assert!(
            thanks.contains("noted as helping ana. The link"),
            "{thanks}"
        );
    }
);

on_both_stores!(
    a_digit_answers_the_call_and_a_word_the_message,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.policy(json!({"trust_caller_id": true})).await;
        stage.cry().await;
        stage.pass(80).await;
        let calls = stage.first.log();
        let call = calls.iter().find(|one| one.kind == "Calls").unwrap();
        press(&stage, &call.sid, ANN, "4").await;
        let of = |sms, voice| [(Channel::Sms, sms), (Channel::Voice, voice)];
        let expected = of(Step::Accepted, Step::Acknowledged);
        assert_eq!(receipts(&stage).await, expected);
        stage.node.app.resolve_sos(&stage.ana).await.unwrap();
        stage.pass(60).await;

        stage.cry().await;
        stage.pass(80).await;
        write(&stage, ANN, "OK").await;
        let expected = of(Step::Acknowledged, Step::Accepted);
        assert_eq!(receipts(&stage).await, expected);
    }
);
