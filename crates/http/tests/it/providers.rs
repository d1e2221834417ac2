//! What is not a provider's report is answered like any other stranger's request.

use axum::body::Body;
use axum::http::Request;
use mayday_app::escalation::callbacks::{CALL_DIGITS, CALL_STATUS, MESSAGE_STATUS, address};
use mayday_app::gateway::testing::TwilioSimulator;
use mayday_app::store::testing::TestStore;
use mayday_app::testing::TestApp;
use mayday_app::testing::senders::{PUBLIC_URL, through};
use mayday_http::{HttpSettings, router};

use crate::harness::{Answer, Server};

async fn server() -> Server {
    let store = TestStore::sqlite().await;
    let simulator = TwilioSimulator::start(store.clock.clone()).await.unwrap();
    let senders = through(&[&simulator], std::time::Duration::from_secs(1));
    let node = TestApp::with_senders(store, senders).await;
    let router = router(node.app.clone(), HttpSettings::default());
    Server { node, router }
}

async fn post(server: &Server, path: &str, signature: &str, body: &str) -> Answer {
    let request = Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-twilio-signature", signature)
        .body(Body::from(body.to_owned()))
        .unwrap();
    server.send(request).await
}

#[tokio::test]
async fn each_address_that_a_provider_is_given_takes_its_reports() {
    let server = server().await;
    for path in [MESSAGE_STATUS, CALL_STATUS, CALL_DIGITS] {
        let url = address(PUBLIC_URL, path, "provider-0");
        let path = url.strip_prefix(PUBLIC_URL).unwrap();
        let form = [("MessageSid", "SM1"), ("CallSid", "CA1"), ("Digits", "4")];
        let (body, signature) = TwilioSimulator::signed(&url, &form);
        let answer = post(&server, path, &signature, &body).await;
        assert_eq!(answer.status.as_u16(), 200, "{path}: {}", answer.text);
        assert_eq!(
            answer.header("content-type"),
            Some("text/xml; charset=utf-8")
        );
        assert!(answer.text.starts_with("<?xml"), "{}", answer.text);
        let forged = post(&server, path, &signature, &format!("{body}1")).await;
        forged.error(403, "signature_invalid");
        // The name that arrived counts for nothing, the configured one does.
        let (_, elsewhere) = TwilioSimulator::signed(&format!("http://localhost{path}"), &form);
        let answer = post(&server, path, &elsewhere, &body).await;
        answer.error(403, "signature_invalid");
    }
}

#[tokio::test]
async fn nobody_else_reports_here() {
    let server = server().await;
    for path in [
        "nobody/message-status",
        "screen/call-status",
        "provider-0/other",
    ] {
        let answer = post(&server, &format!("/v1/public/providers/{path}"), "", "a=b").await;
        answer.error(404, "not_found");
    }
}
