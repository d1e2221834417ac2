//! Providers that refuse, hesitate, or fall silent.

use mayday_app::gateway::testing::Behaviour;
use mayday_core::escalation::{AttemptState, Channel};
use mayday_store::escalation::AttemptRow;
use mayday_store::testing::TestStore;

use serde_json::json;

use super::driver::{Stage, on_both_stores};
use crate::harness::NodeExt as _;

const ANN: &str = "+34600111222";
const BOB: &str = "+34600333444";

fn sms_to(phone: &str) -> (&'static str, String) {
    ("sms", phone.to_owned())
}

on_both_stores!(
    a_provider_that_took_it_in_silence_is_asked_and_nothing_is_sent_twice,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.first_behaves(&[Behaviour::AcceptInSilence]);
        let incident = stage.cry().await;
        stage.pass(20).await;
        assert_eq!(stage.told(), [("sms", ANN.to_owned())]);
        let rows = stage.attempts(incident.id).await;
        let of_sms = |row: &&AttemptRow| row.attempt.key.channel == Channel::Sms;
        let row = rows.iter().find(of_sms).unwrap();
        assert_eq!(row.attempt.state, AttemptState::Sent);
        assert_eq!(row.provider_id, Some(stage.first.log()[0].sid.clone()));
    }
);

on_both_stores!(
    a_provider_that_did_not_take_it_is_asked_and_another_sends,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.first_behaves(&[Behaviour::Silence]);
        stage.cry().await;
        stage.pass(20).await;
        assert_eq!(stage.told(), [("sms", ANN.to_owned())]);
        assert!(stage.first.log().is_empty());
        assert_eq!(stage.second.log().len(), 1);
    }
);

on_both_stores!(
    whoever_refuses_makes_room_for_the_next_provider_at_once,
    async |store: TestStore| {
        let refusals = [
            Behaviour::TooMany(30),
            Behaviour::Refuse(401, 20_003),
            Behaviour::Crash,
        ];
        let stage = Stage::on(store, &[ANN]).await;
        for (number, refusal) in refusals.into_iter().enumerate() {
            let caller = stage.node.caller(&format!("user-{number}")).await;
            let phone = format!("+3461000000{number}");
            stage.contact(&caller, &phone).await;
            stage.first_behaves(std::slice::from_ref(&refusal));
            stage.cry_of(&caller).await;
            stage.pass(20).await;
            let told = stage.told_to(&[phone]);
            assert_eq!(told.len(), 1, "{refusal:?}");
        }
        assert_eq!(stage.second.log().len(), 3);
    }
);

on_both_stores!(
    a_number_that_nobody_can_reach_is_passed_over_at_once,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN, BOB]).await;
        let invalid = Behaviour::Refuse(400, 21_211);
        stage.first_behaves(&[invalid.clone(), invalid]);
        let incident = stage.cry().await;
        stage.pass(15).await;
        assert_eq!(stage.told(), [("sms", BOB.to_owned())]);
        let rows = stage.attempts(incident.id).await;
        let of = |channel: Channel, phone: &str| -> Vec<AttemptState> {
            let own = rows
                .iter()
                .filter(|row| (row.attempt.key.channel, row.address.as_str()) == (channel, phone));
            own.map(|row| row.attempt.state).collect()
        };
        assert_eq!(of(Channel::Sms, ANN), [AttemptState::Failed]);
        assert_eq!(of(Channel::Voice, ANN), [AttemptState::Failed]);
        assert_eq!(of(Channel::Sms, BOB), [AttemptState::Sent]);
        assert!(of(Channel::Voice, BOB).is_empty());
        // There is no mail server, and that is on record.
        let mails = of(Channel::Email, "contact@example.org");
        assert_eq!(mails, [AttemptState::Skipped; 2]);
    }
);

on_both_stores!(
    one_provider_that_wants_rest_silences_no_other,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.broadcast().await;
        stage.first_behaves(&[Behaviour::TooMany(3_600)]);
        stage.second.behave([Behaviour::TooMany(2)]);
        stage.cry().await;
        stage.pass(15 + 3).await;
        assert_eq!(stage.told(), [sms_to(ANN)]);
    }
);

on_both_stores!(
    nobody_waits_an_hour_because_all_providers_say_so,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.broadcast().await;
        stage.first_behaves(&[Behaviour::TooMany(3_600)]);
        stage.second.behave([Behaviour::TooMany(3_600)]);
        stage.cry().await;
        stage.pass(15 + 61).await;
        assert_eq!(stage.told(), [sms_to(ANN)]);
    }
);

on_both_stores!(
    a_refusal_before_a_silence_costs_nobody_their_message,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.broadcast().await;
        stage.first_behaves(&[Behaviour::TooMany(1), Behaviour::Silence]);
        stage.second.behave([Behaviour::TooMany(1)]);
        stage.first.fail_look_ups(true);
        let incident = stage.cry().await;
        stage.pass(15 + 40).await;
        assert_eq!(stage.told(), [sms_to(ANN)]);
        let row = &stage.attempts(incident.id).await[0];
        assert_eq!((row.tries, row.doubts), (4, 1));
    }
);

on_both_stores!(
    a_call_that_was_never_made_is_not_taken_for_that_of_another_incident,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.policy(json!({"channels": ["voice"]})).await;
        let bea = stage.node.caller("bea").await;
        stage.contact(&bea, ANN).await;
        stage.first_behaves(&[Behaviour::Accept, Behaviour::Silence]);
        stage.cry().await;
        stage.cry_of(&bea).await;
        stage.pass(15 + 10).await;
        assert_eq!(
            stage.told(),
            [("call", ANN.to_owned()), ("call", ANN.to_owned())]
        );
        assert_eq!(stage.second.log().len(), 1);
    }
);

on_both_stores!(
    providers_that_get_nothing_for_a_while_cost_nobody_their_message,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.broadcast().await;
        let silence = || std::iter::repeat_n(Behaviour::Silence, 2);
        stage.first.behave(silence());
        stage.second.behave(silence());
        let incident = stage.cry().await;
        // Tried at 0, 2, 4, 34 and 64 s.
        stage.pass(15 + 60).await;
        assert_eq!(stage.told(), []);
        stage.pass(10).await;
        assert_eq!(stage.told(), [sms_to(ANN)]);
        let row = &stage.attempts(incident.id).await[0];
        assert_eq!((row.tries, row.absences, row.doubts), (5, 4, 0));
    }
);

on_both_stores!(
    what_waited_for_a_server_that_was_down_is_tried_in_full,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.broadcast().await;
        stage.cry().await;
        stage.node.pass(15);
        stage.plan().await;
        stage.node.pass(11 * 60);
        stage.first_behaves(&[Behaviour::TooMany(1)]);
        stage.second.behave([Behaviour::TooMany(1)]);
        stage.settle().await;
        stage.pass(5).await;
        assert_eq!(stage.told(), [sms_to(ANN)]);
    }
);
