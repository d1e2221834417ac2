//! `/v1/sso`: log-in with the app's own token, and what a session is good for.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use mayday_app::admin::{AdminRequest, SessionRequest, SessionTarget};
use mayday_app::testing::{APP_ID, Partner};
use serde_json::{Value, json};

use crate::harness::{Answer, Server, keys};

/// A session as a client holds it.
struct Session {
    access: String,
    refresh: String,
    whole: Value,
}

impl Session {
    #[track_caller]
    fn of(answer: &Answer) -> Self {
        let whole = answer.body(200);
        assert_eq!(whole["responseCode"], "ok");
        let text = |name: &str| whole[name].as_str().unwrap().to_owned();
        Self {
            access: text("accessToken"),
            refresh: text("refreshToken"),
            whole,
        }
    }
}

async fn post(server: &Server, path: &str, body: &Value) -> Answer {
    let request = Request::post(path).body(Body::from(body.to_string()));
    server.send(request.unwrap()).await
}

async fn call(server: &Server, method: Method, path: &str, token: &str, body: &str) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {token}"))
        .body(Body::from(body.to_owned()));
    server.send(request.unwrap()).await
}

pub(crate) async fn get(server: &Server, path: &str, token: &str) -> Answer {
    call(server, Method::GET, path, token, "").await
}

async fn log_in(server: &Server, partner: &Partner, token: &str, device: &str) -> Answer {
    partner.give(token, "ana", server.node.app.now());
    let device = json!({"id": device, "name": format!("the {device}"), "platform": "ios"});
    let body = json!({"realm": APP_ID, "token": token, "device": device});
    post(server, "/v1/sso/login", &body).await
}

async fn refresh(server: &Server, access: &str, refresh: &str) -> Answer {
    let body = json!({"accessToken": access, "refreshToken": refresh});
    post(server, "/v1/sso/refresh", &body).await
}

/// An error in the words of the SSO models.
#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) -> Value {
    let body = answer.body(status);
    assert_eq!(
        keys(&body),
        ["code", "data", "error", "errorType", "responseCode"]
    );
    assert_eq!(
        (body["code"].as_str(), body["responseCode"].as_str()),
        (Some(code), Some(code))
    );
    let family = match status {
        401 | 403 => "auth",
        429 => "limit",
        500.. => "server",
        _ => "validation",
    };
    assert_eq!(body["errorType"], family, "{body}");
    let context = &body["data"]["context"];
    assert_eq!(context["requestId"].as_str(), answer.header("x-request-id"));
    body["data"]["context"].clone()
}

#[tokio::test]
async fn a_log_in_opens_a_session_of_the_user_of_that_name() {
    let server = Server::start().await;
    let partner = server.node.partner(1).await;
    // Whom the app signed for before is the same person.
    let before = server.user("ana").get("/v1/sdk/me").await.body(200);
    let session = Session::of(&log_in(&server, &partner, "t1", "phone").await);
    assert_eq!(
        keys(&session.whole),
        [
            "accessToken",
            "expireAt",
            "idToken",
            "refreshToken",
            "responseCode"
        ]
    );
    assert_eq!(session.whole["idToken"], "t1");
    let ends = server.node.app.now().as_secs() + 900;
    assert_eq!(session.whole["expireAt"], ends);
    let me = get(&server, "/v1/sdk/me", &session.access).await.body(200);
    assert_eq!(me["user"]["id"], before["user"]["id"]);
    assert_eq!(me["user"]["email"], "ana@example.org");
    // Beside the token other names say nothing.
    let mut request = server
        .user("ben")
        .request(Method::GET, "/v1/sdk/me", Body::empty());
    let bearer = format!("Bearer {}", session.access).parse().unwrap();
    request.headers_mut().insert("authorization", bearer);
    let me = server.send(request).await.body(200);
    assert_eq!(me["user"]["external_user_id"], "ana");
    let state = get(&server, "/v1/sso/session", &session.access)
        .await
        .body(200);
    assert_eq!(
        (state["state"].as_str(), &state["expireAt"]),
        (Some("ACTIVE"), &json!(ends))
    );
    assert_eq!(
        state["device"],
        json!({"id": "phone", "name": "the phone", "platform": "ios"})
    );
}

