//! A cancel under duress: the phone sees it cancelled, and the cry goes on.

use mayday_app::escalation::DeliveryReport;
use mayday_app::gateway::outcome::Delivery;
use mayday_app::jobs::Claiming;
use mayday_app::{AppError, CancelReceipt};
use mayday_core::clock::Clock as _;
use mayday_core::contact::ContactDraft;
use mayday_core::escalation::{Attempt, AttemptState, Purpose};
use mayday_core::profile::ProfilePatch;
use mayday_core::sos::{Flag, Incident, State};
use mayday_store::alerts;
use mayday_store::incidents::{self, ListedIncident};
use mayday_store::testing::TestStore;
use serde_json::json;

use super::driver::{Stage, on_both_stores};
use super::shown::detail;
use crate::accounts::{Accounts as _, DURESS, PEER, PIN, listen, told_of};
use crate::harness::{NodeExt as _, http};

const ANN: &str = "+34600111222";
const BOB: &str = "+34600333444";
const OWN: &str = "+34600555666";

/// Ana with both PINs, and contacts of these numbers.
async fn stage(store: TestStore, phones: &[&str]) -> Stage {
    let stage = Stage::on(store, phones).await;
    let partner = stage.node.partner(1).await;
    stage.node.with_pin(&partner, "ana").await;
    let patch = ProfilePatch {
        phone: Some(OWN.to_owned()),
        email: Some("ana@example.org".to_owned()),
        ..ProfilePatch::default()
    };
    stage.node.app.update_me(&stage.ana, patch).await.unwrap();
    stage
}

async fn cancel(stage: &Stage, pin: &str) -> Result<(), AppError> {
    let body = json!({"signature": pin}).to_string();
    let cancelled = stage.node.app.cancel_sos(&stage.ana, body.as_bytes()).await;
    cancelled.map(|_| ())
}

async fn all(stage: &Stage) -> Vec<ListedIncident> {
    let mut tx = stage.node.store.read().await.unwrap();
    let listed = incidents::page(&mut tx, stage.ana.app, false, None, 10).await;
    listed.unwrap()
}

async fn hidden(stage: &Stage) -> Incident {
    let mut listed = all(stage).await;
    listed.retain(|listed| listed.hidden);
    assert_eq!(listed.len(), 1, "{listed:?}");
    listed.remove(0).incident
}

/// What the phone's app is shown of the all-clear.
async fn all_clears(stage: &Stage, incident: &Incident) -> Vec<Attempt> {
    let rows = stage.attempts(incident.id).await.into_iter();
    let all = rows.map(|row| row.attempt);
    all.filter(|attempt| attempt.key.purpose == Purpose::AllClear)
        .collect()
}

/// The link in a message.
fn link(text: &str) -> &str {
    text.rsplit("/t/").next().unwrap().trim()
}

async fn seen_at(stage: &Stage, token: &str) -> State {
    stage.node.app.tracking(token, PEER).await.unwrap().state
}

