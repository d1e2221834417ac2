//! A second cry while help was promised, and whom a "no" has asked: what contacts read of
//! it is what the phone and operators see.

use std::net::{IpAddr, Ipv4Addr};

use mayday_app::admin::{AdminReply, AdminRequest, IncidentRequest};
use mayday_core::sos::State;
use mayday_core::tracking::{TrackingAnswer, TrackingView, YourAnswer};
use mayday_store::testing::TestStore;
use serde_json::json;

use super::driver::{Stage, Taken, on_both_stores};
use crate::harness::NodeExt as _;

const ANN: &str = "+34600111222";
const BOB: &str = "+34600333444";
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The token in a message.
fn token(taken: &Taken) -> String {
    let (_, last) = taken.text.rsplit_once("/t/").unwrap();
    last.trim().to_owned()
}

async fn shown(stage: &Stage, token: &str) -> TrackingView {
    stage.node.app.tracking(token, PEER).await.unwrap()
}

async fn answer(stage: &Stage, token: &str, answer: TrackingAnswer) {
    let answered = stage.node.app.answer_tracking(token, PEER, answer, None);
    answered.await.unwrap();
}

async fn asks_next(stage: &Stage, token: &str) -> bool {
    stage.node.app.tracking_asks_next(token, PEER).await
}

on_both_stores!(
    a_second_cry_says_its_own_time_and_who_promised_help_before,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN, BOB]).await;
        stage.policy(json!({"channels": ["sms"]})).await;
        let incident = stage.cry().await;
        stage.pass(15).await;
        let first = stage.taken().remove(0);
        let ann = token(&first);
        answer(&stage, &ann, TrackingAnswer::CalledServices).await;
        stage.node.pass(300);
        let now = stage.node.app.now();
        stage.cry().await;
        stage.pass(1).await;
        let second = stage.taken().pop().unwrap();
        assert_eq!(second.to, ANN);
        assert!(
            second.text.starts_with("AGAIN: SOS: ana needs help. "),
            "{second:?}"
        );
        let clock = now.to_string()[11..16].to_owned();
        assert!(second.text.contains(&format!("{clock} UTC")), "{second:?}");
        assert!(
            !first.text.contains(&clock) && !first.text.contains("AGAIN"),
            "{first:?}"
        );
        // One truth: acknowledged, by Ann, before the last cry.
        let view = shown(&stage, &ann).await;
        assert_eq!(view.state, State::Acknowledged);
        assert_eq!(view.called_again_at, Some(now));
        assert!(view.helpers.len() == 1 && view.helpers[0].before_last_cry);
        assert!(view.helpers[0].called_services && !view.is_helped());
        assert_eq!(view.reader.answer, YourAnswer::None);
        // Bob's turn may come again.
        assert_eq!(view.told.len(), 2, "{:?}", view.told);
        let show = IncidentRequest::Show {
            app_id: stage.ana.app_id.to_string(),
            incident_id: incident.id.to_string(),
        };
        let AdminReply::Incident(seen) = stage.node.admin(AdminRequest::Incident(show)).await
        else {
            panic!("an incident");
        };
        assert_eq!(seen.summary.state, "acknowledged");
        assert_eq!((seen.helpers[0].round, seen.summary.round), (1, 2));
        // She says so again.
        answer(&stage, &ann, TrackingAnswer::Helping).await;
        let view = shown(&stage, &ann).await;
        assert!(view.helpers.len() == 1 && view.is_helped());
        assert!(view.helpers[0].called_services);
        let called_services = false;
        assert!(
            matches!(view.reader.answer, YourAnswer::Helping { called_services: now, .. } if now == called_services)
        );
        // And that she cannot after all.
        stage.node.pass(1);
        answer(&stage, &ann, TrackingAnswer::Declined).await;
        assert_eq!(shown(&stage, &ann).await.helpers, []);
    }
);

on_both_stores!(
    a_promise_of_before_that_was_taken_back_is_none,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.cry().await;
        stage.pass(15).await;
        let ann = token(&stage.taken()[0]);
        answer(&stage, &ann, TrackingAnswer::Helping).await;
        stage.node.pass(1);
        answer(&stage, &ann, TrackingAnswer::Declined).await;
        stage.node.pass(5);
        stage.cry().await;
        let view = shown(&stage, &ann).await;
        assert!(view.called_again_at.is_some());
        assert_eq!(view.helpers, []);
        assert_eq!(view.reader.answer, YourAnswer::None);
    }
);

on_both_stores!(
    the_next_one_is_promised_only_where_there_is_one,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN, BOB]).await;
        stage.cry().await;
        stage.pass(15).await;
        let ann = token(&stage.taken()[0]);
        assert!(asks_next(&stage, &ann).await);
        // Whose turn it is already is not asked because of her.
        stage.pass(125).await;
        let bob = stage.told_to(&[BOB.to_owned()]).remove(0);
        assert!(!asks_next(&stage, &ann).await);
        // Somebody else helps.
        answer(&stage, &token(&bob), TrackingAnswer::Helping).await;
        assert!(!asks_next(&stage, &ann).await);
        // The only one who helps can no longer: the other is asked.
        assert!(asks_next(&stage, &token(&bob)).await);
        assert!(!asks_next(&stage, "unknown").await);
    }
);

on_both_stores!(
    nobody_is_next_for_one_alone_or_when_all_are_asked_at_once,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN]).await;
        stage.broadcast().await;
        stage.cry().await;
        stage.pass(15).await;
        let ann = token(&stage.taken()[0]);
        assert!(!asks_next(&stage, &ann).await);
        stage.contact(&stage.ana, BOB).await;
        stage.pass(1).await;
        assert_eq!(stage.told().len(), 2);
        assert!(!asks_next(&stage, &ann).await);
    }
);
