//! The user's PIN, and what becomes of a forgotten one.

use std::time::Duration;

use futures_util::future::{join_all, select_all};
use mayday_app::testing::TestApp;
use mayday_app::{AppError, CancelReceipt, RecoveryQuestions};
use mayday_core::identity::Caller;
use mayday_core::sso::pin::PinMatch;
use mayday_core::sso::settings::SettingsPatch;
use mayday_store::Lane;
use mayday_store::signatures::{self, SetSignature, SignatureSet};
use serde_json::json;

use crate::accounts::{ANSWERS, Accounts as _, DURESS, PIN, listen, other_than, secret, told_of};
use crate::harness::{NodeExt as _, mqtt, on_both_nodes};

const CODE: &str = "signature_reset_code";

/// The user chose the same twice.
const BOTH: PinMatch = PinMatch {
    right: true,
    duress: true,
    pretended: false,
};

#[track_caller]
fn wrong(result: Result<(), AppError>) {
    match result {
        Err(AppError::WrongSignature) => {}
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn failed(result: Result<(), AppError>) {
    match result {
        Err(AppError::VerificationFailed) => {}
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn ended(result: Result<(), AppError>) {
    match result {
        Err(AppError::Session { lapse }) => assert_eq!(lapse.code, "verification_limit"),
        other => panic!("{other:?}"),
    }
}

on_both_nodes!(
    a_pin_is_set_once_and_changed_by_whoever_knows_it,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        let ana = node.member(&partner, "ana", "phone").await;
        let verify = async |pin| node.app.verify_signature(&ana, pin).await;
        assert!(matches!(verify(PIN).await, Err(AppError::Conflict { .. })));
        node.set_pin(&ana, [Some(PIN), None, None]).await.unwrap();
        verify(PIN).await.unwrap();
        wrong(verify("999999").await);
        // Without the current one, or with another, nothing changes.
        let refused = node.set_pin(&ana, [Some("444444"), None, None]).await;
        assert!(matches!(refused, Err(AppError::CurrentRequired)));
        wrong(
            node.set_pin(&ana, [Some("444444"), Some("555555"), None])
                .await,
        );
        verify(PIN).await.unwrap();
        node.set_pin(&ana, [Some("444444"), Some(PIN), None])
            .await
            .unwrap();
        verify("444444").await.unwrap();
        wrong(verify(PIN).await);
        let mails = node.mails_of("signature_updated").await;
        assert_eq!(mails.len(), 2);
        assert!(mails.iter().all(|mail| mail.to == "ana@example.org"));
        assert!(node.app.sso_profile(&ana).await.unwrap().has_pin);
    }
);

on_both_nodes!(
    neither_pin_nor_answer_lies_in_the_store,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        node.with_pin(&partner, "ana").await;
        for text in [PIN, DURESS, "mayor 1", "verdi"] {
            assert!(
                node.store.tables_holding(text.as_bytes()).await.is_empty(),
                "{text}"
            );
        }
    }
);

on_both_nodes!(
    five_wrong_pins_lock_and_a_right_one_does_not_open,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        let ana = node.with_pin(&partner, "ana").await;
        for minutes in [15, 30] {
            for _ in 0..5 {
                wrong(node.app.verify_signature(&ana, "999999").await);
            }
            for pin in [PIN, "999999", DURESS] {
                match node.app.verify_signature(&ana, pin).await {
                    Err(AppError::RateLimited { retry_after }) => {
                        assert_eq!(retry_after, Duration::from_mins(minutes));
                    }
                    other => panic!("{other:?}"),
                }
            }
            node.later(Duration::from_mins(minutes));
        }
        node.app.verify_signature(&ana, PIN).await.unwrap();
    }
);

on_both_nodes!(
    a_hundred_guesses_at_one_instant_are_five,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        let ana = node.with_pin(&partner, "ana").await;
        let guesses: Vec<String> = (0..100).map(|n| format!("9{n:05}")).collect();
        let tried = guesses
            .iter()
            .map(|pin| node.app.verify_signature(&ana, pin));
        let mut counted = 0;
        for result in join_all(tried).await {
            counted += u32::from(was_judged(result));
        }
        // Whoever was only told to come again does, and has what is left of five.
        for pin in guesses.iter().take(10) {
            counted += u32::from(was_judged(node.app.verify_signature(&ana, pin).await));
        }
        assert_eq!(counted, 5);
    }
);

