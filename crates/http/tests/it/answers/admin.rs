//! `/v1/admin`: the caller is an operator's program with its key.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Method;
use futures_util::stream;
use mayday_app::testing::{APP_ID, TestApp, create_app};
use mayday_http::HttpSettings;
use serde_json::json;

use super::common::FLOOD;
use super::described::Described;
use crate::harness::{Answer, Server};
use crate::operator::{ask, key, listener, of, operations, put, request};

const TEMPLATE: &str = "/v1/admin/apps/{app}/mail-templates/{mail}/{language}";

pub(super) async fn answers(described: &mut Described) {
    refusals(described).await;
    bodies(described).await;
    successes(described).await;
    faults(described).await;
    failures(described).await;
}

/// 401, 429, 403 and 404.
async fn refusals(described: &mut Described) {
    let server = listener(TestApp::sqlite().await, HttpSettings::default());
    create_app(&server.node.app, "other").await;
    let (foreign, _) = key(&server, Some("other"), false).await;
    let (every, _) = key(&server, None, false).await;
    for (name, method, path) in operations(APP_ID) {
        let answer = ask(&server, method.clone(), &path, "ak_wrong").await;
        described.saw(&name, 401, &answer);
        server.node.store.clock.advance(Duration::from_mins(2));
        let answer = ask(&server, method, &path, &foreign).await;
        described.saw(&name, 403, &answer);
    }
    for (name, method, mut path) in operations("nobody") {
        if name == "DELETE /v1/admin/apps/{app}/sessions" {
            path.push_str("?all=true");
        }
        // A body that is a policy, parts of a mail, or changes nothing.
        let body = Body::from(json!({"subject": "x"}).to_string());
        let body = if path.ends_with("/policy") {
            Body::from("{}")
        } else {
            body
        };
        let answer = server.send(request(method, &path, &every, body)).await;
        described.saw(&name, 404, &answer);
    }
    for _ in 0..FLOOD {
        ask(&server, Method::GET, &of(APP_ID, "sso"), "ak_wrong").await;
    }
    for (name, method, path) in operations(APP_ID) {
        let answer = ask(&server, method, &path, "ak_wrong").await;
        described.saw(&name, 429, &answer);
    }
}

/// 413 and 408.
async fn bodies(described: &mut Described) {
    let settings = HttpSettings {
        body_timeout: Duration::from_millis(10),
        ..HttpSettings::default()
    };
    let server = listener(TestApp::sqlite().await, settings);
    let (shown, _) = key(&server, None, false).await;
    for (name, method, path) in operations(APP_ID) {
        if method != Method::PUT {
            continue;
        }
        let large = Body::from(vec![b' '; 300_000]);
        let answer = server
            .send(request(method.clone(), &path, &shown, large))
            .await;
        described.saw(&name, 413, &answer);
        let stalled = stream::pending::<Result<Bytes, std::io::Error>>();
        let stalled = Body::from_stream(stalled);
        let answer = server.send(request(method, &path, &shown, stalled)).await;
        described.saw(&name, 408, &answer);
    }
}

/// 200 and 204, in an order in which there is something.
async fn successes(described: &mut Described) {
    let server = listener(TestApp::sqlite().await, HttpSettings::default());
    let (shown, _) = key(&server, Some(APP_ID), false).await;
    let partner = server.node.partner(3).await;
    let grant = server.node.log_in(&partner, "ana", "phone").await;
    drop(grant);
    for (rest, body) in [
        ("policy", json!({"grace_seconds": 30})),
        ("sso", json!({"sessions": 2})),
        ("branding", json!({"copyright": "©"})),
    ] {
        let answer = put(&server, &of(APP_ID, rest), &shown, body).await;
        described.saw(&format!("PUT {}", of("{app}", rest)), 200, &answer);
    }
    let template = of(APP_ID, "mail-templates/new_sign_in/es");
    let own = json!({"subject": "{{ app }}"});
    let answer = put(&server, &template, &shown, own).await;
    described.saw(&format!("PUT {TEMPLATE}"), 200, &answer);
    for (name, method, path) in operations(APP_ID) {
        if method == Method::GET {
            let answer = ask(&server, method, &path, &shown).await;
            described.saw(&name, 200, &answer);
        }
    }
    let answer = ask(&server, Method::DELETE, &template, &shown).await;
    described.saw(&format!("DELETE {TEMPLATE}"), 204, &answer);
    let sessions = of(APP_ID, "sessions");
    let list = ask(&server, Method::GET, &sessions, &shown).await.body(200);
    let id = list["items"][0]["session_id"].as_str().unwrap();
    let end = async |rest: &str| -> Answer {
        ask(
            &server,
            Method::DELETE,
            &format!("{sessions}{rest}"),
            &shown,
        )
        .await
    };
    let one = end(&format!("/{id}")).await;
    described.saw("DELETE /v1/admin/apps/{app}/sessions/{id}", 200, &one);
    let all = end("?all=true").await;
    described.saw("DELETE /v1/admin/apps/{app}/sessions", 200, &all);
}

