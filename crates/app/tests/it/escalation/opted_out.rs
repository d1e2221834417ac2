//! A provider that says that somebody has opted out is believed.

use mayday_app::gateway::testing::Behaviour;
use mayday_core::escalation::Channel;
use mayday_core::readiness::Blocker;
use mayday_store::testing::TestStore;

use super::driver::{Stage, on_both_stores};

const ANN: &str = "+34600111222";
/// What Twilio says of a receiver who has sent STOP.
const OPTED_OUT: u64 = 21_610;

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
