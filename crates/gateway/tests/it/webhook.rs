//! Partner notifications, read by the official verifier.

use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use mayday_core::clock::{ManualClock, SeededEntropy};
use mayday_core::time::Timestamp;
use mayday_gateway::guard::GuardSettings;
use mayday_gateway::secret::Secret;
use mayday_gateway::webhook::{Attempt, Endpoint, Notification, Outcome, WebhookSecret, deliver};

use crate::support::peer::{Peer, Reply, Seen};
use crate::support::{clock, impatient, local_client, url};

fn notification() -> Notification {
    Notification {
        id: "msg_01".to_owned(),
        kind: "sos.opened".to_owned(),
        body: br#"{"user":"ann","title":"SOS","body":"","data":{"type":"sos.opened"}}"#
            .as_slice()
            .into(),
    }
}

async fn attempt(reply: Reply) -> (Attempt, Peer) {
    let peer = Peer::start(vec![reply]).await;
    let endpoint = Endpoint {
        url: url(&peer.http("/hook")),
        secrets: vec![WebhookSecret::generate(&SeededEntropy::new(1))],
        api_key: None,
    };
    let client = local_client(GuardSettings::default());
    let attempt = deliver(&client, &endpoint, &notification(), &clock()).await;
    (attempt, peer)
}

fn verify(secret: &WebhookSecret, seen: &Seen) -> Result<(), standardwebhooks::WebhookError> {
    let mut headers = HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_str(seen.header(name).unwrap()).unwrap(),
        );
    }
    standardwebhooks::Webhook::new(&secret.expose())
        .unwrap()
        .verify(&seen.body, &headers)
}

/// The official verifier reads the system's clock, so the time is that clock's.
fn real_time() -> ManualClock {
    let output = std::process::Command::new("date")
        .arg("+%s")
        .output()
        .unwrap();
    let seconds = String::from_utf8(output.stdout).unwrap();
    ManualClock::new(Timestamp::from_secs(seconds.trim().parse().unwrap()))
}

#[tokio::test]
async fn both_secrets_verify_during_a_rotation() {
    let peer = Peer::start(vec![Reply::answer("204 No Content", &[], "")]).await;
    let entropy = SeededEntropy::new(1);
    let (new, old, foreign) = (
        WebhookSecret::generate(&entropy),
        WebhookSecret::generate(&entropy),
        WebhookSecret::generate(&entropy),
    );
    let endpoint = Endpoint {
        url: url(&peer.http("/hook")),
        secrets: vec![new.clone(), old.clone()],
        api_key: Some(("x-api-key".to_owned(), Secret::new("k3y"))),
    };
    let client = local_client(GuardSettings::default());
    let attempt = deliver(&client, &endpoint, &notification(), &real_time()).await;
    assert_eq!(attempt.outcome, Outcome::Delivered);
    let seen = &peer.seen()[0];
    assert!(verify(&new, seen).is_ok());
    assert!(verify(&old, seen).is_ok());
    assert!(verify(&foreign, seen).is_err());
    assert_eq!(seen.header("webhook-type"), Some("sos.opened"));
    assert_eq!(seen.header("x-api-key"), Some("k3y"));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    let mut changed = seen.clone();
    changed.body.push(b' ');
    assert!(verify(&new, &changed).is_err());
}

#[tokio::test]
async fn only_2xx_is_success_and_410_disables() {
    for status in ["200 OK", "202 Accepted", "299 Fine"] {
        let (attempt, _) = attempt(Reply::answer(status, &[], "")).await;
        assert_eq!(attempt.outcome, Outcome::Delivered, "{status}");
    }
    for status in ["301 Moved", "400 Bad", "404 Not Found", "500 Oops"] {
        let header = "location: http://127.0.0.1:1/";
        let (attempt, _) = attempt(Reply::answer(status, &[header], "sorry")).await;
        assert!(
            matches!(
                attempt.outcome,
                Outcome::Failed {
                    retry_after: None,
                    ..
                }
            ),
            "{status}"
        );
        assert_eq!(attempt.excerpt, "sorry");
    }
    let (attempt, _) = attempt(Reply::answer("410 Gone", &[], "")).await;
    assert_eq!(attempt.outcome, Outcome::Gone);
    assert_eq!(attempt.status, Some(StatusCode::GONE));
}

#[tokio::test]
async fn retry_after_is_heard() {
    let reply = Reply::answer("503 Busy", &["retry-after: 90"], "");
    let (attempt, _) = attempt(reply).await;
    let Outcome::Failed { retry_after, .. } = attempt.outcome else {
        panic!("{attempt:?}");
    };
    assert_eq!(retry_after, Some(Duration::from_secs(90)));
}

#[tokio::test]
async fn silence_fails_in_time() {
    let peer = Peer::start(vec![Reply::Hold]).await;
    let endpoint = Endpoint {
        url: url(&peer.http("/s3cret")),
        secrets: vec![WebhookSecret::generate(&SeededEntropy::new(1))],
        api_key: None,
    };
    let client = local_client(GuardSettings::default());
    let (notification, clock) = (notification(), clock());
    let work = deliver(&client, &endpoint, &notification, &clock);
    let attempt = impatient(|| peer.fell_silent(), work).await;
    let Outcome::Failed { reason, .. } = attempt.outcome else {
        panic!("{attempt:?}");
    };
    assert!(reason.contains("no answer in time"), "{reason}");
    assert!(!reason.contains("s3cret"));
    assert_eq!(attempt.status, None);
}
