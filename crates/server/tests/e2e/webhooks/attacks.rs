//! Endpoints that attack: through the real server, and none of them keeps an SOS
//! waiting.

use std::process::Command;

use serde_json::Value;

use super::receiver::Peer;
use super::{SOON, add, cry, json_of, log, without_grace};
use crate::harness::server::Home;
use crate::harness::tools;

/// What a test of an endpoint met.
fn tested(home: &Home, endpoint: &str) -> String {
    let words = ["webhook", "test", endpoint, "--app", "shop", "--json"];
    let output = home.command(&words);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!output.status.success(), "{told}");
    told["error"].as_str().unwrap().to_owned()
}

#[test]
fn private_addresses_are_refused_by_name_and_by_number() {
    let home = Home::new();
    home.app("shop");
    let peer = Peer::start();
    let _server = home.serve();
    let port = peer.port();
    // A name of which only the resolver knows that it lies within: this machine's own.
    let own_name = tools::run(&mut Command::new("hostname"), "").out;
    let own_name = own_name.trim();
    let resolved = tools::run(Command::new("getent").args(["hosts", own_name]), "");
    for host in [
        if resolved.success {
            own_name
        } else {
            "127.0.0.1"
        },
        "127.0.0.1",
        "localhost",
        "0x7f.1",
        "2130706433",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "10.0.0.1",
        "metadata.google.internal",
    ] {
        let url = format!("https://{host}:{port}/hook");
        let words = ["webhook", "add", "--app", "shop", "--url", &url, "--json"];
        let added = home.command(&words);
        let error = if added.status.success() {
            // What a name leads to is found out when it is delivered.
            assert_eq!(host, own_name, "refused at once");
            let told: Value = serde_json::from_slice(&added.stdout).unwrap();
            let endpoint = told["endpoint_id"].as_str().unwrap();
            let error = tested(&home, endpoint);
            json_of(&home, &["webhook", "remove", endpoint, "--app", "shop"]);
            error
        } else {
            String::from_utf8(added.stderr).unwrap()
        };
        assert!(error.contains("is refused"), "{host}: {error}");
    }
    let plain = [
        "webhook",
        "add",
        "--app",
        "shop",
        "--url",
        "http://a.example/",
    ];
    assert!(!home.command(&plain).status.success(), "https only");
    assert!(peer.is_quiet());
}

#[test]
fn redirects_are_not_followed() {
    let home = Home::new();
    home.app("shop");
    let (inside, outside) = (Peer::start(), Peer::start());
    outside.redirect(&inside.url());
    let (endpoint, _) = add(&home, &outside.url(), &[]);
    let _server = home.serve();
    let error = tested(&home, &endpoint);
    assert!(error.contains("redirects are not followed"), "{error}");
    assert!(inside.is_quiet());
}

#[test]
fn an_endless_answer_ends_and_an_sos_waits_for_nobody() {
    let home = Home::new();
    let partner = home.app("shop");
    without_grace(&home);
    let (endless, silent, sound) = (Peer::start(), Peer::start(), Peer::start());
    endless.endless();
    silent.hold(true);
    for peer in [&endless, &silent, &sound] {
        add(&home, &peer.url(), &["--event", "sos.opened"]);
    }
    let server = home.serve();
    // More than one endpoint is given at a time.
    for number in 0..12 {
        cry(&partner, &server, &format!("user-{number}"));
    }
    for _ in 0..12 {
        sound.next(SOON);
    }
    assert!(silent.count() <= 12);
    // A body without an end is cut, and its 200 counts.
    let ended = || {
        let log = log(&home);
        let delivered = log.iter().filter(|one| one["state"] == "delivered").count();
        delivered == 24
    };
    assert!(tools::until(SOON, ended), "{:#?}", log(&home));
}

#[test]
fn gone_disables_and_failures_say_when_they_are_tried_again() {
    let home = Home::new();
    let partner = home.app("shop");
    without_grace(&home);
    let (gone, busy) = (Peer::start(), Peer::start());
    gone.answer(410, "");
    busy.answer(503, "come back later");
    let (gone_id, _) = add(&home, &gone.url(), &["--event", "sos.opened"]);
    let (busy_id, _) = add(&home, &busy.url(), &["--event", "sos.*"]);
    let server = home.serve();
    cry(&partner, &server, "ana");
    gone.next(SOON);
    busy.next(SOON);
    let show = |id: &str| json_of(&home, &["webhook", "show", id, "--app", "shop", "--json"]);
    assert!(tools::until(SOON, || show(&gone_id)["disabled_reason"] == "410 Gone"));
    let busy_is_tried = || {
        let log = log(&home);
        let mine = log
            .iter()
            .find(|one| one["endpoint_id"] == busy_id.as_str());
        mine.is_some_and(|one| one["attempts"].as_i64() >= Some(1) && !one["due_at"].is_null())
    };
    assert!(tools::until(SOON, busy_is_tried));
    // The second attempt, five seconds later.
    let second = busy.next(SOON);
    assert!(second.header("webhook-id").is_some());
    let alerts = json_of(&home, &["inspect", "alerts", "--app", "shop", "--json"]);
    let kinds: Vec<_> = alerts["items"].as_array().unwrap().iter().collect();
    assert!(
        kinds.iter().any(|one| one["kind"] == "webhook_disabled"),
        "{alerts}"
    );
    cry(&partner, &server, "ben");
    busy.next(SOON);
    assert!(gone.is_quiet(), "a disabled endpoint is left alone");
}
