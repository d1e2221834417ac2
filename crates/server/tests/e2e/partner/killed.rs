//! A server that dies between the commit of a log-in and its answer loses neither the
//! session nor the cap: whoever asks again with the same token gets the same session.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::reference::{Kind, Reference};
use super::{json_of, me, set_up};
use crate::harness::http;
use crate::harness::server::{Home, How, Server};
use crate::harness::tools;

/// A build that dies where it is told to.
fn dying(fault: &'static str) -> How {
    let binary = std::env::var_os("MAYDAY_BIN_FAULTS").map(PathBuf::from);
    How {
        binary: Some(binary.expect("MAYDAY_BIN_FAULTS: `cargo xtask test` builds and names it")),
        faults: Some(fault),
        ..How::default()
    }
}

fn post(server: &Server, path: &str, body: &Value) -> std::io::Result<http::Answer> {
    let json = [("content-type", "application/json")];
    let body = body.to_string();
    http::send(&server.http, "POST", path, &json, body.as_bytes())
}

fn login(token: &str, device: &str) -> Value {
    json!({"realm": "shop", "token": token, "device": {"id": device, "name": device}})
}

/// The ids of the live sessions.
fn live(home: &Home) -> Vec<String> {
    let words = [
        "session", "list", "--app", "shop", "--user", "ana", "--json",
    ];
    let page = json_of(home, &words);
    let items = page["items"].as_array().unwrap().iter();
    items
        .map(|one| one["session_id"].as_str().unwrap().to_owned())
        .collect()
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap().to_owned()
}

#[test]
fn a_kill_between_commit_and_answer_loses_neither_session_nor_cap() {
    if tools::skipped("faults") {
        return;
    }
    let home = Home::new();
    let app = home.app("shop");
    let reference = Reference::start(Kind::Binary, &home, &app);
    set_up(&home, &reference, &["--sessions", "1"]);
    let server = home.serve();
    let first = post(
        &server,
        "/v1/sso/login",
        &login(&reference.log_in("ana"), "a"),
    )
    .unwrap();
    let first = first.json();
    let before = live(&home);
    assert_eq!(before.len(), 1);
    server.kill();

    let token = reference.log_in("ana");
    let server = home.serve_how(&dying("die_after_login"));
    let lost = post(&server, "/v1/sso/login", &login(&token, "b"));
    assert!(lost.is_err(), "the answer is lost: {lost:?}");
    drop(server);
    let server = home.serve();
    let after = live(&home);
    assert_eq!(after.len(), 1, "the cap holds");
    assert_ne!(after, before, "the newcomer is in");
    assert_eq!(
        me(&server, &text(&first, "accessToken")),
        401,
        "the other is out"
    );
    let again = post(&server, "/v1/sso/login", &login(&token, "b")).unwrap();
    assert_eq!(again.status, 200, "{again:?}");
    let again = again.json();
    assert_eq!(live(&home), after, "the same session");
    assert_eq!(me(&server, &text(&again, "accessToken")), 200);
    server.kill();

    let server = home.serve_how(&dying("die_after_refresh"));
    let pair = json!({
        "accessToken": again["accessToken"], "refreshToken": again["refreshToken"],
    });
    let lost = post(&server, "/v1/sso/refresh", &pair);
    assert!(lost.is_err(), "the answer is lost: {lost:?}");
    drop(server);
    let server = home.serve();
    let renewed = post(&server, "/v1/sso/refresh", &pair).unwrap();
    assert_eq!(
        renewed.status, 200,
        "asked again within the minute: {renewed:?}"
    );
    assert_eq!(me(&server, &text(&renewed.json(), "accessToken")), 200);
    assert_eq!(live(&home), after);
    assert_eq!(server.stop(), Some(0));
}