#[tokio::test]
async fn the_evicted_is_told_by_whom_and_when_and_still_calls_for_help() {
    let server = Server::start().await;
    let partner = server.node.partner(1).await;
    let a = Session::of(&log_in(&server, &partner, "t1", "phone").await);
    server.node.store.clock.advance(Duration::from_mins(1));
    let evicted_at = server.node.app.now().to_string();
    let b = Session::of(&log_in(&server, &partner, "t2", "tablet").await);
    let by = json!({"id": "tablet", "name": "the tablet", "platform": "ios"});

    let error = get(&server, "/v1/sdk/me", &a.access)
        .await
        .error(401, "session_evicted");
    assert_eq!(error["context"], json!({"at": evicted_at, "device": by}));
    let context = refused(
        &get(&server, "/v1/sso/session", &a.access).await,
        401,
        "session_evicted",
    );
    assert_eq!(
        (&context["at"], &context["device"]),
        (&json!(evicted_at), &by)
    );
    assert_eq!(context["state"], "UNAUTHORISED");
    refused(
        &refresh(&server, &a.access, &a.refresh).await,
        401,
        "session_evicted",
    );

    let cry = call(&server, Method::POST, "/v1/sdk/sos", &a.access, "{}")
        .await
        .body(200);
    assert_eq!(
        cry["incident"]["flags"],
        json!(["no_position", "stale_credentials"])
    );
    get(&server, "/v1/sdk/sos", &a.access).await.body(200);
    let cancel = call(&server, Method::POST, "/v1/sdk/sos/cancel", &a.access, "{}").await;
    cancel.error(401, "session_evicted");
    call(&server, Method::POST, "/v1/sdk/sos/cancel", &b.access, "{}")
        .await
        .body(200);
}

#[tokio::test]
async fn invalid_is_the_partners_word_and_unavailable_is_nobodys() {
    let server = Server::start().await;
    let partner = server.node.partner(1).await;
    let login = |token: &str| json!({"realm": APP_ID, "token": token});
    refused(
        &post(&server, "/v1/sso/login", &login("unknown")).await,
        401,
        "invalid_token",
    );
    partner.answer("bare", 200, json!({"sub": "ana"}));
    refused(
        &post(&server, "/v1/sso/login", &login("bare")).await,
        401,
        "invalid_token",
    );
    partner.answer("down", 500, json!({}));
    let answer = post(&server, "/v1/sso/login", &login("down")).await;
    refused(&answer, 503, "sso_unavailable");
    assert_eq!(answer.header("retry-after"), Some("5"));
    partner.answer("moved", 302, json!({}));
    refused(
        &post(&server, "/v1/sso/login", &login("moved")).await,
        503,
        "sso_unavailable",
    );
    for realm in ["nobody", "", "NO"] {
        let body = json!({"realm": realm, "token": "t"});
        refused(
            &post(&server, "/v1/sso/login", &body).await,
            401,
            "unauthorized",
        );
    }
    assert_eq!(server.node.store.users_of(APP_ID).await, [""; 0]);
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let server = Server::start().await;
    let partner = server.node.partner(1).await;
    partner.give("t", "ana", server.node.app.now());
    for (body, pointer) in [
        (json!({}), "/realm"),
        (json!({"realm": APP_ID}), "/token"),
        (json!({"realm": APP_ID, "token": null}), "/token"),
        (
            json!({"realm": APP_ID, "token": "t", "device": "x"}),
            "/device",
        ),
        (json!({"realm": APP_ID, "token": ""}), "/token"),
        (json!({"realm": APP_ID, "token": "a b"}), "/token"),
        (json!({"realm": APP_ID, "token": 5}), "/token"),
        (
            json!({"realm": APP_ID, "token": "t", "device": {"id": "x".repeat(121)}}),
            "/device/id",
        ),
        (
            json!({"realm": APP_ID, "token": "t", "device": {"name": "a\nb"}}),
            "/device/name",
        ),
    ] {
        let context = refused(
            &post(&server, "/v1/sso/login", &body).await,
            400,
            "validation_error",
        );
        assert_eq!(context["fields"][0]["pointer"], pointer, "{body}");
    }
    let body = json!({"accessToken": "a"});
    refused(
        &post(&server, "/v1/sso/refresh", &body).await,
        400,
        "validation_error",
    );
    assert!(partner.asked().is_empty());
}

