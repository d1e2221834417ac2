//! Who may call what: each route of the authorisation table with no proof, a
//! bad one, a stale one and a full one (contract: Identity).

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use mayday_app::admin::AdminRequest;
use mayday_app::testing::APP_ID;
use mayday_http::{AUTHORISATION, Access};
use serde_json::json;

use crate::harness::{Server, User};

fn signed() -> impl Iterator<Item = (Method, String, Access)> {
    AUTHORISATION
        .iter()
        .filter(|(_, _, access)| matches!(access, Access::Full | Access::Sos))
        .map(|(method, path, access)| {
            let path = path.replace("{id}", "0199d7a1-52c4-7e0f-8d6b-2a9c3e5f7b01");
            (method.parse().unwrap(), path, *access)
        })
}

async fn statuses(user: &User<'_>) -> Vec<(Method, String, Access, u16)> {
    let mut seen = Vec::new();
    for (method, path, access) in signed() {
        let answer = user.call(method.clone(), &path, Body::empty()).await;
        seen.push((method, path, access, answer.status.as_u16()));
    }
    seen
}

#[tokio::test]
async fn without_a_valid_proof_every_signed_route_answers_401() {
    let server = Server::start().await;
    for (method, path, _) in signed() {
        let answer = server.bare(method.clone(), &path).await;
        answer.error(401, "unauthorized");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        // Slower than the limiter minds.
        server.node.store.clock.advance(Duration::from_secs(10));
    }
    let mut forger = server.user("ana");
    forger.hash = server.node.hash("ben");
    for (method, path, _) in signed().take(3) {
        let answer = forger.call(method, &path, Body::empty()).await;
        answer.error(401, "unauthorized");
    }
}

#[tokio::test]
async fn a_full_proof_is_let_in_everywhere() {
    let server = Server::start().await;
    for (method, path, _, status) in statuses(&server.user("ana")).await {
        assert!(status != 401 && status < 500, "{method} {path}: {status}");
    }
}

#[tokio::test]
async fn a_stale_proof_calls_for_help_and_can_do_nothing_else() {
    let server = Server::start().await;
    for (method, path, access, status) in statuses(&server.stale("ana")).await {
        let expected = access == Access::Full;
        assert_eq!(status == 401, expected, "{method} {path}: {status}");
    }
    let incident = server.user("ana").get("/v1/sdk/sos").await.body(200)["incident"].take();
    assert_eq!(
        incident["flags"],
        json!(["no_position", "stale_credentials"])
    );
}

#[tokio::test]
async fn each_missing_header_is_a_401() {
    let server = Server::start().await;
    for missing in ["X-App-ID", "X-User-ID", "Authorization"] {
        let ana = server.user("ana");
        let mut request = ana.request(Method::GET, "/v1/sdk/me", Body::empty());
        request.headers_mut().remove(missing);
        server.send(request).await.error(401, "unauthorized");
    }
}

#[tokio::test]
async fn an_upper_case_hash_and_a_user_id_beyond_ascii_are_taken() {
    let server = Server::start().await;
    let mut maria = server.user("maría:😀");
    maria.hash = maria.hash.to_uppercase();
    let user = maria.get("/v1/sdk/me").await.body(200)["user"].take();
    assert_eq!(user["external_user_id"], "maría:😀");
}

#[tokio::test]
async fn a_blocked_user_is_told_403_and_an_inactive_app_401() {
    let server = Server::start().await;
    let ana = server.user("ana");
    ana.get("/v1/sdk/me").await.body(200);
    server
        .node
        .admin(AdminRequest::UserSetBlocked {
            app_id: APP_ID.into(),
            external_id: "ana".into(),
            blocked: true,
        })
        .await;
    for path in ["/v1/sdk/me", "/v1/sdk/sos"] {
        ana.get(path).await.error(403, "user_blocked");
    }
    server
        .node
        .admin(AdminRequest::AppSetActive {
            app_id: APP_ID.into(),
            active: false,
        })
        .await;
    let ben = server.user("ben");
    ben.get("/v1/sdk/me").await.error(401, "app_inactive");
    let request = ben.request(Method::POST, "/v1/sdk/sos", Body::empty());
    server.send(request).await.error(401, "app_inactive");
}

#[tokio::test]
async fn a_flood_of_failures_is_429_and_never_hurts_a_valid_proof() {
    let server = Server::start().await;
    let mut limited = None;
    for _ in 0..100 {
        let answer = server.bare(Method::GET, "/v1/sdk/me").await;
        if answer.status.as_u16() == 429 {
            limited = Some(answer);
            break;
        }
        answer.error(401, "unauthorized");
    }
    let answer = limited.expect("a limit on failures");
    answer.error(429, "rate_limited");
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait));
    server.user("ana").get("/v1/sdk/me").await.body(200);
    let cry = server.user("ana").post("/v1/sdk/sos", json!({})).await;
    cry.body(200);
}

#[tokio::test]
async fn public_routes_ask_for_nothing() {
    let server = Server::start().await;
    for path in ["/docs", "/docs/docs.js", "/openapi.json"] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        assert_eq!(server.send(request).await.status.as_u16(), 200, "{path}");
    }
}
