//! What providers post to us: signed, late, twice, in any order, or forged.

use std::sync::atomic::{AtomicU32, Ordering};

use mayday_app::gateway::testing::{Behaviour, TwilioSimulator};
use mayday_app::testing::senders::PUBLIC_URL;
use mayday_app::{AppError, ProviderReport, ReportKind};
use mayday_core::escalation::AttemptState;
use mayday_core::ids::IncidentId;
use mayday_core::sos::State;
use mayday_store::escalation::acknowledge;
use mayday_store::testing::TestStore;
use mayday_store::{incidents, opt_outs};
use serde_json::json;

use super::driver::{Stage, on_both_stores};
use crate::harness::NodeExt as _;

const ANN: &str = "+34600111222";
const BOB: &str = "+34600333444";
const OURS: &str = "+15005550006";

/// Posts a form as the provider does: signed for the address that it was given.
async fn post(
    stage: &Stage,
    kind: ReportKind,
    path: &str,
    form: &[(&str, &str)],
) -> Result<String, AppError> {
    let path = format!("/v1/public/providers/provider-0/{path}");
    let (body, signature) = TwilioSimulator::signed(&format!("{PUBLIC_URL}{path}"), form);
    let report = ProviderReport {
        provider: "provider-0",
        kind,
        path_and_query: &path,
        signature: &signature,
        body: body.as_bytes(),
    };
    stage.node.app.provider_report(report).await
}

async fn message(stage: &Stage, sid: &str, status: &str) {
    let form = [("MessageSid", sid), ("MessageStatus", status)];
    let answer = post(stage, ReportKind::Message, "message-status", &form).await;
    assert!(answer.unwrap().ends_with("<Response></Response>"));
}

pub(super) async fn write(stage: &Stage, from: &str, text: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let sid = format!("SM-in-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    write_as(stage, &sid, from, text).await
}

pub(super) async fn write_as(stage: &Stage, sid: &str, from: &str, text: &str) -> String {
    let form = [
        ("MessageSid", sid),
        ("From", from),
        ("To", OURS),
        ("Body", text),
    ];
    post(stage, ReportKind::Inbound, "inbound-sms", &form)
        .await
        .unwrap()
}

pub(super) async fn press(stage: &Stage, sid: &str, to: &str, digit: &str) -> String {
    let form = [("CallSid", sid), ("To", to), ("Digits", digit)];
    post(stage, ReportKind::Digits, "call-digits", &form)
        .await
        .unwrap()
}

pub(super) async fn state(stage: &Stage, id: IncidentId) -> State {
    let mut tx = stage.node.store.read().await.unwrap();
    incidents::get(&mut tx, id).await.unwrap().unwrap().state
}

/// How each acknowledgement was said.
pub(super) async fn means(stage: &Stage, id: IncidentId) -> Vec<String> {
    let mut tx = stage.node.store.read().await.unwrap();
    let rows = acknowledge::of_incident(&mut tx, id).await.unwrap();
    rows.into_iter().map(|row| row.means).collect()
}

on_both_stores!(
    states_of_a_message_arrive_twice_and_reversed_and_end_the_same,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        let incident = stage.cry().await;
        stage.pass(15).await;
        let sid = stage.first.log()[0].sid.clone();
        for status in [
            "delivered",
            "delivered",
            "sent",
            "queued",
            "read",
            "unheard-of",
        ] {
            message(&stage, &sid, status).await;
        }
        let states = stage.states(incident.id).await;
        assert!(
            states.contains(&("sms", AttemptState::Delivered)),
            "{states:?}"
        );
    }
);

on_both_stores!(four_in_a_call_acknowledges, async |store: TestStore| {
    let stage = Stage::on(store, &[ANN]).await;
    let incident = stage.cry().await;
    stage.pass(80).await;
    let call = stage
        .first
        .log()
        .into_iter()
        .find(|one| one.kind == "Calls")
        .unwrap();
    // The address that the call was given is the one that is answered at.
    assert!(
        call.get("Twiml")
            .unwrap()
            .contains("/provider-0/call-digits")
    );
    let again = press(&stage, &call.sid, ANN, "7").await;
    assert!(
        again.contains("<Gather") && again.contains("Press 4"),
        "{again}"
    );
    assert_eq!(state(&stage, incident.id).await, State::Active);
    for _ in 0..2 {
        let thanks = press(&stage, &call.sid, ANN, "4").await;
        assert!(
            thanks.contains("noted as helping ana. They can see it")
                && thanks.contains("<Hangup/>"),
            "{thanks}"
        );
    }
    assert_eq!(state(&stage, incident.id).await, State::Acknowledged);
    assert_eq!(means(&stage, incident.id).await, ["call"]);
    stage.node.app.resolve_sos(&stage.ana).await.unwrap();
    let over = press(&stage, &call.sid, ANN, "4").await;
    assert!(over.contains("It is over"), "{over}");
});