#[tokio::test]
async fn a_token_past_its_minutes_is_refreshed_and_a_copy_of_it_ends_the_session() {
    let server = Server::start().await;
    let partner = server.node.partner(1).await;
    let first = Session::of(&log_in(&server, &partner, "t1", "phone").await);
    server.node.store.clock.advance(Duration::from_mins(15));
    let error = get(&server, "/v1/sdk/me", &first.access)
        .await
        .error(401, "token_expired");
    assert!(error["context"]["at"].is_string());
    let context = refused(
        &get(&server, "/v1/sso/session", &first.access).await,
        401,
        "token_expired",
    );
    assert_eq!(context["state"], "EXPIRED");
    call(&server, Method::POST, "/v1/sdk/sos", &first.access, "{}")
        .await
        .body(200);

    let second = Session::of(&refresh(&server, &first.access, &first.refresh).await);
    assert_eq!(second.whole["idToken"], "t1");
    get(&server, "/v1/sdk/me", &second.access).await.body(200);
    let third = Session::of(&refresh(&server, &second.access, &second.refresh).await);
    // The pair before is good for a minute, for requests that were under way.
    get(&server, "/v1/sdk/me", &second.access).await.body(200);

    refused(
        &refresh(&server, &first.access, &first.refresh).await,
        401,
        "session_revoked",
    );
    get(&server, "/v1/sdk/me", &third.access)
        .await
        .error(401, "session_revoked");
    call(&server, Method::POST, "/v1/sdk/sos", &third.access, "{}")
        .await
        .error(401, "session_revoked");
    refused(
        &log_in(&server, &partner, "t1", "phone").await,
        401,
        "session_revoked",
    );
}

#[tokio::test]
async fn logging_out_is_idempotent_and_leaves_nothing() {
    let server = Server::start().await;
    let partner = server.node.partner(1).await;
    let session = Session::of(&log_in(&server, &partner, "t1", "phone").await);
    for _ in 0..2 {
        let answer = call(&server, Method::POST, "/v1/sso/logout", &session.access, "").await;
        answer.nothing();
    }
    for path in ["/v1/sdk/me", "/v1/sdk/sos"] {
        get(&server, path, &session.access)
            .await
            .error(401, "session_logged_out");
    }
    refused(
        &refresh(&server, &session.access, &session.refresh).await,
        401,
        "session_logged_out",
    );
    for unknown in ["", "msa_", &session.refresh] {
        let answer = call(&server, Method::POST, "/v1/sso/logout", unknown, "").await;
        refused(&answer, 401, "unauthorized");
    }
    // The same token, while it is valid, logs in again.
    Session::of(&log_in(&server, &partner, "t1", "phone").await);
}

#[tokio::test]
async fn the_evicted_that_logs_out_calls_for_help_no_more() {
    let server = Server::start().await;
    let partner = server.node.partner(1).await;
    let a = Session::of(&log_in(&server, &partner, "t1", "phone").await);
    server.node.store.clock.advance(Duration::from_mins(1));
    Session::of(&log_in(&server, &partner, "t2", "tablet").await);
    call(&server, Method::POST, "/v1/sdk/sos", &a.access, "{}")
        .await
        .body(200);
    for _ in 0..2 {
        let answer = call(&server, Method::POST, "/v1/sso/logout", &a.access, "").await;
        answer.nothing();
    }
    let cry = call(&server, Method::POST, "/v1/sdk/sos", &a.access, "{}").await;
    cry.error(401, "session_logged_out");
}