on_both_stores!(
    the_phone_sees_it_cancelled_and_contacts_see_it_go_on,
    async |store: TestStore| {
        let stage = stage(store, &[ANN, BOB]).await;
        let incident = stage.cry().await;
        stage.pass(15).await;
        assert_eq!(stage.told(), [("sms", ANN.to_owned())]);
        let first = stage.taken()[0].text.clone();
        let app = &stage.node.app;
        let trail = async || app.tracking(link(&first), PEER).await.unwrap().trail;
        let began = trail().await;
        assert_eq!(began.len(), 1, "{began:?}");
        let threat = async |token: &str| app.tracking(token, PEER).await.unwrap().under_threat;
        assert!(!threat(link(&first)).await);
        cancel(&stage, DURESS).await.unwrap();
        assert!(threat(link(&first)).await);
        assert_eq!(trail().await, began);
        // The phone's is cancelled, and there is none but it.
        assert!(app.current_sos(&stage.ana).await.unwrap().is_none());
        let history = app.sos_history(&stage.ana, 10, None).await.unwrap();
        assert_eq!(history.items.len(), 1);
        assert_eq!(history.items[0].incident.id, incident.id);
        assert_eq!(history.items[0].incident.state, State::Cancelled);
        assert!(!history.items[0].incident.flags.contains(Flag::Duress));
        // Operators are told, and see the other.
        let hidden = hidden(&stage).await;
        assert!(hidden.flags.contains(Flag::Duress) && hidden.state == State::Active);
        assert_eq!(hidden.position, incident.position);
        let mut tx = stage.node.store.read().await.unwrap();
        let alerts = alerts::of_incident(&mut tx, hidden.id).await.unwrap();
        drop(tx);
        assert_eq!(alerts[0].kind, "duress");
        // Contacts are asked anew, one after the other; nobody hears an all-clear.
        stage.pass(130).await;
        // Nor does an operator who looks at the other believe so, or call the phone.
        let twin = detail(&stage, incident.id).await;
        assert!(twin.person.under_threat);
        let mut cleared = twin.messages.iter().filter(|one| one.kind == "cancelled");
        assert_eq!(cleared.next().unwrap().goes_on_in, Some(hidden.id));
        let taken = stage.taken();
        assert!(
            taken.iter().all(|taken| !taken.text.contains("cancelled")),
            "{taken:?}"
        );
        let of_hidden: Vec<_> = taken[1..]
            .iter()
            .filter(|taken| taken.kind == "sms")
            .collect();
        assert_eq!(
            (of_hidden[0].to.as_str(), of_hidden[1].to.as_str()),
            (ANN, BOB)
        );
        for taken in of_hidden {
            assert!(taken.text.starts_with("UNDER THREAT"), "{}", taken.text);
        }
        // The link of before leads on, whoever takes the contact off the phone's list.
        let ann = app.contacts(&stage.ana).await.unwrap().remove(0);
        app.remove_contact(&stage.ana, ann.id).await.unwrap();
        assert_eq!(seen_at(&stage, link(&first)).await, State::Active);
        // The phone's app shows the all-clear as sent.
        let cleared = all_clears(&stage, &incident).await;
        assert_eq!(cleared.len(), 1, "{cleared:?}");
        assert_eq!(cleared[0].state, AttemptState::Sent);
        // A new cry opens another that the phone sees.
        let again = stage.node.own(&stage.ana, http(&json!({}))).await;
        assert!(again.id != incident.id && again.id != hidden.id);
        assert!(!again.flags.contains(Flag::Duress));
    }
);

on_both_stores!(
    who_shares_the_victims_phone_hears_that_it_was_cancelled,
    async |store: TestStore| {
        let stage = stage(store, &[OWN, ANN]).await;
        stage.cry().await;
        stage.pass(15).await;
        assert_eq!(stage.told(), [("sms", OWN.to_owned())]);
        let own = stage.taken()[0].text.clone();
        cancel(&stage, DURESS).await.unwrap();
        stage.pass(200).await;
        let to_own = stage.told_to(&[OWN.to_owned()]);
        assert_eq!(to_own.len(), 2, "{to_own:?}");
        assert!(
            to_own[1].text.contains("cancelled the SOS"),
            "{}",
            to_own[1].text
        );
        assert_eq!(seen_at(&stage, link(&own)).await, State::Cancelled);
        let cancelled = stage.node.app.tracking(link(&own), PEER).await.unwrap();
        assert!(!cancelled.under_threat);
        let to_ann = stage.told_to(&[ANN.to_owned()]);
        assert!(to_ann[0].text.starts_with("UNDER THREAT"), "{to_ann:?}");
    }
);