/// Whether a wrong PIN was judged; else it was one too many.
fn was_judged(result: Result<(), AppError>) -> bool {
    match result {
        Err(AppError::WrongSignature) => true,
        Err(AppError::RateLimited { .. }) => false,
        other => panic!("{other:?}"),
    }
}

on_both_nodes!(
    who_has_pins_hashed_keeps_nobody_from_cancelling,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        let ana = node.with_pin(&partner, "ana").await;
        let ben = node.with_pin(&partner, "ben").await;
        node.own(&ben, mqtt(&json!({}))).await;
        let held = node.hold_hashing();
        let verify = || Box::pin(node.app.verify_signature(&ana, PIN));
        let ask = (0..5).map(|_| verify());
        // One of them is one too many.
        let (first, _, others) = select_all(ask).await;
        assert!(matches!(first, Err(AppError::RateLimited { .. })));
        let body = json!({"signature": PIN}).to_string();
        let cancel = node.app.cancel_sos(&ben, body.as_bytes());
        let cancelled = tokio::time::timeout(Duration::from_mins(1), cancel).await;
        match cancelled.unwrap().unwrap() {
            CancelReceipt::Own(incident) => assert!(!incident.state.is_open()),
            other => panic!("{other:?}"),
        }
        drop(held);
        for verified in join_all(others).await {
            verified.unwrap();
        }
    }
);

on_both_nodes!(
    one_user_does_not_spend_the_codes_of_an_app,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        let ana = node.with_pin(&partner, "ana").await;
        let ben = node.with_pin(&partner, "ben").await;
        for _ in 0..700 {
            let _ = node.app.ask_reset(&ana).await;
        }
        let elsewhere = Caller {
            peer: "192.0.2.9".parse().unwrap(),
            ..ben
        };
        node.app.ask_reset(&elsewhere).await.unwrap();
    }
);

on_both_nodes!(
    the_duress_pin_is_as_good_by_all_that_shows,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        let ana = node.with_pin(&partner, "ana").await;
        node.app.verify_signature(&ana, DURESS).await.unwrap();
        // Whoever forces the user to change the PIN changes the one for duress.
        node.set_pin(&ana, [Some("777777"), Some(DURESS), None])
            .await
            .unwrap();
        node.app.verify_signature(&ana, "777777").await.unwrap();
        wrong(node.app.verify_signature(&ana, DURESS).await);
        node.app.verify_signature(&ana, PIN).await.unwrap();
        // And replaces no question, though all are told so.
        let questions = RecoveryQuestions {
            questions: ["a?", "b?", "c?"]
                .map(|q| (q.to_owned(), "x".to_owned()))
                .into(),
            current: Some(secret("777777")),
        };
        node.app.set_questions(&ana, questions).await.unwrap();
        assert_eq!(node.mails_of("signature_questions_updated").await.len(), 2);
        let ticket = node.app.ask_reset(&ana).await.unwrap();
        assert_eq!(ticket.questions[0], "Question 0?");
        // Removed, it is wrong like any other.
        node.set_pin(&ana, [None, Some(PIN), Some("")])
            .await
            .unwrap();
        wrong(node.app.verify_signature(&ana, "777777").await);
    }
);

/// All that shows of changes by somebody who was told this PIN.
async fn shows(node: &TestApp, caller: &Caller, told: &str) -> Vec<String> {
    let mut shown = Vec::new();
    let changes = [
        [None, Some(told), Some("555555")],
        [None, Some(told), None],
        [None, Some(told), Some("")],
        [None, Some(told), Some("")],
        [None, Some(told), Some("444444")],
        // With what they set themselves: it is the one for duress, they believe.
        [Some("666666"), Some("444444"), None],
        [None, Some("666666"), Some("")],
        [Some("333333"), Some(told), None],
        [Some("777777"), Some("333333"), Some("888888")],
    ];
    for change in changes {
        // Ids of one instant have no order.
        node.later(Duration::from_secs(1));
        let (mails, notices) = (node.store.mails().await.len(), told_of(node, caller).await);
        let answer = node.set_pin(caller, change).await;
        shown.push(format!("{change:?}: {answer:?}").replace(told, "(told)"));
        for mail in &node.store.mails().await[mails..] {
            shown.push(mail.kind.clone());
        }
        shown.extend_from_slice(&told_of(node, caller).await[notices.len()..]);
        let mine = [
            told, "333333", "444444", "555555", "666666", "777777", "888888",
        ];
        for pin in mine {
            let is_taken = !node.judged(caller, pin).await.is_wrong();
            shown.push(format!("{pin} {is_taken}").replace(told, "(told)"));
        }
    }
    shown
}