on_both_stores!(
    a_digit_counts_though_the_answer_to_the_call_was_lost,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.policy(json!({"channels": ["voice"]})).await;
        stage.first_behaves(&[Behaviour::AcceptInSilence]);
        let incident = stage.cry().await;
        stage.node.pass(15);
        stage.settle().await;
        // Nobody knows its id yet: the number tells which call it is.
        let sid = stage.first.log()[0].sid.clone();
        let nobody = press(&stage, &sid, "+34999999999", "4").await;
        assert!(nobody.contains("It is over"), "{nobody}");
        let thanks = press(&stage, &sid, ANN, "4").await;
        assert!(thanks.contains("Thank you"), "{thanks}");
        assert_eq!(means(&stage, incident.id).await, ["call"]);
    }
);

on_both_stores!(
    a_digit_in_a_call_that_is_none_of_ours_counts_for_none_of_ours,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        let incident = stage.cry().await;
        stage.pass(80).await;
        assert_eq!(stage.told()[1], ("call", ANN.to_owned()));
        let strange = press(&stage, "CA-strange", ANN, "4").await;
        assert!(strange.contains("It is over"), "{strange}");
        assert_eq!(state(&stage, incident.id).await, State::Active);
    }
);

on_both_stores!(
    the_word_of_somebody_who_was_taken_from_the_list_stops_nothing,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.policy(json!({"trust_caller_id": true})).await;
        let incident = stage.cry().await;
        stage.pass(80).await;
        let calls = stage.first.log();
        let call = calls.iter().find(|one| one.kind == "Calls").unwrap();
        let contacts = stage.node.app.contacts(&stage.ana).await.unwrap();
        let ann = contacts.first().unwrap().id;
        stage
            .node
            .app
            .remove_contact(&stage.ana, ann)
            .await
            .unwrap();
        let pressed = press(&stage, &call.sid, ANN, "4").await;
        assert!(pressed.contains("no longer listed"), "{pressed}");
        let told = write_as(&stage, "SM-removed", ANN, "OK").await;
        assert!(told.contains("no longer listed"), "{told}");
        assert_eq!(state(&stage, incident.id).await, State::Active);
    }
);

on_both_stores!(
    an_ok_that_is_posted_again_says_nothing_about_a_later_incident,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.policy(json!({"trust_caller_id": true})).await;
        let first = stage.cry().await;
        stage.pass(15).await;
        for _ in 0..2 {
            let thanks = write_as(&stage, "SM-ok", ANN, "OK").await;
            assert!(thanks.contains("noted as helping ana. They"), "{thanks}");
        }
        assert_eq!(means(&stage, first.id).await, ["sms"]);
        stage.node.app.resolve_sos(&stage.ana).await.unwrap();
        stage.pass(60).await;
        let second = stage.cry().await;
        stage.pass(15).await;
        let thanks = write_as(&stage, "SM-ok", ANN, "OK").await;
        assert!(thanks.contains("noted as helping ana."), "{thanks}");
        assert_eq!(state(&stage, second.id).await, State::Active);
        write_as(&stage, "SM-new", ANN, "OK").await;
        assert_eq!(state(&stage, second.id).await, State::Acknowledged);
    }
);

on_both_stores!(
    a_machine_that_answers_is_told_apart,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN, BOB]).await;
        stage.cry().await;
        stage.pass(80).await;
        let call = stage
            .first
            .log()
            .into_iter()
            .find(|one| one.kind == "Calls")
            .unwrap();
        let asked = stage.told().len();
        let form = [
            ("CallSid", call.sid.as_str()),
            ("AnsweredBy", "machine_start"),
        ];
        post(&stage, ReportKind::Call, "call-status", &form)
            .await
            .unwrap();
        stage.settle().await;
        assert_eq!(stage.told()[asked..], [("sms", BOB.to_owned())]);
    }
);

on_both_stores!(
    ok_counts_only_where_numbers_are_trusted,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        let incident = stage.cry().await;
        stage.pass(15).await;
        let told = write(&stage, ANN, "Ok!").await;
        assert!(told.contains("open the link"), "{told}");
        assert_eq!(state(&stage, incident.id).await, State::Active);
        stage.policy(json!({"trust_caller_id": true})).await;
        let stranger = write(&stage, BOB, "OK").await;
        assert!(stranger.contains("<Message>"), "{stranger}");
        assert_eq!(state(&stage, incident.id).await, State::Active);
        for _ in 0..2 {
            let thanks = write(&stage, ANN, "OK").await;
            assert!(thanks.contains("Thank you"), "{thanks}");
        }
        assert_eq!(means(&stage, incident.id).await, ["sms"]);
    }
);

on_both_stores!(
    a_stop_that_is_posted_again_after_start_stops_nothing,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        let stopped = async || {
            let mut tx = stage.node.store.read().await.unwrap();
            let among = opt_outs::among(&mut tx, &[ANN.to_owned()]).await.unwrap();
            !among.is_empty()
        };
        let asked = write_as(&stage, "SM-stop", ANN, "STOP").await;
        assert!(stopped().await);
        write_as(&stage, "SM-start", ANN, "START").await;
        // The same is answered, and START was the last word.
        assert_eq!(write_as(&stage, "SM-stop", ANN, "STOP").await, asked);
        assert!(!stopped().await);
    }
);

