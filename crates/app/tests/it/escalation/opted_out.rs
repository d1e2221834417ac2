//! Who has opted out gets no SMS, whatever it says and however long it waited; and a
//! provider that says so of somebody is believed.

use mayday_app::escalation::{By, Means};
use mayday_app::gateway::testing::Behaviour;
use mayday_core::escalation::{AttemptState, Channel, Purpose};
use mayday_core::ids::IncidentId;
use mayday_core::readiness::Blocker;
use mayday_store::testing::TestStore;
use serde_json::json;

use super::callbacks::write;
use super::driver::{Stage, on_both_stores};
use crate::harness::NodeExt as _;

const ANN: &str = "+34600111222";
/// What Twilio says of a receiver who has sent STOP.
const OPTED_OUT: u64 = 21_610;

/// What became of the messages by SMS for this purpose, and why.
async fn ends(
    stage: &Stage,
    incident: IncidentId,
    purpose: Purpose,
) -> Vec<(AttemptState, Option<String>)> {
    let mut rows = stage.attempts(incident).await;
    rows.retain(|row| {
        let key = row.attempt.key;
        (key.channel, key.purpose) == (Channel::Sms, purpose)
    });
    let rows = rows.into_iter();
    rows.map(|row| (row.attempt.state, row.skip_reason))
        .collect()
}

/// How a message to somebody who wants none ends.
fn skipped() -> [(AttemptState, Option<String>); 1] {
    [(AttemptState::Skipped, Some("unreachable".to_owned()))]
}

async fn blocked(stage: &Stage) -> bool {
    let me = stage.node.app.me(&stage.ana).await.unwrap();
    me.readiness.blockers.contains(&Blocker::ContactOptedOut)
}

on_both_stores!(
    who_has_opted_out_is_called_and_readiness_says_so,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        assert!(!blocked(&stage).await);
        stage.first_behaves(&[Behaviour::Refuse(400, OPTED_OUT)]);
        let incident = stage.cry().await;
        stage.pass(15).await;
        let attempts = stage.attempts(incident.id).await;
        let mut sms = attempts.iter();
        let sms = sms.find(|row| row.attempt.key.channel == Channel::Sms);
        let sms = sms.expect("an SMS was tried");
        assert_eq!(sms.code.as_deref(), Some("21610"), "{sms:?}");
        assert_eq!(stage.told(), [("call", ANN.to_owned())], "at once");
        assert!(blocked(&stage).await);
        // The next cry asks nobody who is known to refuse.
        stage.node.app.resolve_sos(&stage.ana).await.unwrap();
        stage.settle().await;
        let (told, asked) = (stage.told().len(), stage.first.requests());
        stage.cry().await;
        stage.pass(15).await;
        assert_eq!(stage.told()[told..], [("call", ANN.to_owned())]);
        assert_eq!(stage.first.requests(), asked + 1, "the call alone");
    }
);

on_both_stores!(
    who_stopped_gets_no_all_clear_by_sms,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.policy(json!({"channels": ["sms"]})).await;
        let incident = stage.cry().await;
        stage.pass(15).await;
        assert_eq!(stage.told(), [("sms", ANN.to_owned())]);
        // Who is listed no more keeps their word.
        let contacts = stage.node.app.contacts(&stage.ana).await.unwrap();
        let ann = contacts.first().unwrap().id;
        let app = &stage.node.app;
        app.remove_contact(&stage.ana, ann).await.unwrap();
        write(&stage, ANN, "STOP").await;
        app.resolve_sos(&stage.ana).await.unwrap();
        stage.pass(70).await;
        assert_eq!(stage.told().len(), 1, "{:?}", stage.taken());
        assert_eq!(
            ends(&stage, incident.id, Purpose::AllClear).await,
            skipped()
        );
        // Of the next incident they are told nothing, and START lifts that.
        stage.contact(&stage.ana, ANN).await;
        stage.cry().await;
        stage.pass(15).await;
        assert_eq!(stage.told().len(), 1);
        write(&stage, ANN, "START").await;
        app.resolve_sos(&stage.ana).await.unwrap();
        stage.cry().await;
        stage.pass(15).await;
        assert_eq!(stage.told().len(), 2);
    }
);

on_both_stores!(
    an_all_clear_that_waits_is_taken_back_by_a_stop,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.policy(json!({"channels": ["sms"]})).await;
        let incident = stage.cry().await;
        stage.pass(15).await;
        stage.node.app.resolve_sos(&stage.ana).await.unwrap();
        stage.plan().await;
        let waits = [(AttemptState::Scheduled, None)];
        assert_eq!(ends(&stage, incident.id, Purpose::AllClear).await, waits);
        write(&stage, ANN, "STOP").await;
        stage.pass(70).await;
        assert_eq!(stage.told().len(), 1, "{:?}", stage.taken());
        assert_eq!(
            ends(&stage, incident.id, Purpose::AllClear).await,
            skipped()
        );
    }
);

on_both_stores!(
    a_cry_that_waits_is_taken_back_by_a_stop_and_they_are_called,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        let incident = stage.cry().await;
        stage.node.pass(15);
        stage.plan().await;
        write(&stage, ANN, "STOP").await;
        stage.settle().await;
        assert_eq!(stage.told(), [("call", ANN.to_owned())], "at once");
        let purpose = Purpose::Alert { repeat: 0 };
        assert_eq!(ends(&stage, incident.id, purpose).await, skipped());
        // Calls go on: the all-clear comes the same way.
        stage.node.app.resolve_sos(&stage.ana).await.unwrap();
        stage.settle().await;
        assert_eq!(stage.told()[1..], [("call", ANN.to_owned())]);
    }
);

on_both_stores!(
    who_was_called_too_hears_the_all_clear_in_a_call,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.cry().await;
        stage.pass(80).await;
        assert_eq!(stage.told().len(), 2, "an SMS and a call");
        write(&stage, ANN, "STOP").await;
        stage.node.app.resolve_sos(&stage.ana).await.unwrap();
        stage.pass(5).await;
        assert_eq!(stage.told()[2..], [("call", ANN.to_owned())]);
    }
);

on_both_stores!(
    a_drill_writes_to_nobody_who_stopped,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.policy(json!({"channels": ["sms"]})).await;
        let drill = stage.node.app.start_drill(&stage.ana).await.unwrap().drill;
        stage.pass(15).await;
        let ann = stage.attempts(drill.incident).await[0].attempt.key.contact;
        write(&stage, ANN, "STOP").await;
        let by = By::Contact(ann, Means::Page);
        let app = &stage.node.app;
        app.acknowledge(drill.incident, by, None).await.unwrap();
        stage.pass(70).await;
        assert_eq!(stage.told().len(), 1, "{:?}", stage.taken());
        assert_eq!(
            ends(&stage, drill.incident, Purpose::AllClear).await,
            skipped()
        );
    }
);