on_both_nodes!(
    a_change_under_duress_shows_what_a_true_one_shows,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        listen(&node).await;
        let (ana, ben) = (
            node.with_pin(&partner, "ana").await,
            node.with_pin(&partner, "ben").await,
        );
        let (truly, forced) = (
            shows(&node, &ana, PIN).await,
            shows(&node, &ben, DURESS).await,
        );
        assert_eq!(truly, forced);
        let told = |word: &str| truly.iter().filter(|shown| *shown == word).count();
        assert_eq!(
            (told("signature_updated"), told("signature.updated")),
            (8, 8)
        );
        // What was set by force is one for duress, and the user's own is as it was.
        for pin in ["777777", "888888"] {
            assert!(node.judged(&ben, pin).await.is_forced(), "{pin}");
        }
        assert!(!node.judged(&ben, PIN).await.is_forced());
        node.app.verify_signature(&ben, PIN).await.unwrap();
    }
);

on_both_nodes!(
    a_change_that_is_run_again_is_told_of_once,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        let ana = node.with_pin(&partner, "ana").await;
        listen(&node).await;
        let kept = {
            let mut tx = node.store.read().await.unwrap();
            let kept = signatures::get(&mut tx, ana.user).await.unwrap();
            kept.unwrap()
        };
        let mut hashes = kept.hashes;
        hashes.pretended = Some(hashes.duress.clone());
        let set = SetSignature {
            app: ana.app,
            user: ana.user,
            session: ana.credential.session().unwrap(),
            before: Some(kept.version),
            hashes,
        };
        let before = node.mails_of("signature_updated").await.len();
        for _ in 0..2 {
            let done = node.store.write(Lane::Session, set.clone()).await.unwrap();
            assert_eq!(done, SignatureSet::Set);
        }
        assert_eq!(node.mails_of("signature_updated").await.len(), before + 1);
        assert_eq!(told_of(&node, &ana).await, ["signature.updated"]);
    }
);

on_both_nodes!(
    no_answer_tells_which_of_both_pins_it_is_about,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        let ana = node.with_pin(&partner, "ana").await;
        // What is sent must not be the same twice, whichever PIN it is sent with.
        for current in [PIN, DURESS, "999999"] {
            for change in [
                [None, Some(current), Some(current)],
                [Some("888888"), Some(current), Some("888888")],
            ] {
                let refused = node.set_pin(&ana, change).await;
                assert!(
                    matches!(refused, Err(AppError::Validation { .. })),
                    "{current}: {refused:?}"
                );
            }
        }
        // The one for duress is a PIN like any other, and stays the one for duress.
        node.set_pin(&ana, [Some(DURESS), Some(PIN), None])
            .await
            .unwrap();
        wrong(node.app.verify_signature(&ana, PIN).await);
        node.app.verify_signature(&ana, DURESS).await.unwrap();
        assert_eq!(node.judged(&ana, DURESS).await, BOTH);
        // Changed, the one before is wrong, whatever it was.
        node.set_pin(&ana, [Some("777777"), Some(DURESS), None])
            .await
            .unwrap();
        wrong(node.app.verify_signature(&ana, DURESS).await);
        assert_eq!(node.judged(&ana, "777777").await, BOTH);
        // A reset sets them apart.
        node.app.ask_reset(&ana).await.unwrap();
        let code = node.code_of(CODE).await;
        node.confirm(&ana, &code, ANSWERS).await.unwrap();
        assert!(!node.judged(&ana, "333333").await.is_forced());
        assert!(!node.judged(&ana, "777777").await.right);
    }
);