on_both_stores!(
    reports_that_come_again_after_a_restart_change_nothing,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        let policy = json!({"channels": ["sms", "voice"], "trust_caller_id": true});
        stage.policy(policy).await;
        let incident = stage.cry().await;
        stage.pass(80).await;
        let of = |kind: &str| {
            let log = stage.first.log();
            log.into_iter().find(|one| one.kind == kind).unwrap().sid
        };
        let (sms, call) = (of("Messages"), of("Calls"));
        message(&stage, &sms, "sent").await;
        message(&stage, &sms, "delivered").await;
        let thanks = press(&stage, &call, ANN, "4").await;
        stage.settle().await;
        let before = stage.attempts(incident.id).await;
        let shown = stage.node.open(&stage.ana).await.unwrap();

        let stage = stage.after_crash().await;
        // The last first, each twice, and what was overtaken on its way at the end.
        for status in ["delivered", "delivered", "sent", "sent", "queued"] {
            message(&stage, &sms, status).await;
        }
        assert_eq!(press(&stage, &call, ANN, "4").await, thanks);
        stage.settle().await;
        assert_eq!(stage.attempts(incident.id).await, before);
        assert_eq!(means(&stage, incident.id).await, ["call"]);
        let after = stage.node.open(&stage.ana).await.unwrap();
        assert_eq!(after.snapshot_version, shown.snapshot_version);
    }
);

on_both_stores!(
    stop_and_start_are_kept_by_number,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        let stopped = async || {
            let mut tx = stage.node.store.read().await.unwrap();
            let among = opt_outs::among(&mut tx, &[ANN.to_owned()]).await.unwrap();
            !among.is_empty()
        };
        assert!(write(&stage, ANN, "STOP").await.contains("START"));
        assert!(write(&stage, ANN, "stop").await.contains("START"));
        assert!(stopped().await);
        assert!(write(&stage, ANN, "Start").await.contains("messages again"));
        assert!(!stopped().await);
        assert!(write(&stage, ANN, "AYUDA").await.contains("112"));
        assert!(
            !write(&stage, ANN, "who are you")
                .await
                .contains("<Message>")
        );
        // What the provider answered itself is not answered twice.
        let form = [
            ("MessageSid", "SM9"),
            ("From", ANN),
            ("To", OURS),
            ("Body", "STOP"),
            ("OptOutType", "STOP"),
        ];
        let said = post(&stage, ReportKind::Inbound, "inbound-sms", &form)
            .await
            .unwrap();
        assert!(!said.contains("<Message>") && stopped().await);
    }
);

#[tokio::test]
async fn a_forged_report_changes_nothing() {
    let stage = Stage::on(TestStore::sqlite().await, &[ANN]).await;
    let incident = stage.cry().await;
    stage.pass(80).await;
    let call = stage
        .first
        .log()
        .into_iter()
        .find(|one| one.kind == "Calls")
        .unwrap();
    let path = "/v1/public/providers/provider-0/call-digits";
    let form = [("CallSid", call.sid.as_str()), ("To", ANN), ("Digits", "4")];
    let (body, signature) = TwilioSimulator::signed(&format!("{PUBLIC_URL}{path}"), &form);
    let genuine = ProviderReport {
        provider: "provider-0",
        kind: ReportKind::Digits,
        path_and_query: path,
        signature: &signature,
        body: body.as_bytes(),
    };
    let other = body.replace("Digits=4", "Digits=44");
    let crowd = format!("{body}{}", "&a=b".repeat(500));
    let with_query = format!("{path}?a=b");
    let forged = [
        ProviderReport {
            signature: "",
            ..genuine
        },
        ProviderReport {
            signature: "not base64",
            ..genuine
        },
        ProviderReport {
            body: other.as_bytes(),
            ..genuine
        },
        ProviderReport {
            body: crowd.as_bytes(),
            ..genuine
        },
        // Signed for another address: a report about a message, sent again here.
        ProviderReport {
            path_and_query: "/v1/public/providers/provider-0/inbound-sms",
            ..genuine
        },
        ProviderReport {
            path_and_query: &with_query,
            ..genuine
        },
    ];
    for report in forged {
        let said = stage.node.app.provider_report(report).await;
        assert!(matches!(said, Err(AppError::SignatureInvalid)), "{said:?}");
    }
    for provider in ["provider-9", "screen", ""] {
        let said = stage
            .node
            .app
            .provider_report(ProviderReport {
                provider,
                ..genuine
            })
            .await;
        assert!(matches!(said, Err(AppError::NotFound { .. })), "{said:?}");
    }
    assert_eq!(state(&stage, incident.id).await, State::Active);
    stage.node.app.provider_report(genuine).await.unwrap();
    assert_eq!(state(&stage, incident.id).await, State::Acknowledged);
}
