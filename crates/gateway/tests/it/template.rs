//! Providers that a template describes.

use std::collections::BTreeSet;
use std::sync::Arc;

use hyper::Method;
use mayday_core::time::Timestamp;
use mayday_gateway::guard::GuardSettings;
use mayday_gateway::outcome::{Found, Next, Outcome};
use mayday_gateway::secret::Secret;
use mayday_gateway::sms::{OutgoingSms, SmsProvider};
use mayday_gateway::template::{
    BodyKind, InvalidTemplate, Success, TemplateProvider, TemplateSettings,
};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::support::peer::{Peer, Reply};
use crate::support::{clock, impatient, local_client};

/// Letters that mean something in JSON, XML, URLs and templates.
const TEXT: &str = "Ann \"&to=+1 <b>' {to}\\ é\nhttps://sos.example/t/1?a=b#c";

fn sms() -> OutgoingSms {
    OutgoingSms {
        to: "+34600111222".to_owned(),
        text: TEXT.to_owned(),
        mark: "https://sos.example/t/1".to_owned(),
        status_callback: None,
    }
}

fn settings(url: String, body: Option<(BodyKind, &str)>) -> TemplateSettings {
    TemplateSettings {
        method: Method::POST,
        url,
        headers: vec![("authorization".to_owned(), Secret::new("Key s3cret"))],
        body: body.map(|(kind, text)| (kind, text.to_owned())),
        success: Success {
            statuses: BTreeSet::from([200, 202]),
            equals: Some(("/status".to_owned(), json!("queued"))),
        },
        id_pointer: Some("/messages/0/id".to_owned()),
    }
}

fn provider(settings: TemplateSettings) -> Result<TemplateProvider, InvalidTemplate> {
    let client = local_client(GuardSettings::default());
    TemplateProvider::new(client, settings, Arc::new(clock()))
}

const GOOD: &str = r#"{"status":"queued","messages":[{"id":42}]}"#;

#[tokio::test]
async fn texts_are_encoded_for_where_they_stand() {
    let peer = Peer::start(vec![Reply::answer("202 Accepted", &[], GOOD)]).await;
    let templates = [
        (
            BodyKind::Json,
            r#"{"to":"{digits}","nested":{"text":"{text}"}}"#,
        ),
        (BodyKind::Form, "to={to}&text={text}"),
        (BodyKind::Xml, "<sms to=\"{to}\">{text}</sms>"),
    ];
    for template in templates {
        let url = peer.http("/send?n={to}&t={text}");
        let provider = provider(settings(url, Some(template))).unwrap();
        let outcome = provider.send(&sms()).await;
        assert_eq!(
            outcome,
            Outcome::Accepted {
                provider_id: "42".to_owned()
            }
        );
    }
    let seen = peer.seen();
    let body: Value = serde_json::from_slice(&seen[0].body).unwrap();
    assert_eq!(body, json!({"to": "34600111222", "nested": {"text": TEXT}}));
    let form: Vec<_> = form_urlencoded::parse(&seen[1].body).into_owned().collect();
    assert_eq!(form.len(), 2);
    assert_eq!(form[1], ("text".to_owned(), TEXT.to_owned()));
    let xml = String::from_utf8(seen[2].body.clone()).unwrap();
    assert!(
        xml.contains("Ann &quot;&amp;to=+1 &lt;b&gt;&apos; {to}\\"),
        "{xml}"
    );
    for seen in seen {
        assert_eq!(seen.header("authorization"), Some("Key s3cret"));
        let line = seen.head.lines().next().unwrap();
        let query = line.split(['?', ' ']).nth(2).unwrap();
        let query: Vec<_> = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        assert_eq!(query[0].1, "+34600111222");
        assert_eq!((query.len(), query[1].1.as_str()), (2, TEXT));
    }
}

#[tokio::test]
async fn answers_are_judged_by_the_rule() {
    for (reply, expected) in [
        (
            Reply::answer("200 OK", &[], r#"{"status":"rejected"}"#),
            Some(Next::OtherProvider),
        ),
        (
            Reply::answer("403 No", &[], GOOD),
            Some(Next::OtherProvider),
        ),
        (
            Reply::answer("429 Slow", &[], GOOD),
            Some(Next::Retry { after: None }),
        ),
        (Reply::answer("500 Oops", &[], GOOD), None),
        (Reply::answer("200 OK", &[], "<html>"), None),
        (Reply::Hold, None),
    ] {
        let peer = Peer::start(vec![reply.clone()]).await;
        let provider = provider(settings(peer.http("/"), None)).unwrap();
        let sent = sms();
        let outcome = impatient(|| peer.fell_silent(), provider.send(&sent)).await;
        match (&outcome, expected) {
            (Outcome::Refused(refusal), Some(next)) => assert_eq!(refusal.next, next),
            (Outcome::Ambiguous { .. }, None) => {}
            _ => panic!("{reply:?}: {outcome:?}"),
        }
        let found = provider.find(&sms(), Timestamp::from_secs(0), &[]).await;
        assert!(matches!(found, Found::Unknown { .. }));
    }
}

#[tokio::test]
async fn templates_that_cannot_work_are_refused() {
    let fine = || "https://sms.example/send".to_owned();
    for (url, body) in [
        ("https://{to}.example/".to_owned(), None),
        ("https://sms.example{text}/".to_owned(), None),
        ("https://sms.example/{phone}".to_owned(), None),
        ("no url".to_owned(), None),
        (fine(), Some((BodyKind::Json, r#"{"to":{to}}"#))),
        (fine(), Some((BodyKind::Json, r#"{"to":"{to}""#))),
        (fine(), Some((BodyKind::Form, "to={nobody}"))),
    ] {
        assert!(
            provider(settings(url.clone(), body)).is_err(),
            "{url} {body:?}"
        );
    }
    let mut header = settings(fine(), None);
    header.headers = vec![("x-key".to_owned(), Secret::new("s3cret\r\nx: y"))];
    let error = provider(header).unwrap_err().to_string();
    assert!(!error.contains("s3cret"), "{error}");
}
