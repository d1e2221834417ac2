//! `/v1/sso`: joined accounts, signatures and settings, as they are on the wire.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use mayday_app::testing::{APP_ID, Partner};
use mayday_core::clock::Clock as _;
use serde_json::{Value, json};

use crate::harness::{Answer, Server, keys};

async fn send(server: &Server, method: Method, path: &str, token: &str, body: &Value) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {token}"))
        .body(Body::from(body.to_string()));
    server.send(request.unwrap()).await
}

async fn post(server: &Server, path: &str, token: &str, body: Value) -> Answer {
    send(server, Method::POST, path, token, &body).await
}

async fn put(server: &Server, path: &str, token: &str, body: Value) -> Answer {
    send(server, Method::PUT, path, token, &body).await
}

/// A log-in of a partner's token.
async fn log_in(server: &Server, partner: &Partner, token: &str, claims: [&str; 2]) -> Answer {
    let now = server.node.store.clock.now().as_secs();
    let [subject, email] = claims;
    let claims = json!({
        "sub": subject, "email": email, "aud": partner.audience(),
        "iat": now, "exp": now + 3_000,
    });
    partner.answer(token, 200, claims);
    let body = json!({"realm": APP_ID, "token": token});
    post(server, "/v1/sso/login", "", body).await
}

