//! The whole way of a cry for help, and what a subscriber sees of it.

use mayday_app::escalation::{AcknowledgeOutcome, By, Means};
use mayday_app::testing::senders::PUBLIC_URL;
use mayday_core::clock::Clock as _;
use mayday_core::escalation::{Step, TrackingToken};
use mayday_store::escalation::{NoteOpened, tokens};
use mayday_store::testing::TestStore;
use mayday_store::{Lane, alerts};

use super::driver::{Stage, on_both_stores};
use crate::harness::{NodeExt, kinds};

const ANN: &str = "+34600111222";
const BOB: &str = "+34600333444";

/// The token in a message's link, which stands last.
/// The token in the link at the end of a message.
pub(super) fn token(text: &str) -> TrackingToken {
    let link = text.rsplit(' ').next().unwrap();
    let path = link.strip_prefix(PUBLIC_URL).unwrap();
    TrackingToken::parse(path.strip_prefix("/t/").unwrap()).unwrap()
}

on_both_stores!(
    #[expect(clippy::too_many_lines, reason = "a story is told in one go")]
    one_after_the_other_is_asked_until_somebody_answers,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN, BOB]).await;
        let incident = stage.cry().await;
        stage.pass(14).await;
        assert!(stage.told().is_empty(), "nothing inside the grace window");
        stage.pass(1).await;
        assert_eq!(stage.told(), [("sms", ANN.to_owned())]);
        let first = stage.taken()[0].text.clone();
        assert!(first.starts_with("SOS: ana needs help."), "{first}");
        assert!(first.contains("41.50000,2.25000"), "{first}");
        stage.pass(60).await;
        assert_eq!(stage.told()[1..], [("call", ANN.to_owned())]);
        let script = &stage.taken()[1].text;
        assert!(
            script.contains("Press 4") && script.contains("call-digits"),
            "{script}"
        );
        stage.pass(60).await;
        assert_eq!(stage.told()[2..], [("sms", BOB.to_owned())]);

        let bobs = token(&stage.taken()[2].text);
        let lookup_key = bobs.lookup_key();
        let opened = NoteOpened { lookup_key };
        assert!(stage.node.store.write(Lane::Rest, opened).await.unwrap());
        let mut tx = stage.node.store.read().await.unwrap();
        let link = tokens::find(&mut tx, &lookup_key).await.unwrap().unwrap();
        drop(tx);
        assert_eq!(link.incident, incident.id);
        let by = By::Contact(link.contact, Means::Page);
        let said = stage
            .node
            .app
            .acknowledge(incident.id, by, None)
            .await
            .unwrap();
        assert!(matches!(said, AcknowledgeOutcome::Now(_)), "{said:?}");
        stage.pass(600).await;
        assert_eq!(stage.told().len(), 3, "an answer stops everything");
        let open = stage.node.open(&stage.ana).await.unwrap();
        let ladder = stage.node.app.receipts(&open).await.unwrap();
        let steps: Vec<Step> = ladder
            .receipts()
            .iter()
            .map(|receipt| receipt.step)
            .collect();
        assert_eq!(steps, [Step::Accepted, Step::Accepted, Step::Acknowledged]);

        stage.node.app.resolve_sos(&stage.ana).await.unwrap();
        stage.settle().await;
        let all_clear: Vec<_> = stage.taken().split_off(3);
        let mut to: Vec<_> = all_clear.iter().map(|taken| taken.to.as_str()).collect();
        to.sort_unstable();
        assert_eq!(to, [ANN, BOB]);
        assert!(
            all_clear
                .iter()
                .all(|taken| taken.text.starts_with("All clear"))
        );

        let events = stage.node.events(&stage.ana).await;
        let versions: Vec<i64> = events.iter().map(|event| event.snapshot_version).collect();
        let rising: Vec<i64> = (1..).take(versions.len()).collect();
        assert_eq!(versions, rising, "each event has a version of its own");
        let mut told = kinds(&events);
        told.dedup();
        assert_eq!(
            told,
            ["processed", "sos.actuator_update", "sos_ack", "resolved"]
        );
        let of = |index: usize| &events[index].body["actuators"]["items"][0]["contacts"];
        assert_eq!(of(0)[0]["status"], "scheduled");
        assert_eq!(of(2)[0]["channels"][0]["status"], "sent");
        let last = of(events.len() - 1);
        assert_eq!(
            (&last[1]["name"], &last[1]["status"]),
            (&format!("Contact {BOB}").into(), &"delivered".into())
        );
    }
);