on_both_stores!(
    whoever_holds_the_phone_learns_nothing_by_changing_its_contacts,
    async |store: TestStore| {
        let stage = stage(store, &[OWN, ANN, BOB]).await;
        stage.cry().await;
        stage.pass(15).await;
        let own = stage.taken()[0].text.clone();
        cancel(&stage, DURESS).await.unwrap();
        assert_eq!(seen_at(&stage, link(&own)).await, State::Cancelled);
        // A number of theirs is added, and one is put in another's place; those who
        // could help are removed, and so is the victim's own, in the profile too.
        let (node, ana) = (&stage.node, &stage.ana);
        stage.contact(ana, "+34600777888").await;
        let listed = node.app.contacts(ana).await.unwrap();
        let other = ContactDraft {
            name: Some("Bob".to_owned()),
            phone: Some("+34600999000".to_owned()),
            email: Some("x@example.org".to_owned()),
            ..ContactDraft::default()
        };
        node.app
            .replace_contact(ana, listed[2].id, other)
            .await
            .unwrap();
        for contact in &listed[..2] {
            node.app.remove_contact(ana, contact.id).await.unwrap();
        }
        let emptied = ProfilePatch {
            phone: Some(String::new()),
            email: Some(String::new()),
            ..ProfilePatch::default()
        };
        node.app.update_me(ana, emptied).await.unwrap();
        stage.pass(200).await;
        let told = stage.told();
        for stranger in ["+34600777888", "+34600999000"] {
            assert!(told.iter().all(|(_, to)| to != stranger), "{told:?}");
        }
        for (helper, own_words) in [(ANN, true), (BOB, true), (OWN, false)] {
            let heard = stage.told_to(&[helper.to_owned()]);
            let marked = heard.iter().any(|one| one.text.starts_with("UNDER THREAT"));
            assert_eq!(marked, own_words, "{heard:?}");
        }
        // As after a true cancel: who is removed has no link any more.
        let own = node.app.tracking(link(&own), PEER).await;
        assert!(matches!(own, Err(AppError::NotFound { .. })), "{own:?}");
    }
);

on_both_stores!(
    a_cancel_inside_the_grace_window_is_followed_at_its_end,
    async |store: TestStore| {
        let stage = stage(store, &[ANN]).await;
        stage.cry().await;
        stage.pass(5).await;
        cancel(&stage, DURESS).await.unwrap();
        stage.pass(9).await;
        assert_eq!(stage.told(), []);
        stage.pass(2).await;
        let taken = stage.taken();
        assert_eq!(taken.len(), 1, "{taken:?}");
        assert!(taken[0].to == ANN && taken[0].text.starts_with("UNDER THREAT"));
    }
);

on_both_stores!(
    the_all_clear_that_never_leaves_takes_its_time,
    async |store: TestStore| {
        let stage = stage(store, &[ANN]).await;
        let incident = stage.cry().await;
        stage.pass(15).await;
        let sid = stage.first.log()[0].sid.clone();
        stage.pass(3).await;
        let report = DeliveryReport {
            provider: "provider-0".to_owned(),
            provider_id: sid,
            delivery: Delivery::Delivered,
            code: None,
            answered_by: None,
            at: stage.node.store.clock.now(),
        };
        stage.node.app.report_delivery(report).await.unwrap();
        cancel(&stage, DURESS).await.unwrap();
        stage.settle().await;
        let begun = all_clears(&stage, &incident).await;
        assert_eq!(begun[0].state, AttemptState::Sending, "{begun:?}");
        // As long as the message before it took.
        stage.pass(3).await;
        let gone = all_clears(&stage, &incident).await;
        assert_eq!(gone[0].state, AttemptState::Delivered, "{gone:?}");
        let (sent_at, settled_at) = (gone[0].sent_at.unwrap(), gone[0].settled_at.unwrap());
        assert_eq!(settled_at.since(sent_at).as_secs(), 3);
        assert!(settled_at <= stage.node.store.clock.now());
    }
);

on_both_stores!(
    operators_hear_of_a_hidden_one_that_falls_silent,
    async |store: TestStore| {
        let stage = stage(store, &[]).await;
        stage.cry().await;
        cancel(&stage, DURESS).await.unwrap();
        assert_eq!(stage.node.app.raise_silent_incidents().await.unwrap(), 0);
        stage.node.pass(25 * 60 * 60);
        assert_eq!(stage.node.app.raise_silent_incidents().await.unwrap(), 1);
        let hidden = hidden(&stage).await;
        let mut tx = stage.node.store.read().await.unwrap();
        let alerts = alerts::of_incident(&mut tx, hidden.id).await.unwrap();
        assert!(alerts.iter().any(|alert| alert.kind == "silent_incident"));
    }
);

