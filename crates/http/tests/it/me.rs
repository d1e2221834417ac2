//! `/v1/sdk/me`.

use std::time::Duration;

use axum::body::Body;
use axum::http::Method;
use mayday_app::gateway::testing::TwilioSimulator;
use mayday_app::store::Lane;
use mayday_app::store::opt_outs::SetOptOut;
use mayday_app::store::testing::TestStore;
use mayday_app::testing::TestApp;
use mayday_app::testing::senders::through;
use serde_json::json;

use crate::harness::{Server, keys};

#[tokio::test]
async fn the_first_contact_makes_the_user() {
    let server = Server::start().await;
    let body = server.user("ana").get("/v1/sdk/me").await.body(200);
    assert_eq!(keys(&body), ["user"]);
    let user = &body["user"];
    assert_eq!(
        keys(user),
        [
            "address",
            "app_id",
            "email",
            "external_user_id",
            "id",
            "name",
            "phone",
            "readiness"
        ]
    );
    assert_eq!(user["app_id"], "test");
    assert_eq!(user["external_user_id"], "ana");
    assert_eq!(user["name"], "");
    assert_eq!(user["id"].as_str().unwrap().len(), 36);
    assert_eq!(keys(&user["readiness"]), ["blockers", "next_step", "score"]);
    let again = server.user("ana").get("/v1/sdk/me").await.body(200);
    assert_eq!(again["user"]["id"], user["id"]);
}

#[tokio::test]
async fn a_change_is_partial_and_an_empty_text_clears() {
    let server = Server::start().await;
    let ana = server.user("ana");
    let change = json!({"name": "Ana", "phone": "+34600111222", "pairing_code": "1"});
    let user = ana.put("/v1/sdk/me", change).await.body(200)["user"].take();
    assert_eq!(user["name"], "Ana");
    assert_eq!(user["phone"], "+34600111222");
    let user = ana.put("/v1/sdk/me", json!({"name": ""})).await.body(200)["user"].take();
    assert_eq!(user["name"], "");
    assert_eq!(user["phone"], "+34600111222");
    let same = ana.call(Method::PUT, "/v1/sdk/me", Body::empty()).await;
    assert_eq!(same.body(200)["user"], user);
    assert_eq!(ana.get("/v1/sdk/me").await.body(200)["user"], user);
}

#[tokio::test]
async fn a_faulty_field_is_named_in_the_message() {
    let server = Server::start().await;
    let ana = server.user("ana");
    let cases = [
        (json!({"name": "x".repeat(121)}), "name"),
        (json!({"email": "nobody"}), "email"),
        (json!({"email": 5}), "email"),
        (json!({"phone": "600 111 222"}), "phone"),
        (json!({"address": "x".repeat(256)}), "address"),
    ];
    for (change, field) in cases {
        let error = ana
            .put("/v1/sdk/me", change)
            .await
            .error(400, "validation_error");
        let message = error["message"].as_str().unwrap().to_lowercase();
        assert!(message.contains(field), "{field}: {message}");
        assert_eq!(error["fields"][0]["pointer"], format!("/{field}"));
    }
    let unchanged = ana.get("/v1/sdk/me").await.body(200);
    assert_eq!(unchanged["user"]["name"], "");
}

#[tokio::test]
async fn a_body_that_is_no_object_is_a_400() {
    let server = Server::start().await;
    let ana = server.user("ana");
    for body in ["[]", "{", "\"text\"", "null"] {
        let answer = ana.call(Method::PUT, "/v1/sdk/me", body).await;
        answer.error(400, "validation_error");
    }
}

#[tokio::test]
async fn readiness_is_judged_by_what_would_be_sent() {
    let store = TestStore::sqlite().await;
    let twilio = TwilioSimulator::start(store.clock.clone()).await.unwrap();
    let patience = Duration::from_secs(1);
    let node = TestApp::with_senders(store, through(&[&twilio], patience)).await;
    let server = Server::on(node);
    let ana = server.user("ana");
    let blockers = async || {
        let me = ana.get("/v1/sdk/me").await.body(200);
        let listed = me["user"]["readiness"]["blockers"].as_array().unwrap();
        let words = listed.iter().map(|word| word.as_str().unwrap().to_owned());
        words.collect::<Vec<_>>()
    };
    let says = |all: &[String], word: &str| all.iter().any(|one| one == word);
    assert!(says(&blockers().await, "no_contacts"));
    let ben = json!({"name": "Ben", "phone": "+34600111222", "email": "ben@example.org"});
    ana.post("/v1/sdk/contacts", ben).await.body(201);
    let reached = blockers().await;
    for word in [
        "no_contacts",
        "no_provider",
        "nobody_reachable",
        "contact_opted_out",
    ] {
        assert!(!says(&reached, word), "{reached:?}");
    }
    let stop = SetOptOut {
        phone: "+34600111222".to_owned(),
        provider: "provider-0".to_owned(),
        number: "+15005550006".to_owned(),
        message_id: "SM1".to_owned(),
        stop: true,
    };
    server.node.store.write(Lane::Rest, stop).await.unwrap();
    assert!(says(&blockers().await, "contact_opted_out"));
}

#[tokio::test]
async fn readiness_says_that_nothing_would_be_sent() {
    let server = Server::start().await;
    let ana = server.user("ana");
    let ben = json!({"name": "Ben", "phone": "+34600111222", "email": "ben@example.org"});
    ana.post("/v1/sdk/contacts", ben).await.body(201);
    let me = ana.get("/v1/sdk/me").await.body(200);
    let blockers = me["user"]["readiness"]["blockers"].as_array().unwrap();
    assert!(blockers.contains(&json!("no_provider")), "{blockers:?}");
}