on_both_stores!(
    when_nobody_answers_operators_are_told_once,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.cry().await;
        stage.pass(15 + 60 + 59).await;
        let said = kinds(&stage.node.events(&stage.ana).await);
        assert!(!said.contains(&"sos.unanswered"), "{said:?}");
        stage.pass(10).await;
        let said = kinds(&stage.node.events(&stage.ana).await);
        assert_eq!(
            said.iter()
                .filter(|kind| **kind == "sos.unanswered")
                .count(),
            1
        );
        let mut tx = stage.node.store.read().await.unwrap();
        let raised = alerts::page(&mut tx, stage.ana.app, None, 10)
            .await
            .unwrap();
        drop(tx);
        assert_eq!(raised.len(), 1);
        assert_eq!(raised[0].kind, "unanswered_sos");
        // A second cry begins anew, at once.
        stage.node.pass(1);
        stage.cry().await;
        stage.settle().await;
        let told = stage.told();
        assert_eq!(told.len(), 3);
        assert_eq!(told[2], ("sms", ANN.to_owned()));
    }
);

on_both_stores!(
    who_cannot_help_makes_room_at_once,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN, BOB]).await;
        let incident = stage.cry().await;
        stage.pass(15).await;
        let ann = stage.attempts(incident.id).await[0].attempt.key.contact;
        stage.node.app.decline(incident.id, ann).await.unwrap();
        stage.settle().await;
        assert_eq!(
            stage.told(),
            [("sms", ANN.to_owned()), ("sms", BOB.to_owned())]
        );
        stage.pass(60).await;
        assert_eq!(stage.told()[2..], [("call", BOB.to_owned())]);
    }
);

on_both_stores!(
    a_leap_of_the_clock_asks_nobody_early_and_nothing_twice,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN, BOB]).await;
        stage.cry().await;
        stage.pass(15).await;
        // The server's clock follows no leap; but should it sleep for a month, each
        // contact still gets the time to answer.
        stage.node.pass(30 * 24 * 3_600);
        stage.settle().await;
        assert_eq!(stage.told()[1..], [("call", ANN.to_owned())]);
        stage.pass(59).await;
        assert_eq!(stage.told().len(), 2);
        stage.pass(1).await;
        assert_eq!(stage.told()[2..], [("sms", BOB.to_owned())]);
    }
);

on_both_stores!(
    a_clock_that_is_behind_sends_nothing_early_and_nothing_twice,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.cry().await;
        stage.pass(10).await;
        // Another server's clock, or this one's after a start: an hour back.
        let set_back = || {
            let clock = &stage.node.store.clock;
            clock.set(clock.now().minus(std::time::Duration::from_hours(1)));
        };
        set_back();
        stage.pass(60).await;
        assert!(stage.told().is_empty());
        stage.node.pass(3_600 - 60 + 5);
        stage.settle().await;
        assert_eq!(stage.told(), [("sms", ANN.to_owned())]);
        // In the middle of it: the step waits for its time, and is taken then.
        set_back();
        stage.pass(60).await;
        assert_eq!(stage.told().len(), 1);
        stage.node.pass(3_600);
        stage.settle().await;
        assert_eq!(stage.told()[1..], [("call", ANN.to_owned())]);
    }
);