on_both_nodes!(a_forgotten_pin_is_replaced, async |node: TestApp| {
    let partner = node.partner(1).await;
    let ana = node.with_pin(&partner, "ana").await;
    // It does not matter that it is locked.
    for _ in 0..5 {
        wrong(node.app.verify_signature(&ana, "999999").await);
    }
    let ticket = node.app.ask_reset(&ana).await.unwrap();
    assert_eq!(ticket.questions.len(), 3);
    let code = node.code_of(CODE).await;
    // Spaces and case are forgiven.
    let typed = format!(" {} {} ", &code[..3], &code[3..]);
    let answers = ["REX", " mayor  1", "Verdi"];
    node.confirm(&ana, &typed, answers).await.unwrap();
    node.app.verify_signature(&ana, "333333").await.unwrap();
    node.app.verify_signature(&ana, DURESS).await.unwrap();
    wrong(node.app.verify_signature(&ana, PIN).await);
    // Once used it is used up, and nothing is counted.
    for _ in 0..6 {
        failed(node.confirm(&ana, &code, ANSWERS).await);
    }
    node.app.verify_signature(&ana, "333333").await.unwrap();
});

on_both_nodes!(
    the_fifth_wrong_code_or_answer_ends_every_session,
    async |node: TestApp| {
        let partner = node.partner(2).await;
        let ana = node.with_pin(&partner, "ana").await;
        let other = node.log_in(&partner, "ana", "tablet").await;
        let ben = node.log_in(&partner, "ben", "phone").await;
        node.app.ask_reset(&ana).await.unwrap();
        let code = node.code_of(CODE).await;
        // What cannot be an attempt is none.
        for bad in ["", "12345", "abcdef"] {
            let refused = node.confirm(&ana, bad, ANSWERS).await;
            assert!(matches!(refused, Err(AppError::Validation { .. })));
        }
        for _ in 0..2 {
            failed(node.confirm(&ana, &other_than(&code), ANSWERS).await);
            failed(
                node.confirm(&ana, &code, ["rex", "mayor 1", "wagner"])
                    .await,
            );
        }
        ended(node.confirm(&ana, &other_than(&code), ANSWERS).await);
        // Right after the limit opens nothing.
        ended(node.confirm(&ana, &code, ANSWERS).await);
        match node.session(&other).await {
            Err(AppError::Session { lapse }) => assert_eq!(lapse.code, "verification_limit"),
            refused => panic!("{refused:?}"),
        }
        node.session(&ben).await.unwrap();
        assert_eq!(node.mails_of("signature_reset_failed").await.len(), 1);
    }
);

on_both_nodes!(
    a_hundred_codes_at_one_instant_are_five_attempts,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        let ana = node.with_pin(&partner, "ana").await;
        node.app.ask_reset(&ana).await.unwrap();
        let code = node.code_of(CODE).await;
        let guess = other_than(&code);
        let at_once = (0..100).map(|_| node.confirm(&ana, &guess, ANSWERS));
        let mut results = join_all(at_once).await;
        // Whoever was only told to come again does.
        for _ in 0..10 {
            results.push(node.confirm(&ana, &guess, ANSWERS).await);
        }
        let (mut counted, mut limit) = (0, 0);
        for result in results {
            match result {
                Err(AppError::VerificationFailed) => counted += 1,
                Err(AppError::Session { .. }) => limit += 1,
                Err(AppError::RateLimited { .. }) => {}
                other => panic!("{other:?}"),
            }
        }
        // With the fifth the session is over, for whoever asked meanwhile, too.
        assert_eq!(counted, 4);
        assert!(limit >= 6, "{limit}");
        assert_eq!(node.mails_of("signature_reset_failed").await.len(), 1);
        ended(node.confirm(&ana, &code, ANSWERS).await);
    }
);

