//! The routes that make a session: log-in, refresh, the code of a joined account, and
//! the token endpoint of standard clients.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Method, Request};
use futures_util::stream;
use mayday_app::admin::AdminRequest;
use mayday_app::testing::{APP_ID, Partner};
use mayday_core::clock::Clock as _;
use mayday_http::HttpSettings;
use serde_json::{Value, json};

use super::common::FLOOD;
use super::described::Described;
use crate::harness::{Answer, Server};

const LOGIN: &str = "POST /v1/sso/login";
const REFRESH: &str = "POST /v1/sso/refresh";
const CODE: &str = "POST /v1/sso/code";
const LINK: &str = "POST /v1/sso/link";
const TOKEN: &str = "POST /oauth/token";

pub(super) async fn answers(described: &mut Described) {
    bodies(described).await;
    refusals(described).await;
    joined(described).await;
    outages(described).await;
}

async fn ask(server: &Server, operation: &str, body: impl Into<Body>) -> Answer {
    let (_, path) = operation.split_once(' ').unwrap();
    let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
    server.send(request.body(body.into()).unwrap()).await
}

fn login(token: &str) -> String {
    json!({"realm": APP_ID, "token": token}).to_string()
}

fn link(token: &str, code: &str) -> String {
    json!({"realm": APP_ID, "token": token, "code": code}).to_string()
}

fn refresh(pair: &Value) -> String {
    let (access, refresh) = (&pair["accessToken"], &pair["refreshToken"]);
    json!({"accessToken": access, "refreshToken": refresh}).to_string()
}

fn exchange(client: &str, token: &str) -> String {
    format!(
        "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&client_id={client}\
         &subject_token={token}\
         &subject_token_type=urn:ietf:params:oauth:token-type:access_token"
    )
}

/// 413, 408 and 400.
async fn bodies(described: &mut Described) {
    let server = Server::with(HttpSettings {
        body_timeout: Duration::from_millis(100),
        ..HttpSettings::default()
    })
    .await;
    for operation in [LOGIN, REFRESH, CODE, LINK, TOKEN] {
        let answer = ask(&server, operation, vec![b' '; 300_000]).await;
        described.saw(operation, 413, &answer);
        let stalled = stream::pending::<Result<Bytes, std::io::Error>>();
        let answer = ask(&server, operation, Body::from_stream(stalled)).await;
        described.saw(operation, 408, &answer);
        let answer = ask(&server, operation, "{}").await;
        described.saw(operation, 400, &answer);
    }
}

/// 200, 401, 403 and 429.
async fn refusals(described: &mut Described) {
    let server = Server::start().await;
    let partner = server.node.partner(5).await;
    for token in ["t1", "t2", "t3", "t4"] {
        partner.give(token, "ana", server.node.app.now());
    }
    let pair = ask(&server, LOGIN, login("t1")).await;
    let pair = described.saw(LOGIN, 200, &pair);
    let pair = described.saw(REFRESH, 200, &ask(&server, REFRESH, refresh(&pair)).await);
    let exchanged = ask(&server, TOKEN, exchange(APP_ID, "t2")).await;
    described.saw(TOKEN, 200, &exchanged);
    let nobodys = refresh(&json!({"accessToken": "x", "refreshToken": "y"}));
    let unproved = [
        (LOGIN, login("unknown")),
        (REFRESH, nobodys),
        (LINK, link("unknown", "123456")),
        (TOKEN, exchange("nobody", "t3")),
    ];
    for (operation, body) in &unproved {
        let answer = ask(&server, operation, body.clone()).await;
        described.saw(operation, 401, &answer);
        // Each from a minute without failures.
        server.node.store.clock.advance(Duration::from_mins(2));
    }
    let block = AdminRequest::UserSetBlocked {
        app_id: APP_ID.into(),
        external_id: "ana".into(),
        blocked: true,
    };
    server.node.admin(block).await;
    for (operation, body) in [(LOGIN, login("t3")), (REFRESH, refresh(&pair))] {
        let answer = ask(&server, operation, body).await;
        described.saw(operation, 403, &answer);
    }
    let blocked = ask(&server, TOKEN, exchange(APP_ID, "t4")).await;
    described.saw(TOKEN, 400, &blocked);
    for _ in 0..FLOOD {
        server.bare(Method::GET, "/v1/sdk/me").await;
    }
    for (operation, body) in unproved {
        let answer = ask(&server, operation, body).await;
        described.saw(operation, 429, &answer);
    }
}

/// A log-in with the address of another account; answers what a code is asked for with.
async fn pending(server: &Server, partner: &Partner, described: &mut Described) -> String {
    let profile = json!({"email": "ana@example.org"});
    let old = server.user("u-17");
    old.put("/v1/sdk/me", profile).await.body(200);
    let now = server.node.store.clock.now().as_secs();
    let claims = json!({
        "sub": "new-ana", "email": "ana@example.org", "aud": partner.audience(),
        "iat": now, "exp": now + 3_000,
    });
    partner.answer("pending", 200, claims);
    let found = ask(server, LOGIN, login("pending")).await;
    let found = described.saw(LOGIN, 409, &found);
    let pending = &found["data"]["context"]["pending"];
    json!({"login": "ana@example.org", "pending": pending}).to_string()
}

async fn mailed_code(server: &Server) -> String {
    let mails = server.node.store.mails().await;
    let mut codes = mails.iter().filter_map(|mail| mail.values.get("code"));
    codes.next_back().unwrap().clone()
}

/// What joining two accounts comes to.
async fn joined(described: &mut Described) {
    let server = Server::start().await;
    let partner = server.node.partner(5).await;
    let asked = pending(&server, &partner, described).await;
    for status in [200, 429] {
        let answer = ask(&server, CODE, asked.clone()).await;
        described.saw(CODE, status, &answer);
    }
    let code = mailed_code(&server).await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for (status, code) in [(403, wrong), (200, &*code)] {
        let answer = ask(&server, LINK, link("pending", code)).await;
        described.saw(LINK, status, &answer);
    }
}

/// 503 and 500: nothing can be stored.
async fn outages(described: &mut Described) {
    let server = Server::start().await;
    let partner = server.node.partner(5).await;
    let asked = pending(&server, &partner, described).await;
    ask(&server, CODE, asked.clone()).await.body(200);
    let code = mailed_code(&server).await;
    for token in ["t1", "t2", "t3"] {
        partner.give(token, "ben", server.node.app.now());
    }
    let pair = ask(&server, LOGIN, login("t1")).await.body(200);
    for status in [503, 500] {
        // A code is mailed once a minute.
        server.node.store.clock.advance(Duration::from_mins(2));
        if status == 503 {
            server.node.fail_commits(true);
        } else {
            server.node.break_commits();
        }
        for (operation, body) in [
            (LOGIN, login("t2")),
            (REFRESH, refresh(&pair)),
            (CODE, asked.clone()),
            (LINK, link("pending", &code)),
            (TOKEN, exchange(APP_ID, "t3")),
        ] {
            let answer = ask(&server, operation, body).await;
            described.saw(operation, status, &answer);
        }
    }
}
