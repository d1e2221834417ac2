//! The reference partners (`mayday partner` and those of `examples/`) beside the real
//! server: a log-in, a signed session, notifications, and what they refuse.

mod doctor;
mod killed;
mod oauth;
mod quiet;
mod reference;
mod rush;

use std::time::Duration;

use serde_json::{Value, json};

use super::harness::http::{self, Answer};
use super::harness::server::{Home, Server};
use super::harness::tools;
use reference::{KEY, Kind, Reference};

fn json_of(home: &Home, words: &[&str]) -> Value {
    let output = home.command(words);
    assert!(
        output.status.success(),
        "{words:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
}

/// An app whose users log in at the partner.
fn set_up(home: &Home, reference: &Reference, more: &[&str]) {
    let url = format!("{}/tokeninfo", reference.url);
    let key = home.beside("partner.key");
    std::fs::write(&key, KEY).unwrap();
    let mut words = vec!["sso", "set", "--app", "shop", "--local", "true", "--json"];
    words.extend(["--audience", "safety-app", "--token-info-url", &url]);
    words.extend(["--key-header", "x-api-key", "--key-file"]);
    words.push(key.to_str().unwrap());
    words.extend(more);
    json_of(home, &words);
}

fn log_in(server: &Server, token: &str) -> Answer {
    let body = json!({"realm": "shop", "token": token, "device": {"id": "p1", "name": "phone"}});
    let json = [("content-type", "application/json")];
    let body = body.to_string();
    http::send(
        &server.http,
        "POST",
        "/v1/sso/login",
        &json,
        body.as_bytes(),
    )
    .unwrap()
}

fn me(server: &Server, access: &str) -> u16 {
    let bearer = format!("Bearer {access}");
    let headers = [("authorization", bearer.as_str())];
    let answer = http::send(&server.http, "GET", "/v1/sdk/me", &headers, b"").unwrap();
    answer.status
}

/// From the log-in to a notification that is refused.
fn works(kind: Kind) {
    let home = Home::new();
    let app = home.app("shop");
    let reference = Reference::start(kind, &home, &app);
    set_up(&home, &reference, &[]);
    let server = home.serve();

    let token = reference.log_in("ana");
    assert_ne!(token, reference.log_in("ana"), "each log-in has its own");
    let opened = log_in(&server, &token);
    assert_eq!(opened.status, 200, "{opened:?}");
    let session = opened.json();
    assert_eq!(me(&server, session["accessToken"].as_str().unwrap()), 200);
    reference.hear("heard session.created ana");
    let refused = log_in(&server, "made-up");
    assert_eq!(refused.status, 401, "{refused:?}");
    assert_eq!(refused.json()["code"], "invalid_token");
    asked_wrongly(&reference, &token);

    let signed = reference.sign(&token, "?kind=static");
    assert_eq!(signed["userHash"], app.sign("ana"));
    for hash in [signed, reference.sign(&token, "")] {
        let mut person = app.person("ana");
        person.hash = hash["userHash"].as_str().unwrap().to_owned();
        let answer = person.http(&server, "GET", "/v1/sdk/me", "").unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    let test = [
        "webhook",
        "test",
        &reference.endpoint,
        "--app",
        "shop",
        "--json",
    ];
    assert_eq!(json_of(&home, &test)["state"], "delivered");
    reference.hear("heard webhook.test");
    notified(&reference);
}

/// Without our key and without a token nothing is told.
fn asked_wrongly(reference: &Reference, token: &str) {
    let form = ("content-type", "application/x-www-form-urlencoded");
    let ask = |headers: &[(&str, &str)], body: String| {
        reference.post("/tokeninfo", headers, body.as_bytes())
    };
    let with_key = [form, ("x-api-key", KEY)];
    let good = ask(&with_key, format!("token={token}"));
    assert_eq!(good.status, 200);
    assert_eq!(good.json()["sub"], "ana");
    for (headers, body, status) in [
        (vec![form], format!("token={token}"), 401),
        (
            vec![form, ("x-api-key", "guessed")],
            format!("token={token}"),
            401,
        ),
        (with_key.to_vec(), "token=".to_owned(), 401),
        (with_key.to_vec(), String::new(), 400),
        (with_key.to_vec(), "token=made-up".to_owned(), 401),
    ] {
        let answer = ask(&headers, body.clone());
        assert_ne!(answer.status, 200, "{body}");
        assert!(answer.status == status || body == "token=", "{answer:?}");
        assert!(answer.json()["error"].is_string(), "{answer:?}");
    }
    let unsigned = reference.post("/sign", &[("authorization", "Bearer made-up")], b"");
    assert_eq!(unsigned.status, 401);
}

/// A replay is harmless, a forgery and a stale one are refused, a type that nobody
/// knows is acknowledged.
fn notified(reference: &Reference) {
    let body = json!({"user": "ana", "title": "News", "body": "", "data": {"type": "moon.full"}});
    let body = body.to_string();
    let now = reference::now();
    assert_eq!(reference.notify("msg_1", now, &body).status, 204);
    reference.hear("heard moon.full ana");
    assert_eq!(reference.notify("msg_1", now, &body).status, 204);
    reference.hear("again moon.full ana");
    for at in [now - 600, now + 600] {
        let stale = reference.notify("msg_2", at, &body);
        assert_eq!(stale.status, 400, "{stale:?}");
    }
    let forged = reference.notify_as("msg_2", now, &body, "v1,AAAA");
    assert_eq!(forged.status, 401, "{forged:?}");
    let unsigned = reference.notify_as("msg_2", now, &body, "");
    assert_eq!(unsigned.status, 401, "{unsigned:?}");
    // The attempts at a PIN are used up: the user is logged out of the app as well.
    let token = reference.log_in("ben");
    let failed = json!({"user": "ben", "title": "", "data": {"type": "signature.reset_failed"}});
    assert_eq!(
        reference.notify("msg_3", now, &failed.to_string()).status,
        204
    );
    let bearer = format!("Bearer {token}");
    let signed = reference.post("/sign", &[("authorization", &bearer)], b"");
    assert_eq!(signed.status, 401, "{signed:?}");
}

#[test]
fn the_binarys_partner_works() {
    works(Kind::Binary);
}

#[test]
fn the_partner_in_node_works() {
    works(Kind::Node);
}

#[test]
fn the_partner_in_python_works() {
    works(Kind::Python);
}

#[test]
fn the_partner_in_go_works() {
    if !tools::skipped("go") {
        works(Kind::Go);
    }
}

#[test]
fn the_examples_sign_as_published() {
    let examples = reference::examples();
    for (program, words) in [
        ("node", vec!["--test", "node/"]),
        ("python3", vec!["-m", "unittest", "discover", "python"]),
    ] {
        let mut command = std::process::Command::new(program);
        command.args(words).current_dir(&examples);
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        let said = tools::run(&mut command, "");
        assert!(said.success, "{program}: {said:?}");
        assert!(!format!("{said:?}").contains("tests 0"), "{said:?}");
    }
    if !tools::skipped("go") {
        // The first time it compiles all that it needs.
        let mut command = reference::go(&["test", "."]);
        let said = tools::run_within(&mut command, "", Duration::from_mins(5));
        assert!(said.success, "{said:?}");
    }
}

#[test]
fn the_binarys_partner_is_asked_in_each_of_the_four_ways() {
    let home = Home::new();
    let app = home.app("shop");
    let reference = Reference::start(Kind::Binary, &home, &app);
    for (number, form) in ["query", "bearer", "form", "json"].into_iter().enumerate() {
        set_up(&home, &reference, &["--request", form]);
        let server = home.serve();
        let opened = log_in(&server, &reference.log_in("ana"));
        assert_eq!(opened.status, 200, "{form}: {opened:?}");
        let refused = log_in(&server, "made-up");
        assert_eq!(refused.json()["code"], "invalid_token", "{form} {number}");
    }
}

#[test]
fn the_log_in_page_makes_a_token_and_runs_nothing() {
    let home = Home::new();
    let app = home.app("shop");
    let reference = Reference::start(Kind::Binary, &home, &app);
    let page = http::send(&reference.address, "GET", "/", &[], b"").unwrap();
    let page = String::from_utf8(page.body).unwrap();
    assert!(
        page.contains("<h1>Log in</h1>") && page.contains("shop"),
        "{page}"
    );
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let shown = reference.post("/login", &form, b"user=ana");
    let shown = String::from_utf8(shown.body).unwrap();
    assert!(shown.contains("Logged in as ana"), "{shown}");
    let token = shown
        .split("pt_")
        .nth(1)
        .unwrap()
        .split('<')
        .next()
        .unwrap();
    let answer = reference.sign(&format!("pt_{token}"), "");
    assert_eq!(answer["externalUserId"], "ana");
    for odd in ["user=", "user=%3Cscript%3E", "user=a%20b", ""] {
        assert_eq!(
            reference.post("/login", &form, odd.as_bytes()).status,
            400,
            "{odd}"
        );
    }
}

#[test]
fn nobody_elses_address_is_listened_on_by_accident() {
    let home = Home::new();
    let words = ["partner", "--app", "shop", "--listen", "0.0.0.0:0"];
    let output = std::process::Command::new(super::harness::server::binary())
        .args(words)
        .current_dir(home.beside(""))
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("--let-anybody-in"), "{said}");
}