on_both_nodes!(
    a_code_is_one_for_its_session_its_user_and_ten_minutes,
    async |node: TestApp| {
        let partner = node.partner(2).await;
        let ana = node.with_pin(&partner, "ana").await;
        let tablet = node.member(&partner, "ana", "tablet").await;
        let ben = node.with_pin(&partner, "ben").await;
        node.app.ask_reset(&ben).await.unwrap();
        let of_ben = node.code_of(CODE).await;
        node.app.ask_reset(&ana).await.unwrap();
        let code = node.code_of(CODE).await;
        // Nobody but the session that asked can use it, or count anything.
        for _ in 0..6 {
            failed(node.confirm(&tablet, &code, ANSWERS).await);
        }
        if of_ben != code {
            failed(node.confirm(&ana, &of_ben, ANSWERS).await);
        }
        node.later(Duration::from_secs(599));
        assert_eq!(node.mails_of("signature_reset_failed").await.len(), 0);
        node.later(Duration::from_secs(1));
        failed(node.confirm(&ana, &code, ANSWERS).await);
        wrong(node.app.verify_signature(&ana, "333333").await);
    }
);

on_both_nodes!(
    a_resend_invalidates_the_code_before_and_keeps_the_count,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        let ana = node.with_pin(&partner, "ana").await;
        node.app.ask_reset(&ana).await.unwrap();
        let first = node.code_of(CODE).await;
        for _ in 0..3 {
            failed(node.confirm(&ana, &other_than(&first), ANSWERS).await);
        }
        node.later(Duration::from_secs(59));
        match node.app.ask_reset(&ana).await {
            Err(AppError::RateLimited { retry_after }) => {
                assert_eq!(retry_after, Duration::from_secs(1));
            }
            other => panic!("{other:?}"),
        }
        node.later(Duration::from_secs(1));
        node.app.ask_reset(&ana).await.unwrap();
        let second = node.code_of(CODE).await;
        if first != second {
            failed(node.confirm(&ana, &first, ANSWERS).await);
            ended(node.confirm(&ana, &other_than(&second), ANSWERS).await);
        }
    }
);

on_both_nodes!(five_codes_an_hour_are_mailed, async |node: TestApp| {
    let partner = node.partner(1).await;
    let ana = node.with_pin(&partner, "ana").await;
    for _ in 0..5 {
        node.app.ask_reset(&ana).await.unwrap();
        node.later(Duration::from_mins(1));
    }
    let refused = node.app.ask_reset(&ana).await;
    assert!(
        matches!(refused, Err(AppError::RateLimited { .. })),
        "{refused:?}"
    );
    assert_eq!(node.mails_of(CODE).await.len(), 5);
    node.later(Duration::from_mins(55));
    node.app.ask_reset(&ana).await.unwrap();
});

on_both_nodes!(
    there_is_nothing_to_reset_without_pin_and_questions,
    async |node: TestApp| {
        let partner = node.partner(1).await;
        let ana = node.member(&partner, "ana", "phone").await;
        let refused = node.app.ask_reset(&ana).await;
        assert!(matches!(refused, Err(AppError::Conflict { .. })));
        node.set_pin(&ana, [Some(PIN), None, None]).await.unwrap();
        let refused = node.app.ask_reset(&ana).await;
        assert!(matches!(refused, Err(AppError::Conflict { .. })));
        failed(node.confirm(&ana, "123456", ANSWERS).await);
    }
);

on_both_nodes!(settings_change_in_part, async |node: TestApp| {
    let partner = node.partner(1).await;
    let ana = node.member(&partner, "ana", "phone").await;
    let patch = SettingsPatch {
        language: Some("ca".to_owned()),
        currency: Some("EUR".to_owned()),
        ..SettingsPatch::default()
    };
    node.app.update_settings(&ana, patch).await.unwrap();
    let patch = SettingsPatch {
        ack_tnc: Some(true),
        currency: Some(String::new()),
        ..SettingsPatch::default()
    };
    let settings = node.app.update_settings(&ana, patch).await.unwrap();
    assert_eq!(settings.language.as_deref(), Some("ca"));
    assert_eq!((settings.currency.clone(), settings.ack_tnc), (None, true));
    let profile = node.app.sso_profile(&ana).await.unwrap();
    assert_eq!(profile.settings, settings);
    assert_eq!(profile.email.as_deref(), Some("ana@example.org"));
    assert!(!profile.has_pin);
});
