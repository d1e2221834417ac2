//! Twilio's REST API against the simulator.

use std::sync::Arc;
use std::time::Duration;

use mayday_core::clock::ManualClock;
use mayday_gateway::guard::{GuardSettings, GuardedClient};
use mayday_gateway::outcome::{Delivery, Found, Next, Outcome, Refusal};
use mayday_gateway::secret::Secret;
use mayday_gateway::sms::keyword::Keyword;
use mayday_gateway::sms::{OutgoingSms, SmsProvider};
use mayday_gateway::testing::{Behaviour, Mishap, TwilioSimulator};
use mayday_gateway::twilio::{
    AnsweredBy, Digits, InboundSms, MessageStatus, Sender, Twilio, parameters, verify,
};
use mayday_gateway::voice::{OutgoingCall, Script, VoiceProvider};

use crate::support::peer::{Peer, Reply};
use crate::support::{clock, impatient, local_client};

struct Scene {
    simulator: TwilioSimulator,
    twilio: Twilio,
    clock: Arc<ManualClock>,
    client: GuardedClient,
}

async fn scene() -> Scene {
    let clock = Arc::new(clock());
    let simulator = TwilioSimulator::start(clock.clone()).await.unwrap();
    let client = local_client(GuardSettings::default());
    let twilio = Twilio::new(client.clone(), simulator.settings(), clock.clone());
    Scene {
        simulator,
        twilio,
        clock,
        client,
    }
}

fn sms(link: &str) -> OutgoingSms {
    OutgoingSms {
        to: "+34600111222".to_owned(),
        text: format!("SOS: Íñigo & co need help! 40.4,-3.7 {link}"),
        mark: link.to_owned(),
        status_callback: Some("http://127.0.0.1:9/callback".to_owned()),
    }
}

fn call() -> OutgoingCall {
    OutgoingCall {
        to: "+34600111222".to_owned(),
        script: Script {
            language: "es-ES".to_owned(),
            message: "Ana necesita ayuda. Pulse 4.".to_owned(),
            farewell: "Adiós.".to_owned(),
            times: 3,
            digits_callback: "https://sos.example/v1".to_owned(),
        },
        status_callback: Some("https://sos.example/v2".to_owned()),
    }
}

