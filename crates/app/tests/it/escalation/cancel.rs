//! A cancel stops it at once, wherever it falls: before anybody was told nothing is
//! ever sent, and afterwards nothing but the all-clear.

use mayday_app::escalation::SendPoint;
use mayday_store::testing::TestStore;

use super::driver::{Stage, Taken, on_both_stores, step};
use crate::harness::NodeExt;

const ANN: &str = "+34600111222";
const BOB: &str = "+34600333444";

async fn cancel(stage: &Stage) {
    stage.node.app.cancel_sos(&stage.ana, b"{}").await.unwrap();
}

on_both_stores!(
    inside_the_grace_window_nothing_is_ever_sent,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN, BOB]).await;
        stage.cry().await;
        stage.pass(14).await;
        cancel(&stage).await;
        stage.pass(600).await;
        assert!(stage.told().is_empty(), "{:?}", stage.told());
        assert_eq!((stage.first.requests(), stage.second.requests()), (0, 0));
    }
);

on_both_stores!(
    between_any_two_steps_nothing_follows_but_the_all_clear,
    async |store: TestStore| {
        let stage = Stage::on(store, &[ANN, BOB]).await;
        // How many steps there are until the call to the second contact.
        for steps in 0..12 {
            let caller = stage.node.caller(&format!("user-{steps}")).await;
            let phones = [
                format!("+34610000{steps:03}"),
                format!("+34620000{steps:03}"),
            ];
            for phone in &phones {
                stage.contact(&caller, phone).await;
            }
            let of_user = stage.told_to(&phones);
            assert!(of_user.is_empty());
            stage.cry_of(&caller).await;
            stage
                .node
                .store
                .clock
                .advance(std::time::Duration::from_secs(15));
            for at in 0..steps {
                step(&stage.node.app).await;
                if at % 3 == 2 {
                    stage
                        .node
                        .store
                        .clock
                        .advance(std::time::Duration::from_mins(1));
                }
            }
            let before = stage.told_to(&phones);
            stage.node.app.cancel_sos(&caller, b"{}").await.unwrap();
            stage.pass(300).await;
            let after = stage.told_to(&phones).split_off(before.len());
            let mut told: Vec<_> = before.iter().map(|taken| taken.to.clone()).collect();
            told.sort();
            told.dedup();
            let mut cleared: Vec<_> = after.iter().map(|taken| taken.to.clone()).collect();
            cleared.sort();
            assert_eq!(cleared, told, "after {steps} steps");
            let clear = |taken: &Taken| taken.text.contains("cancelled the SOS");
            assert!(after.iter().all(clear), "after {steps} steps: {after:?}");
        }
    }
);

/// A cancel that falls between two awaits of the sender itself.
async fn cancelled_at(point: SendPoint) -> Vec<(&'static str, String)> {
    let stage = Stage::on(TestStore::sqlite().await, &[ANN]).await;
    stage.cry().await;
    stage.node.pass(15);
    let faults = stage.node.app.send_faults().clone();
    faults.stop_at(Some(point));
    tokio::select! {
        () = stage.settle() => {}
        () = faults.stopped() => {}
    }
    cancel(&stage).await;
    faults.stop_at(None);
    // The sender that was stopped is gone, as after a kill: its lease lapses.
    stage.pass(120).await;
    stage.told()
}

#[tokio::test]
async fn a_cancel_before_the_permit_is_in_time() {
    for point in [
        SendPoint::BeforePlan,
        SendPoint::AfterPlan,
        SendPoint::BeforePermit,
    ] {
        assert!(cancelled_at(point).await.is_empty(), "{point:?}");
    }
}

#[tokio::test]
async fn a_cancel_after_the_permit_is_followed_by_the_all_clear() {
    // Who may have been told hears that it is over, and nobody knows yet that the
    // first one did not go out.
    let one = cancelled_at(SendPoint::BeforeSend).await;
    assert_eq!(one, [("sms", ANN.to_owned())]);
    for point in [SendPoint::AfterSend, SendPoint::AfterRecord] {
        let both = cancelled_at(point).await;
        assert_eq!(
            both,
            [("sms", ANN.to_owned()), ("sms", ANN.to_owned())],
            "{point:?}"
        );
    }
}