#[tokio::test]
async fn a_user_sees_and_ends_the_own_sessions() {
    let server = Server::start().await;
    let partner = server.node.partner(3).await;
    let a = Session::of(&log_in(&server, &partner, "t1", "phone").await);
    server.node.store.clock.advance(Duration::from_secs(1));
    let b = Session::of(&log_in(&server, &partner, "t2", "tablet").await);
    let other = server.node.log_in(&partner, "ben", "phone").await;
    let listed = get(&server, "/v1/sso/sessions", &a.access).await.body(200);
    let listed = listed["sessions"].as_array().unwrap().clone();
    let current: Vec<_> = listed.iter().map(|one| one["current"].as_bool()).collect();
    assert_eq!(current, [Some(true), Some(false)]);
    let path = format!("/v1/sso/sessions/{}", listed[1]["id"].as_str().unwrap());
    let foreign = call(
        &server,
        Method::DELETE,
        &path,
        other.access_token.expose(),
        "",
    )
    .await;
    refused(&foreign, 404, "not_found");
    call(&server, Method::DELETE, &path, &a.access, "")
        .await
        .nothing();
    get(&server, "/v1/sdk/me", &b.access)
        .await
        .error(401, "session_revoked");
    refused(
        &call(&server, Method::DELETE, &path, &a.access, "").await,
        404,
        "not_found",
    );
    let nonsense = call(&server, Method::DELETE, "/v1/sso/sessions/x", &a.access, "").await;
    refused(&nonsense, 404, "not_found");
    // A signed proof is no session.
    let signed = server.user("ana").get("/v1/sso/sessions").await;
    refused(&signed, 401, "unauthorized");
}

#[tokio::test]
async fn what_an_administrator_ends_is_refused_at_once() {
    let server = Server::start().await;
    let partner = server.node.partner(2).await;
    let a = Session::of(&log_in(&server, &partner, "t1", "phone").await);
    let end = SessionRequest::End {
        app_id: APP_ID.into(),
        target: SessionTarget::User("ana".into()),
    };
    server.node.admin(AdminRequest::Session(end)).await;
    get(&server, "/v1/sdk/me", &a.access)
        .await
        .error(401, "session_revoked");
    refused(
        &log_in(&server, &partner, "t1", "phone").await,
        401,
        "session_revoked",
    );
    let b = Session::of(&log_in(&server, &partner, "t2", "phone").await);
    let block = |blocked| AdminRequest::UserSetBlocked {
        app_id: APP_ID.into(),
        external_id: "ana".into(),
        blocked,
    };
    server.node.admin(block(true)).await;
    get(&server, "/v1/sdk/sos", &b.access)
        .await
        .error(403, "user_blocked");
    refused(
        &log_in(&server, &partner, "t3", "phone").await,
        403,
        "user_blocked",
    );
    server.node.admin(block(false)).await;
    get(&server, "/v1/sdk/me", &b.access).await.body(200);
    let inactive = AdminRequest::AppSetActive {
        app_id: APP_ID.into(),
        active: false,
    };
    server.node.admin(inactive).await;
    get(&server, "/v1/sdk/me", &b.access)
        .await
        .error(401, "app_inactive");
    refused(
        &log_in(&server, &partner, "t4", "phone").await,
        401,
        "app_inactive",
    );
}

#[tokio::test]
async fn whoever_fails_too_often_is_limited_before_the_partner_is_asked() {
    let server = Server::start().await;
    let partner = server.node.partner(1).await;
    let body = json!({"realm": APP_ID, "token": "guess"});
    for _ in 0..40 {
        post(&server, "/v1/sso/login", &body).await;
    }
    let answer = post(&server, "/v1/sso/login", &body).await;
    refused(&answer, 429, "rate_limited");
    assert!(answer.header("retry-after").is_some());
    assert_eq!(partner.asked().len(), 30);
    server.node.store.clock.advance(Duration::from_mins(1));
    Session::of(&log_in(&server, &partner, "t1", "phone").await);
}
