//! `/v1/sdk/me`.

use axum::body::Body;
use axum::http::Method;
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