fn refusal(outcome: Outcome) -> Refusal {
    match outcome {
        Outcome::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

const SENT: Delivery = Delivery::Sent;
const DELIVERED: Delivery = Delivery::Delivered;

const LINK: &str = "https://sos.example/t/AAA";

#[tokio::test]
async fn a_message_arrives_as_it_was_written() {
    let scene = scene().await;
    let sent = sms(LINK);
    let outcome = scene.twilio.send(&sent).await;
    let log = scene.simulator.log();
    assert_eq!(
        outcome,
        Outcome::Accepted {
            provider_id: log[0].sid.clone()
        }
    );
    assert_eq!(log[0].get("Body"), Some(sent.text.as_str()));
    assert_eq!(log[0].get("To"), Some("+34600111222"));
    assert_eq!(log[0].get("From"), Some("+15005550006"));
    assert_eq!(
        log[0].get("StatusCallback"),
        sent.status_callback.as_deref()
    );
}

#[tokio::test]
async fn each_refusal_says_what_can_follow() {
    let scene = scene().await;
    for (behaviour, next) in [
        (Behaviour::Refuse(400, 21_211), Next::Never),
        (Behaviour::Refuse(400, 21_610), Next::Never),
        (Behaviour::Refuse(400, 21_614), Next::Never),
        (Behaviour::Refuse(400, 21_408), Next::OtherProvider),
        (Behaviour::Refuse(401, 20_003), Next::OtherProvider),
        (Behaviour::Refuse(503, 20_503), Next::Retry { after: None }),
        (
            Behaviour::TooMany(7),
            Next::Retry {
                after: Some(Duration::from_secs(7)),
            },
        ),
    ] {
        scene.simulator.behave([behaviour.clone()]);
        let refusal = refusal(scene.twilio.send(&sms(LINK)).await);
        assert_eq!(refusal.next, next, "{behaviour:?}");
        assert!(refusal.code.is_some());
        assert!(!refusal.reason.contains("600111222"));
    }
    assert!(scene.simulator.log().is_empty());
}

#[tokio::test]
async fn wrong_credentials_are_told_and_not_shown() {
    let scene = scene().await;
    let mut settings = scene.simulator.settings();
    settings.password = Secret::new("wrong-s3cret");
    let twilio = Twilio::new(scene.client.clone(), settings, scene.clock.clone());
    let refusal = refusal(twilio.send(&sms(LINK)).await);
    assert_eq!(refusal.next, Next::OtherProvider);
    assert_eq!(refusal.code.as_deref(), Some("20003"));
    assert!(!format!("{twilio:?} {refusal:?}").contains("s3cret"));
    let found = SmsProvider::find(&twilio, &sms(LINK), scene.clock_time(), &[]).await;
    assert!(matches!(found, Found::Unknown { .. }), "{found:?}");
}

impl Scene {
    fn clock_time(&self) -> mayday_core::time::Timestamp {
        mayday_core::clock::Clock::now(self.clock.as_ref())
    }

    /// Does this without waiting long for answers that never come.
    async fn impatient<T>(&self, work: impl Future<Output = T>) -> T {
        impatient(|| self.simulator.fell_silent(), work).await
    }
}

#[tokio::test]
async fn an_answer_that_never_comes_is_looked_up() {
    let scene = scene().await;
    let since = scene.clock_time();
    scene.twilio.send(&sms("https://sos.example/t/other")).await;
    for (behaviour, taken) in [
        (Behaviour::AcceptInSilence, true),
        (Behaviour::Silence, false),
        (Behaviour::Crash, false),
    ] {
        let link = format!("https://sos.example/t/{behaviour:?}");
        scene.simulator.behave([behaviour]);
        let sent = sms(&link);
        let outcome = scene.impatient(scene.twilio.send(&sent)).await;
        assert!(matches!(outcome, Outcome::Ambiguous { .. }), "{outcome:?}");
        let found = SmsProvider::find(&scene.twilio, &sms(&link), since, &[]).await;
        if taken {
            let expected = scene.simulator.log().pop().unwrap().sid;
            assert_eq!(
                found,
                Found::Sent {
                    provider_id: expected,
                    status: Delivery::Scheduled
                }
            );
        } else {
            assert_eq!(found, Found::Absent);
        }
    }
}

#[tokio::test]
async fn a_look_up_turns_pages_and_stops_at_the_time() {
    let scene = scene().await;
    let since = scene.clock_time();
    scene.twilio.send(&sms(LINK)).await;
    for turn in 0..70 {
        let link = format!("https://sos.example/t/{turn}");
        scene.twilio.send(&sms(&link)).await;
    }
    let found = SmsProvider::find(&scene.twilio, &sms(LINK), since, &[]).await;
    assert!(matches!(found, Found::Sent { .. }), "{found:?}");
    let later = since.plus(Duration::from_mins(3));
    let found = SmsProvider::find(&scene.twilio, &sms(LINK), later, &[]).await;
    assert_eq!(found, Found::Absent);
    // More than a look-up reads is not taken for absence.
    for turn in 100..200 {
        let link = format!("https://sos.example/t/{turn}");
        scene.twilio.send(&sms(&link)).await;
    }
    let found = SmsProvider::find(&scene.twilio, &sms(LINK), since, &[]).await;
    assert!(matches!(found, Found::Unknown { .. }), "{found:?}");
}

#[tokio::test]
async fn a_message_is_found_though_the_clocks_differ_and_others_are_passed_over() {
    let scene = scene().await;
    scene.twilio.send(&sms(LINK)).await;
    let sid = scene.simulator.log()[0].sid.clone();
    let ours = scene.clock_time().plus(Duration::from_secs(90));
    let found = SmsProvider::find(&scene.twilio, &sms(LINK), ours, &[]).await;
    assert!(matches!(found, Found::Sent { .. }), "{found:?}");
    let found = SmsProvider::find(&scene.twilio, &sms(LINK), ours, &[sid]).await;
    assert_eq!(found, Found::Absent);
}

#[tokio::test]
async fn a_call_carries_its_script() {
    let scene = scene().await;
    let outcome = scene.twilio.call(&call()).await;
    assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    let log = scene.simulator.log();
    let script = log[0].get("Twiml").unwrap();
    assert_eq!(script.matches("Ana necesita ayuda. Pulse 4.").count(), 3);
    assert_eq!(log[0].get("MachineDetection"), Some("Enable"));
    let mut settings = scene.simulator.settings();
    settings.sender = Sender::Service("MG1".to_owned());
    let service = Twilio::new(scene.client.clone(), settings, scene.clock.clone());
    let refused = refusal(service.call(&call()).await);
    assert_eq!(refused.next, Next::OtherProvider);
}

#[tokio::test]
async fn a_call_is_found_by_number_and_time() {
    let scene = scene().await;
    scene.twilio.call(&call()).await;
    scene.clock.advance(Duration::from_mins(3));
    // That of another attempt, a moment ago.
    scene.twilio.call(&call()).await;
    let taken = [scene.simulator.log()[1].sid.clone()];
    scene.clock.advance(Duration::from_secs(1));
    let since = scene.clock_time();
    scene.simulator.behave([Behaviour::Silence]);
    let made = call();
    let outcome = scene.impatient(scene.twilio.call(&made)).await;
    assert!(matches!(outcome, Outcome::Ambiguous { .. }), "{outcome:?}");
    let found = VoiceProvider::find(&scene.twilio, &call(), since, &taken).await;
    assert_eq!(found, Found::Absent);
    scene.simulator.behave([Behaviour::AcceptInSilence]);
    scene.impatient(scene.twilio.call(&made)).await;
    let found = VoiceProvider::find(&scene.twilio, &call(), since, &taken).await;
    assert!(matches!(found, Found::Sent { .. }), "{found:?}");
}

#[tokio::test]
async fn reports_are_signed_and_come_twice_and_in_any_order() {
    let scene = scene().await;
    let peer = Peer::start(vec![Reply::answer("204 No Content", &[], "")]).await;
    let mut sent = sms(LINK);
    let url = peer.http("/callback?app=demo");
    sent.status_callback = Some(url.clone());
    scene.twilio.send(&sent).await;
    let sid = scene.simulator.log()[0].sid.clone();
    for mishap in [Mishap::Twice, Mishap::Reversed] {
        let states = ["sent", "delivered"];
        let reported = scene.simulator.report(&scene.client, &sid, &states, mishap);
        reported.await.unwrap();
    }
    let mut heard = Vec::new();
    for seen in peer.seen() {
        let form = parameters(&seen.body).unwrap();
        let signature = seen.header("x-twilio-signature").unwrap();
        assert!(verify(&TwilioSimulator::token(), &url, &form, signature));
        let elsewhere = peer.http("/callback?app=other");
        assert!(!verify(
            &TwilioSimulator::token(),
            &elsewhere,
            &form,
            signature
        ));
        let (of, status, _) = MessageStatus::read(&form).unwrap();
        assert_eq!(of, sid);
        heard.push(status.delivery());
    }
    assert_eq!(heard, [SENT, SENT, DELIVERED, DELIVERED, DELIVERED, SENT]);
}

#[test]
fn reports_are_read_by_kind() {
    let form = |text: &str| parameters(text.as_bytes()).unwrap();
    let inbound = form("MessageSid=SM1&From=%2B34600111222&To=%2B1500&Body=Vale%21");
    let read = InboundSms::read(&inbound).unwrap();
    assert_eq!(read.keyword, Some(Keyword::Acknowledge));
    assert!(!format!("{read:?}").contains("600111222"));
    assert!(
        Digits::read(&form("CallSid=CA1&Digits=4"))
            .unwrap()
            .acknowledges
    );
    assert!(
        !Digits::read(&form("CallSid=CA1&Digits=5"))
            .unwrap()
            .acknowledges
    );
    for (word, by) in [
        ("human", AnsweredBy::Human),
        ("machine_end_beep", AnsweredBy::Machine),
        ("fax", AnsweredBy::Machine),
        ("unknown", AnsweredBy::Unknown),
    ] {
        let read = AnsweredBy::read(&form(&format!("CallSid=CA1&AnsweredBy={word}")));
        assert_eq!(read, Some(("CA1".to_owned(), by)));
    }
    let failed = form("MessageSid=SM1&MessageStatus=undelivered&ErrorCode=30003");
    let (_, status, code) = MessageStatus::read(&failed).unwrap();
    assert_eq!(
        (status.delivery(), code.as_deref()),
        (Delivery::Failed, Some("30003"))
    );
    assert!(MessageStatus::read(&form("MessageSid=SM1")).is_none());
}