on_both_stores!(
    a_hidden_incident_has_no_event_and_ends_for_operators,
    async |store: TestStore| {
        let stage = stage(store, &[ANN]).await;
        stage.cry().await;
        stage.pass(15).await;
        cancel(&stage, DURESS).await.unwrap();
        let seen = stage.node.events(&stage.ana).await.len();
        stage.pass(200).await;
        let hidden = hidden(&stage).await;
        let resolve = incidents::ResolveIncident {
            app: stage.ana.app,
            incident: hidden.id,
            operator: "olga".to_owned(),
        };
        let ended = stage
            .node
            .store
            .write(mayday_store::Lane::Sos, resolve)
            .await;
        assert_eq!(ended.unwrap(), Some(true));
        stage.pass(30).await;
        assert_eq!(stage.node.events(&stage.ana).await.len(), seen);
        let last = stage.taken().pop().unwrap();
        assert!(last.to == ANN && last.text.contains("resolved"), "{last:?}");
        // It is over for contacts, too.
        let warned = stage.told_to(&[ANN.to_owned()]);
        let warned = warned
            .iter()
            .find(|one| one.text.starts_with("UNDER THREAT"));
        let seen = stage.node.app.tracking(link(&warned.unwrap().text), PEER);
        assert!(!seen.await.unwrap().under_threat);
    }
);

on_both_stores!(
    nothing_and_a_true_cancel_leave_nothing_hidden,
    async |store: TestStore| {
        let stage = stage(store, &[ANN]).await;
        cancel(&stage, DURESS).await.unwrap();
        assert!(all(&stage).await.is_empty());
        stage.cry().await;
        cancel(&stage, PIN).await.unwrap();
        assert_eq!(all(&stage).await.len(), 1);
    }
);

/// What an erasure still has to do, and a minute more, five times.
async fn erase_on(stage: &Stage) {
    for _ in 0..5 {
        let app = &stage.node.app;
        let claimed = app.claim_jobs(&["user_erase"], Claiming::up_to(10)).await;
        for job in claimed.unwrap() {
            let id = job.payload["erasure"].as_str().unwrap().parse().unwrap();
            let turn = job.payload["turn"].as_u64().unwrap();
            app.carry_on_erasure(id, turn).await.unwrap();
            app.finish_job(&job).await.unwrap();
        }
        stage.node.pass(61);
    }
}

/// Cancels with this PIN, erases the account, and meets nobody whom it was of.
async fn erased_after(stage: &Stage, pin: &str) {
    let (node, ana) = (&stage.node, &stage.ana);
    node.device(ana, "CF:82:12:34:56:78").await;
    let partner = node.partner(1).await;
    let known = ("ana", "ana@example.org");
    let grant = node.try_login(&partner, "t1", known).await.unwrap();
    let session = node.session(&grant).await.unwrap();
    assert_eq!(session.user, ana.user);
    // Refused all along, and told once more later.
    listen(node).await;
    stage.cry().await;
    stage.pass(15).await;
    let asked = stage.told_to(&[OWN.to_owned()]).remove(0).text;
    let open = node.app.erase_me(&session).await;
    assert!(matches!(open, Err(AppError::Conflict { .. })), "{open:?}");
    cancel(stage, pin).await.unwrap();
    stage.settle().await;
    assert_eq!(seen_at(stage, link(&asked)).await, State::Cancelled);
    node.app.start_drill(&session).await.unwrap();
    assert!(!told_of(node, ana).await.is_empty());
    node.app.erase_me(&session).await.unwrap();
    // At once, and with what the jobs left.
    for round in 0..2 {
        let refused = node.session(&grant).await.map(drop);
        assert!(
            matches!(refused, Err(AppError::Unauthorized)),
            "{refused:?}"
        );
        let refused = node.app.recheck(ana).await;
        assert!(
            matches!(refused, Err(AppError::Unauthorized)),
            "{refused:?}"
        );
        let fresh = node.caller("ana").await;
        assert_ne!(fresh.user, ana.user);
        assert!(node.app.contacts(&fresh).await.unwrap().is_empty());
        assert!(node.app.current_sos(&fresh).await.unwrap().is_none());
        let history = node.app.sos_history(&fresh, 10, None).await.unwrap();
        assert!(history.items.is_empty());
        let nothing = node.app.cancel_sos(&fresh, b"{}").await.unwrap();
        assert!(matches!(nothing, CancelReceipt::Nothing), "{nothing:?}");
        let unset = node.app.verify_signature(&fresh, pin).await;
        assert!(matches!(unset, Err(AppError::Conflict { .. })), "{unset:?}");
        if round == 0 {
            erase_on(stage).await;
        }
    }
    // What whoever holds a phone or the app's server may look at.
    let gone = node.app.tracking(link(&asked), PEER).await.map(drop);
    assert!(matches!(gone, Err(AppError::NotFound { .. })), "{gone:?}");
    let listed = all(stage).await;
    assert!(!listed.iter().any(|one| one.incident.drill), "{listed:?}");
    assert_eq!(told_of(node, ana).await, Vec::<String>::new());
    // The token of before opens a session of the new user, and the device is anybody's.
    let fresh = node.caller("ana").await;
    let grant = node.come_again("t1").await.unwrap();
    assert_eq!(node.session(&grant).await.unwrap().user, fresh.user);
    node.device(&fresh, "CF:82:12:34:56:78").await;
}

