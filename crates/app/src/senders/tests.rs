use std::sync::Arc;
use std::time::Duration;

use mayday_core::clock::ManualClock;
use mayday_gateway::guard::{GuardSettings, SystemResolver};
use mayday_gateway::onscreen::Message;
use mayday_gateway::outcome::Refusal;
use mayday_gateway::routes::Route;
use mayday_gateway::sms::OutgoingSms;

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_000_000);
const SPAIN: &str = "+34600111222";
const JAMAICA: &str = "+18765550123";

fn settings() -> SenderSettings {
    let client = GuardedClient::new(GuardSettings::default(), Arc::new(SystemResolver));
    SenderSettings::none(client.unwrap(), Arc::new(ManualClock::new(NOW)))
}

/// A provider that stands for one of its kind; it shows what it is given.
fn provider(name: &str) -> Provider {
    let screen = Arc::new(OnScreen::new(1, Arc::new(ManualClock::new(NOW))));
    Provider {
        name: name.to_owned(),
        kind: "template",
        sms: Some(screen),
        voice: None,
        twilio: None,
    }
}

fn route(prefix: &str, providers: &[&str]) -> Route {
    Route {
        prefix: prefix.to_owned(),
        providers: providers.iter().map(ToString::to_string).collect(),
    }
}

fn two() -> Senders {
    Senders::new(SenderSettings {
        providers: vec![provider("main"), provider("spare")],
        sms_routes: vec![route("+", &["main", "spare"])],
        countries: vec![CountryCode::parse("ES").unwrap()],
        ..settings()
    })
    .unwrap()
}

fn names(senders: &Senders, to: &str, urgency: Urgency, now: Timestamp) -> Vec<String> {
    let candidates = senders.sms(to, urgency, now).into_iter();
    candidates.map(|candidate| candidate.name).collect()
}

#[test]
fn without_providers_nothing_is_reached_and_the_screen_is_there() {
    let senders = Senders::new(settings()).unwrap();
    for channel in Channel::OF_CONTACTS {
        let reach = senders.reach(channel, SPAIN);
        assert_eq!(reach, Err(Unreachable::NoProvider), "{channel:?}");
    }
    assert!(senders.sms(SPAIN, Urgency::Emergency, NOW).is_empty());
    assert!(senders.sms_provider(SCREEN).is_some());
    assert!(senders.voice_provider(SCREEN).is_some());
    assert!(senders.sms_provider("main").is_none());
    assert!(senders.health(NOW).is_empty());
}

#[test]
fn a_country_that_is_not_allowed_is_not_reached() {
    let senders = two();
    assert_eq!(senders.reach(Channel::Sms, SPAIN), Ok(()));
    let jamaica = senders.reach(Channel::Sms, JAMAICA);
    assert_eq!(jamaica, Err(Unreachable::Country));
    assert!(senders.sms(JAMAICA, Urgency::Emergency, NOW).is_empty());
    let voice = senders.reach(Channel::Voice, SPAIN);
    assert_eq!(voice, Err(Unreachable::NoProvider));
}

#[test]
fn who_fails_is_tried_last_and_seen() {
    let senders = two();
    let ask = |urgency, now| names(&senders, SPAIN, urgency, now);
    assert_eq!(ask(Urgency::Emergency, NOW), ["main", "spare"]);
    for _ in 0..5 {
        let refused = Outcome::Refused(Refusal::elsewhere("suspended"));
        senders.record(Channel::Sms, "main", &refused, NOW);
    }
    assert_eq!(ask(Urgency::Emergency, NOW), ["spare", "main"]);
    assert_eq!(ask(Urgency::Routine, NOW), ["spare"]);
    let accepted = Outcome::Accepted {
        provider_id: "1".to_owned(),
    };
    senders.record(Channel::Sms, "spare", &accepted, NOW);
    let health = senders.health(NOW);
    let told: Vec<_> = health
        .iter()
        .map(|one| {
            (
                one.name.as_str(),
                one.failing,
                one.sends.accepted,
                one.sends.refused,
            )
        })
        .collect();
    assert_eq!(told, [("main", true, 0, 5), ("spare", false, 1, 0)]);
    assert_eq!(health[0].last_failure.as_deref(), Some("suspended"));
    let later = NOW.plus(Duration::from_secs(31));
    assert_eq!(ask(Urgency::Routine, later), ["main", "spare"]);
}

#[test]
fn names_and_routes_must_fit_together() {
    let taken = |name: &str| {
        Senders::new(SenderSettings {
            providers: vec![provider("main"), provider(name)],
            ..settings()
        })
    };
    for name in ["main", SCREEN, SMTP] {
        let refused = taken(name).unwrap_err();
        assert_eq!(refused, InvalidSenders::Name(name.to_owned()));
    }
    let refused = Senders::new(SenderSettings {
        providers: vec![provider("main")],
        voice_routes: vec![route("+", &["main"])],
        ..settings()
    });
    let told = refused.unwrap_err().to_string();
    assert!(told.contains("voice") && told.contains("main"), "{told}");
}

#[tokio::test]
async fn a_route_may_lead_to_the_screen() {
    let senders = Senders::new(SenderSettings {
        sms_routes: vec![route("+", &[SCREEN])],
        ..settings()
    })
    .unwrap();
    let candidates = senders.sms(SPAIN, Urgency::Emergency, NOW);
    let sms = OutgoingSms {
        to: SPAIN.to_owned(),
        text: "SOS".to_owned(),
        mark: "SOS".to_owned(),
        status_callback: None,
    };
    candidates[0].provider.send(&sms).await;
    let shown = senders.screen().after(0);
    assert_eq!(shown[0].message, Message::Sms(sms));
    assert_eq!(senders.health(NOW)[0].kind, SCREEN);
}
