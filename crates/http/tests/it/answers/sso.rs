//! `/v1/sso`: the routes that take a session.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Method, Request};
use futures_util::stream;
use mayday_app::admin::AdminRequest;
use mayday_app::testing::{APP_ID, Partner};
use mayday_http::HttpSettings;
use serde_json::{Value, json};

use super::common::{FLOOD, call};
use super::described::Described;
use crate::harness::{Answer, Server};

pub(super) async fn answers(described: &mut Described) {
    refusals(described).await;
    bodies(described).await;
    sessions(described).await;
    signature(described).await;
}

async fn send(
    server: &Server,
    method: Method,
    path: &str,
    token: &str,
    body: impl Into<Body>,
) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {token}"))
        .body(body.into());
    server.send(request.unwrap()).await
}

/// The access token of a session of ana.
async fn log_in(server: &Server, partner: &Partner, token: &str) -> String {
    partner.give(token, "ana", server.node.app.now());
    let body = json!({"realm": APP_ID, "token": token, "device": {"id": token}});
    let answer = send(server, Method::POST, "/v1/sso/login", "", body.to_string()).await;
    answer.body(200)["accessToken"].as_str().unwrap().to_owned()
}

fn of_sessions(described: &Described, status: u16) -> Vec<(String, Method, String)> {
    let operations = described.operations.iter();
    operations
        .filter(|o| o.session && o.statuses.contains(&status))
        .map(call)
        .collect()
}

/// 401, 429 and 403.
async fn refusals(described: &mut Described) {
    let server = Server::start().await;
    let partner = server.node.partner(1).await;
    for (operation, method, path) in of_sessions(described, 401) {
        let answer = server.bare(method, &path).await;
        described.saw(&operation, 401, &answer);
        // Each from a minute without failures.
        server.node.store.clock.advance(Duration::from_mins(2));
    }
    for _ in 0..FLOOD {
        server.bare(Method::GET, "/v1/sdk/me").await;
    }
    for (operation, method, path) in of_sessions(described, 429) {
        let answer = server.bare(method, &path).await;
        described.saw(&operation, 429, &answer);
    }
    server.node.store.clock.advance(Duration::from_mins(2));
    let ana = log_in(&server, &partner, "t1").await;
    let block = AdminRequest::UserSetBlocked {
        app_id: APP_ID.into(),
        external_id: "ana".into(),
        blocked: true,
    };
    server.node.admin(block).await;
    for (operation, method, path) in of_sessions(described, 403) {
        let answer = send(&server, method, &path, &ana, Body::empty()).await;
        described.saw(&operation, 403, &answer);
    }
}

/// 413 and 408.
async fn bodies(described: &mut Described) {
    let server = Server::with(HttpSettings {
        body_timeout: Duration::from_millis(100),
        ..HttpSettings::default()
    })
    .await;
    let partner = server.node.partner(1).await;
    let ana = log_in(&server, &partner, "t1").await;
    for (operation, method, path) in of_sessions(described, 413) {
        let body = vec![b' '; 300_000];
        let answer = send(&server, method, &path, &ana, body).await;
        described.saw(&operation, 413, &answer);
    }
    for (operation, method, path) in of_sessions(described, 408) {
        let stalled = stream::pending::<Result<Bytes, std::io::Error>>();
        let body = Body::from_stream(stalled);
        let answer = send(&server, method, &path, &ana, body).await;
        described.saw(&operation, 408, &answer);
    }
}

async fn sessions(described: &mut Described) {
    let server = Server::start().await;
    let partner = server.node.partner(2).await;
    let ana = log_in(&server, &partner, "t1").await;
    server.node.store.clock.advance(Duration::from_secs(1));
    log_in(&server, &partner, "t2").await;
    let get = async |path: &str| send(&server, Method::GET, path, &ana, "").await;
    let state = get("/v1/sso/session").await;
    described.saw("GET /v1/sso/session", 200, &state);
    let listed = get("/v1/sso/sessions").await;
    let listed = described.saw("GET /v1/sso/sessions", 200, &listed);
    let other = listed["sessions"][1]["id"].as_str().unwrap();
    let path = format!("/v1/sso/sessions/{other}");
    for status in [204, 404] {
        let ended = send(&server, Method::DELETE, &path, &ana, "").await;
        described.saw("DELETE /v1/sso/sessions/{id}", status, &ended);
    }
    let profile = get("/v1/sso/profile").await;
    described.saw("GET /v1/sso/profile", 200, &profile);
    for (status, body) in [
        (200, json!({"currency": "EUR", "ackTnC": true})),
        (400, json!({"currency": 5})),
    ] {
        let path = "/v1/sso/settings";
        let set = send(&server, Method::PUT, path, &ana, body.to_string()).await;
        described.saw("PUT /v1/sso/settings", status, &set);
    }
    let ended = send(&server, Method::POST, "/v1/sso/logout", &ana, "").await;
    described.saw("POST /v1/sso/logout", 204, &ended);
}

async fn signature(described: &mut Described) {
    let server = Server::start().await;
    let partner = server.node.partner(1).await;
    let ana = log_in(&server, &partner, "t1").await;
    let ask = async |path: &str, body: Value| {
        let (method, name) = match path {
            "verify" | "reset" | "reset/confirm" => (Method::POST, format!("/{path}")),
            "" => (Method::PUT, String::new()),
            other => (Method::PUT, format!("/{other}")),
        };
        let path = format!("/v1/sso/signature{name}");
        send(&server, method, &path, &ana, body.to_string()).await
    };
    let pin = |pin: &str| json!({"signature": pin});
    let (verify, reset) = (
        "POST /v1/sso/signature/verify",
        "POST /v1/sso/signature/reset",
    );
    described.saw(verify, 409, &ask("verify", pin("111111")).await);
    described.saw(reset, 409, &ask("reset", json!({})).await);
    let set = "PUT /v1/sso/signature";
    described.saw(set, 400, &ask("", pin("1")).await);
    described.saw(set, 200, &ask("", pin("111111")).await);
    described.saw(verify, 200, &ask("verify", pin("111111")).await);
    described.saw(verify, 403, &ask("verify", pin("999999")).await);
    described.saw(verify, 400, &ask("verify", pin("1")).await);
    let question = |n: u8| json!({"question": format!("Question {n}?"), "answer": "x"});
    let questions =
        json!({"questions": [question(1), question(2), question(3)], "current": "111111"});
    let set = "PUT /v1/sso/signature/questions";
    described.saw(set, 400, &ask("questions", json!({})).await);
    described.saw(set, 200, &ask("questions", questions).await);
    described.saw(reset, 200, &ask("reset", json!({})).await);
    let mails = server.node.store.mails().await;
    let mut codes = mails.iter().filter_map(|mail| mail.values.get("code"));
    let code = codes.next_back().unwrap().clone();
    let confirm =
        |third: &str| json!({"code": code, "answers": ["x", "x", third], "signature": "222222"});
    for (status, body) in [(400, json!({})), (403, confirm("y")), (200, confirm("x"))] {
        let answer = ask("reset/confirm", body).await;
        described.saw("POST /v1/sso/signature/reset/confirm", status, &answer);
    }
}