async fn left_of(stage: &Stage) -> Vec<String> {
    let (store, user) = (&stage.node.store, stage.ana.user);
    let mut found = store.tables_holding(user.uuid().as_bytes()).await;
    found.extend(store.tables_holding(user.to_string().as_bytes()).await);
    found
}

on_both_stores!(
    who_erases_the_account_after_a_true_cancel_meets_a_new_user,
    async |store: TestStore| {
        let stage = stage(store, &[OWN, ANN]).await;
        erased_after(&stage, PIN).await;
        assert_eq!(left_of(&stage).await, Vec::<String>::new());
        let last = stage.taken().pop().unwrap();
        assert!(last.text.contains("ana cancelled the SOS"), "{last:?}");
    }
);

on_both_stores!(
    who_erases_the_account_after_a_forced_cancel_meets_a_new_user_and_help_goes_on,
    async |store: TestStore| {
        let stage = stage(store, &[OWN, ANN, BOB]).await;
        erased_after(&stage, DURESS).await;
        // Operators see whose it is, and contacts are asked.
        let mut listed = all(&stage).await;
        listed.retain(|listed| listed.hidden);
        assert_eq!(listed.len(), 1, "{listed:?}");
        assert_eq!(listed[0].external_id, "ana");
        let hidden = hidden(&stage).await;
        assert!(hidden.state.is_open());
        assert!(stage.told_to(&[BOB.to_owned()]).is_empty());
        stage.pass(200).await;
        for phone in [ANN, BOB] {
            let mut heard = stage.told_to(&[phone.to_owned()]).into_iter();
            let warning = heard.find(|one| one.text.starts_with("UNDER THREAT"));
            let text = warning.unwrap().text;
            assert!(text.contains("ana"), "{text}");
            assert_eq!(seen_at(&stage, link(&text)).await, State::Active);
        }
        let resolve = incidents::ResolveIncident {
            app: stage.ana.app,
            incident: hidden.id,
            operator: "olga".to_owned(),
        };
        let store = &stage.node.store;
        let ended = store.write(mayday_store::Lane::Sos, resolve).await;
        assert_eq!(ended.unwrap(), Some(true));
        stage.pass(30).await;
        let last = stage.taken().pop().unwrap();
        assert!(last.text.contains("resolved"), "{last:?}");
        erase_on(&stage).await;
        assert_eq!(left_of(&stage).await, Vec::<String>::new());
        assert!(all(&stage).await.is_empty());
    }
);

on_both_stores!(
    the_pin_that_is_set_under_duress_is_one_for_duress,
    async |store: TestStore| {
        let stage = stage(store, &[]).await;
        let partner = stage.node.partner(1).await;
        let ana = stage.node.member(&partner, "ana", "phone").await;
        let change = [None, Some(DURESS), Some("555555")];
        stage.node.set_pin(&ana, change).await.unwrap();
        for pin in ["555555", DURESS] {
            let before = all(&stage).await.len();
            stage.node.pass(1);
            stage.cry().await;
            cancel(&stage, pin).await.unwrap();
            assert_eq!(all(&stage).await.len(), before + 2, "{pin}");
        }
        stage.node.pass(1);
        stage.cry().await;
        let before = all(&stage).await.len();
        cancel(&stage, PIN).await.unwrap();
        assert_eq!(all(&stage).await.len(), before);
    }
);