/// 400, 409 and 412.
async fn faults(described: &mut Described) {
    let server = listener(TestApp::sqlite().await, HttpSettings::default());
    let (shown, _) = key(&server, Some(APP_ID), false).await;
    let _partner = server.node.partner(3).await;
    for (rest, body) in [
        ("policy", json!({"grace_seconds": 301})),
        ("sso", json!({"sessions": 0})),
        ("branding", json!({"logo_url": "ftp://x"})),
    ] {
        let answer = put(&server, &of(APP_ID, rest), &shown, body).await;
        described.saw(&format!("PUT {}", of("{app}", rest)), 400, &answer);
    }
    for (method, rest, template) in [
        (Method::GET, "sessions?limit=0", "sessions"),
        (Method::DELETE, "sessions", "sessions"),
        (Method::GET, "policy/history?cursor=x", "policy/history"),
    ] {
        let answer = ask(&server, method.clone(), &of(APP_ID, rest), &shown).await;
        described.saw(&format!("{method} {}", of("{app}", template)), 400, &answer);
    }
    let no_tag = of(APP_ID, "mail-templates/new_sign_in/e_s");
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let body = Body::from(json!({"subject": "x"}).to_string());
        let answer = server
            .send(request(method.clone(), &no_tag, &shown, body))
            .await;
        described.saw(&format!("{method} {TEMPLATE}"), 400, &answer);
    }
    let mut stale = request(Method::PUT, &of(APP_ID, "policy"), &shown, Body::from("{}"));
    let headers = stale.headers_mut();
    headers.insert("if-match", "\"7\"".parse().unwrap());
    let answer = server.send(stale).await;
    described.saw("PUT /v1/admin/apps/{app}/policy", 412, &answer);
    many_languages(described, &server, &shown).await;
}

/// More languages of a mail than there may be.
async fn many_languages(described: &mut Described, server: &Server, shown: &str) {
    // Nothing built in takes the place of a part.
    let own = json!({"subject": "x", "text": "x", "html": "<p>x</p>"});
    for place in 0_u8..=250 {
        let (first, second) = (b'a' + place / 26, b'a' + place % 26);
        let language = format!("x-{}{}", char::from(first), char::from(second));
        let path = of(APP_ID, &format!("mail-templates/new_sign_in/{language}"));
        let answer = put(server, &path, shown, own.clone()).await;
        if answer.status.as_u16() != 200 {
            described.saw(&format!("PUT {TEMPLATE}"), 409, &answer);
            return;
        }
    }
    panic!("there is a limit to an app's languages");
}

/// 503 and 500: nothing can be stored.
async fn failures(described: &mut Described) {
    let server = listener(TestApp::sqlite().await, HttpSettings::default());
    let (shown, _) = key(&server, Some(APP_ID), false).await;
    let partner = server.node.partner(3).await;
    server.node.log_in(&partner, "ana", "phone").await;
    let own = json!({"subject": "{{ app }}"});
    let template = of(APP_ID, "mail-templates/new_sign_in/es");
    put(&server, &template, &shown, own.clone()).await.body(200);
    let sessions = of(APP_ID, "sessions");
    let list = ask(&server, Method::GET, &sessions, &shown).await.body(200);
    let id = list["items"][0]["session_id"].as_str().unwrap();
    for status in [503, 500] {
        if status == 503 {
            server.node.fail_commits(true);
        } else {
            server.node.break_commits();
        }
        for (name, method, path) in operations(APP_ID) {
            let path = match name.as_str() {
                "DELETE /v1/admin/apps/{app}/sessions" => format!("{path}?all=true"),
                "DELETE /v1/admin/apps/{app}/sessions/{id}" => format!("{sessions}/{id}"),
                _ if method == Method::GET => continue,
                _ => path,
            };
            let body = match path.rsplit('/').next() {
                Some("policy") => json!({}),
                Some("sso") => json!({"sessions": 2}),
                _ => own.clone(),
            };
            let body = Body::from(body.to_string());
            let answer = server.send(request(method, &path, &shown, body)).await;
            described.saw(&name, status, &answer);
        }
    }
}