/// What the token endpoint of OAuth says of a log-in that has to be linked.
async fn exchange(server: &Server, token: &str) -> Value {
    let body = format!(
        "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&client_id={APP_ID}\
         &subject_token={token}&subject_token_type=urn:ietf:params:oauth:token-type:jwt"
    );
    let request = Request::post("/oauth/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(body));
    let answer = server.send(request.unwrap()).await.body(400);
    assert_eq!(answer["error"], "invalid_request");
    answer
}

async fn member(server: &Server, partner: &Partner) -> String {
    let answer = log_in(server, partner, "t0", ["ana", "ana@example.org"]).await;
    answer.body(200)["accessToken"].as_str().unwrap().to_owned()
}

async fn code(server: &Server) -> String {
    let mails = server.node.store.mails().await;
    let mut codes = mails.iter().filter_map(|mail| mail.values.get("code"));
    codes.next_back().unwrap().clone()
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) -> Value {
    let body = answer.body(status);
    assert_eq!(
        (&body["code"], &body["responseCode"]),
        (&json!(code), &json!(code))
    );
    body
}

#[track_caller]
fn done(answer: &Answer) {
    assert_eq!(answer.body(200), json!({"responseCode": "ok"}));
}

#[tokio::test]
async fn a_log_in_is_joined_with_the_account_of_its_address() {
    let server = Server::start().await;
    let partner = server.node.partner(1).await;
    let old = server.user("u-17");
    let profile = json!({"name": "Ana", "email": "ana@example.org"});
    old.put("/v1/sdk/me", profile).await.body(200);
    let contact = json!({"name": "Ben", "phone": "+34600111222", "email": "ben@example.org"});
    old.post("/v1/sdk/contacts", contact).await.body(201);

    let answer = log_in(&server, &partner, "t1", ["new-ana", "ana@example.org"]).await;
    let body = refused(&answer, 409, "link_required");
    assert_eq!(body["errorType"], "validation");
    assert_eq!(body["data"]["email"], "ana@example.org");
    let pending = body["data"]["context"]["pending"].clone();
    // A standard client hears where to go on, too.
    assert_eq!(exchange(&server, "t1").await["pending"], pending);

    let ask = json!({"login": "ana@example.org", "pending": pending});
    let sent = post(&server, "/v1/sso/code", "", ask.clone())
        .await
        .body(200);
    let until = server.node.store.clock.now().as_secs() + 600;
    assert_eq!(sent, json!({"responseCode": "ok", "expireAt": until}));
    let again = post(&server, "/v1/sso/code", "", ask).await;
    refused(&again, 429, "rate_limited");
    assert_eq!(again.header("retry-after"), Some("60"));
    // Of a log-in that there is not, nothing else is heard.
    let nobody =
        json!({"login": "x@example.org", "pending": "019a5b7e-7c4e-7d0a-9d5c-1f2e3d4c5b6a"});
    assert_eq!(
        post(&server, "/v1/sso/code", "", nobody).await.body(200),
        sent
    );

    let code = code(&server).await;
    let link = |code: &str| json!({"realm": APP_ID, "token": "t1", "code": code});
    refused(
        &post(&server, "/v1/sso/link", "", link("12345")).await,
        400,
        "validation_error",
    );
    let session = post(&server, "/v1/sso/link", "", link(&code))
        .await
        .body(200);
    assert_eq!(
        keys(&session),
        [
            "accessToken",
            "expireAt",
            "idToken",
            "refreshToken",
            "responseCode"
        ]
    );
    let access = session["accessToken"].as_str().unwrap();
    let contacts = send(
        &server,
        Method::GET,
        "/v1/sdk/contacts",
        access,
        &Value::Null,
    )
    .await;
    assert_eq!(contacts.body(200)["contacts"][0]["name"], "Ben");
    let me = send(&server, Method::GET, "/v1/sdk/me", access, &Value::Null)
        .await
        .body(200);
    assert_eq!(me["user"]["external_user_id"], "new-ana");
    let me = old.get("/v1/sdk/me").await.body(200);
    assert_eq!(me["user"]["external_user_id"], "u-17");
}

#[tokio::test]
async fn a_wrong_code_is_refused_and_the_fifth_spends_the_token() {
    let server = Server::start().await;
    let partner = server.node.partner(1).await;
    let profile = json!({"email": "ana@example.org"});
    server
        .user("u-17")
        .put("/v1/sdk/me", profile)
        .await
        .body(200);
    let answer = log_in(&server, &partner, "t1", ["new-ana", "ana@example.org"]).await;
    let pending = answer.body(409)["data"]["context"]["pending"].take();
    let ask = json!({"login": "ana@example.org", "pending": pending});
    post(&server, "/v1/sso/code", "", ask).await.body(200);
    let right = code(&server).await;
    let wrong = if right == "000000" {
        "000001"
    } else {
        "000000"
    };
    let body = json!({"realm": APP_ID, "token": "t1", "code": wrong});
    for _ in 0..4 {
        let answer = post(&server, "/v1/sso/link", "", body.clone()).await;
        refused(&answer, 403, "verification_failed");
    }
    let answer = post(&server, "/v1/sso/link", "", body).await;
    refused(&answer, 401, "verification_limit");
    let answer = log_in(&server, &partner, "t1", ["new-ana", "ana@example.org"]).await;
    refused(&answer, 401, "verification_limit");
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a story is told in one go")]
async fn a_signature_is_set_verified_locked_and_replaced() {
    let server = Server::start().await;
    let partner = server.node.partner(1).await;
    let ana = member(&server, &partner).await;
    let path = "/v1/sso/signature";
    let profile = send(&server, Method::GET, "/v1/sso/profile", &ana, &Value::Null).await;
    assert_eq!(
        profile.body(200),
        json!({
            "responseCode": "ok",
            "profile": {"user": "ana", "name": null, "email": "ana@example.org", "avatar": null},
            "ackTnC": false, "ackPrivacy": false, "hasPwd": false,
        })
    );
    let verify = json!({"signature": "111111"});
    let answer = post(&server, "/v1/sso/signature/verify", &ana, verify.clone()).await;
    refused(&answer, 409, "conflict");
    refused(
        &put(&server, path, &ana, json!({})).await,
        400,
        "validation_error",
    );
    refused(
        &put(&server, path, &ana, json!({"signature": "1"})).await,
        400,
        "validation_error",
    );
    done(
        &put(
            &server,
            path,
            &ana,
            json!({"signature": "111111", "duress": "222222"}),
        )
        .await,
    );
    done(&post(&server, "/v1/sso/signature/verify", &ana, verify).await);
    let change = json!({"signature": "333333"});
    let answer = put(&server, path, &ana, change).await;
    let said = refused(&answer, 403, "signature_required");
    assert_eq!(
        said["error"],
        "a signature is set already: send it as `current`"
    );
    let change = json!({"signature": "333333", "current": "444444"});
    refused(
        &put(&server, path, &ana, change).await,
        403,
        "signature_invalid",
    );

    let ask =
        |n: u8| json!({"question": format!("Question {n}?"), "answer": format!("answer {n}")});
    let questions = json!({"questions": [ask(1), ask(2), ask(3)], "current": "111111"});
    done(&put(&server, "/v1/sso/signature/questions", &ana, questions).await);
    let sent = post(&server, "/v1/sso/signature/reset", &ana, json!({}))
        .await
        .body(200);
    assert_eq!(
        sent["questions"],
        json!(["Question 1?", "Question 2?", "Question 3?"])
    );
    let again = post(&server, "/v1/sso/signature/reset", &ana, json!({})).await;
    refused(&again, 429, "rate_limited");
    let right = code(&server).await;
    let confirm = |code: &str| json!({"code": code, "answers": ["Answer 1", "answer 2", "ANSWER 3"], "signature": "555555"});
    let wrong = if right == "000000" {
        "000001"
    } else {
        "000000"
    };
    let path = "/v1/sso/signature/reset/confirm";
    refused(
        &post(&server, path, &ana, confirm(wrong)).await,
        403,
        "verification_failed",
    );
    done(&post(&server, path, &ana, confirm(&right)).await);
    let verify = json!({"signature": "555555"});
    done(&post(&server, "/v1/sso/signature/verify", &ana, verify).await);

    let guess = json!({"signature": "999999"});
    for _ in 0..5 {
        let answer = post(&server, "/v1/sso/signature/verify", &ana, guess.clone()).await;
        refused(&answer, 403, "signature_invalid");
    }
    let answer = post(&server, "/v1/sso/signature/verify", &ana, guess).await;
    refused(&answer, 429, "rate_limited");
    assert_eq!(answer.header("retry-after"), Some("900"));
    server.node.store.clock.advance(Duration::from_mins(15));
}

#[tokio::test]
async fn the_fifth_wrong_code_logs_the_user_out() {
    let server = Server::start().await;
    let partner = server.node.partner(1).await;
    let ana = member(&server, &partner).await;
    done(
        &put(
            &server,
            "/v1/sso/signature",
            &ana,
            json!({"signature": "111111"}),
        )
        .await,
    );
    let ask = |n: u8| json!({"question": format!("Question {n}?"), "answer": "x"});
    let questions = json!({"questions": [ask(1), ask(2), ask(3)], "current": "111111"});
    done(&put(&server, "/v1/sso/signature/questions", &ana, questions).await);
    post(&server, "/v1/sso/signature/reset", &ana, json!({}))
        .await
        .body(200);
    let confirm =
        json!({"code": code(&server).await, "answers": ["x", "x", "y"], "signature": "555555"});
    let path = "/v1/sso/signature/reset/confirm";
    for _ in 0..4 {
        refused(
            &post(&server, path, &ana, confirm.clone()).await,
            403,
            "verification_failed",
        );
    }
    refused(
        &post(&server, path, &ana, confirm.clone()).await,
        401,
        "verification_limit",
    );
    refused(
        &post(&server, path, &ana, confirm).await,
        401,
        "verification_limit",
    );
}

#[tokio::test]
async fn settings_are_changed_in_part_and_checked() {
    let server = Server::start().await;
    let partner = server.node.partner(1).await;
    let ana = member(&server, &partner).await;
    let path = "/v1/sso/settings";
    let change = json!({"currency": "EUR", "advMode": true, "ackTnC": true});
    let settings = put(&server, path, &ana, change).await.body(200);
    let change = json!({"language": "pt-BR", "sigResetReq": true});
    let mut expected = settings;
    expected["language"] = "pt-BR".into();
    expected["sigResetReq"] = true.into();
    assert_eq!(put(&server, path, &ana, change).await.body(200), expected);
    assert_eq!(
        expected,
        json!({
            "responseCode": "ok", "currency": "EUR", "advMode": true, "language": "pt-BR",
            "sigResetReq": true, "ackTnC": true, "ackPrivacy": false,
        })
    );
    for bad in [
        json!({"currency": "euro"}),
        json!({"language": "en_US"}),
        json!({"advMode": "yes"}),
    ] {
        refused(
            &put(&server, path, &ana, bad).await,
            400,
            "validation_error",
        );
    }
}

#[tokio::test]
async fn a_signed_session_has_no_signature_to_set() {
    let server = Server::start().await;
    let answer = server
        .user("ana")
        .put("/v1/sso/signature", json!({"signature": "111111"}))
        .await;
    refused(&answer, 401, "unauthorized");
}
