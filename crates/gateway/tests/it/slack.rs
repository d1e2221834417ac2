//! Slack's answers, as it documents them for incoming webhooks.

use std::time::Duration;

use mayday_gateway::guard::GuardSettings;
use mayday_gateway::slack::{SlackMessage, SlackOutcome, post};

use crate::support::peer::{Peer, Reply};
use crate::support::{clock, local_client, url};

async fn posted(reply: Reply) -> (SlackOutcome, Peer) {
    let peer = Peer::start(vec![reply]).await;
    let message = SlackMessage {
        title: "SOS: Ann".to_owned(),
        body: "40.4168, -3.7038".to_owned(),
        link: None,
    };
    let webhook = url(&peer.http("/services/T0/B0/s3cret"));
    let client = local_client(GuardSettings::default());
    (post(&client, &webhook, &message, &clock()).await, peer)
}

#[tokio::test]
async fn every_success_counts_but_a_page() {
    let (outcome, peer) = posted(Reply::answer("200 OK", &[], "ok")).await;
    assert_eq!(outcome, SlackOutcome::Posted);
    let body: serde_json::Value = serde_json::from_slice(&peer.seen()[0].body).unwrap();
    assert_eq!(body["text"], "SOS: Ann");
    assert_eq!(body["blocks"][1]["text"]["text"], "40.4168, -3.7038");
    for (status, word) in [
        ("200 OK", ""),
        ("200 OK", r#"{"ok":true}"#),
        ("201 Made", "ok"),
    ] {
        let (outcome, _) = posted(Reply::answer(status, &[], word)).await;
        assert_eq!(outcome, SlackOutcome::Posted, "{status} {word}");
    }
    for word in ["\u{feff} <html>Welcome</html>", r#"{ "ok": false }"#] {
        let (outcome, _) = posted(Reply::answer("200 OK", &[], word)).await;
        assert!(matches!(outcome, SlackOutcome::Retry { .. }), "{word}");
    }
}

#[tokio::test]
async fn each_refusal_says_what_to_do() {
    for (status, word) in [
        ("404 Not Found", "no_service"),
        ("410 Gone", "channel_is_archived"),
    ] {
        let (outcome, _) = posted(Reply::answer(status, &[], word)).await;
        let SlackOutcome::Disabled { reason } = outcome else {
            panic!("{status}: {outcome:?}");
        };
        assert!(reason.contains(word), "{reason}");
    }
    for status in ["400 Bad Request", "403 Forbidden"] {
        let (outcome, _) = posted(Reply::answer(status, &[], "invalid_payload")).await;
        assert!(
            matches!(outcome, SlackOutcome::Refused { .. }),
            "{outcome:?}"
        );
    }
    let reply = Reply::answer("429 Slow", &["retry-after: 30"], "rate_limited");
    let (outcome, _) = posted(reply).await;
    let SlackOutcome::Retry { after, .. } = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(after, Some(Duration::from_secs(30)));
    for reply in [Reply::answer("500 Oops", &[], ""), Reply::Close] {
        let (outcome, _) = posted(reply).await;
        let SlackOutcome::Retry { reason, .. } = outcome else {
            panic!("{outcome:?}");
        };
        assert!(!reason.contains("s3cret"), "{reason}");
    }
}
