//! `mayday bench` measures what it says: a short run of each kind, and what
//! the server itself says about it. How fast anything is, is no test.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::harness::http;
use super::harness::server::{Home, Server, binary};
use super::harness::tools;

/// All that was acknowledged is counted by then.
const COUNTED_WITHIN: Duration = Duration::from_mins(1);

/// A server with an app, and the file of its secret.
fn house() -> (Home, Server, Vec<String>) {
    let home = Home::new();
    let server = home.serve();
    let partner = home.app("bench");
    let secret = home.beside("secret");
    fs::write(&secret, &partner.secret).unwrap();
    let signed = ["--app", "bench", "--secret-file", path(&secret)].map(str::to_owned);
    (home, server, signed.to_vec())
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Runs `mayday bench` and returns what it printed.
fn bench(kind: &str, target: &str, arguments: &[String], more: &[&str]) -> Value {
    let mut command = Command::new(binary());
    command
        .args(["bench", kind, "--target", target])
        .args(["--warm-up", "0", "--json"])
        .args(arguments)
        .args(more);
    let said = tools::run(&mut command, "");
    assert!(said.success, "{said:?}");
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(told["bench"], kind);
    for never in ["refused", "broken", "unanswered"] {
        assert_eq!(told[never], 0, "{told}");
    }
    assert!(told["answered"].as_u64().unwrap() > 0, "{told}");
    assert!(told["latency_ms"]["p99"].as_f64().unwrap() > 0.0, "{told}");
    told
}

fn counted(server: &Server, metric: &str) -> f64 {
    let page = http::send(&server.admin, "GET", "/metrics", &[], b"").unwrap();
    let page = String::from_utf8(page.body).unwrap();
    let line = page.lines().find_map(|line| line.strip_prefix(metric));
    let value = line.unwrap_or_else(|| panic!("no {metric} in:\n{page}"));
    value.trim().parse().unwrap()
}

#[test]
fn what_was_acknowledged_is_what_the_server_stored() {
    let (_home, server, signed) = house();
    let stored = || counted(&server, "mayday_telemetry_committed_total ");
    for more in [
        ["--protocol", "3.1.1", "--qos", "1"],
        ["--protocol", "5", "--qos", "1"],
        ["--protocol", "5", "--qos", "2"],
    ] {
        let before = stored();
        // The count ends it, however slow the machine is.
        let load = "--connections 4 --window 8 --count 500 --seconds 60";
        let load: Vec<&str> = load.split(' ').chain(more).collect();
        let told = bench("mqtt", &server.mqtt, &signed, &load);
        let answered = told["answered"].as_f64().unwrap();
        assert!((answered - 500.0).abs() < 0.5, "{told}");
        // What a slow disk had in the way is counted once it was carried over.
        let all = || (stored() - before - answered).abs() < 0.5;
        assert!(tools::until(COUNTED_WITHIN, all), "{told}");
    }
    let rated = "--connections 4 --rate 200 --count 200 --seconds 60";
    let rated: Vec<&str> = rated.split(' ').collect();
    let told = bench("mqtt", &server.mqtt, &signed, &rated);
    assert!(told["per_second"].as_f64().unwrap() <= 220.0, "{told}");
}

#[test]
fn an_sos_is_timed_up_to_its_event() {
    let (_home, server, signed) = house();
    // The count ends these, too.
    let load = "--connections 2 --background-rate 200 --count 400 --seconds 60";
    let load: Vec<&str> = load.split(' ').collect();
    let told = bench("sos", &server.mqtt, &signed, &load);
    assert!(told["event_after_ms"]["max"].is_number(), "{told}");
    assert!(told["background"]["per_second"].as_f64().unwrap() > 0.0);
}

#[test]
fn connections_and_requests_are_counted() {
    let (_home, server, signed) = house();
    let short = "--connections 2 --count 50 --seconds 60";
    let short: Vec<&str> = short.split(' ').collect();
    bench("connect", &server.mqtt, &signed, &short);
    let pid = server.pid.to_string();
    let load = ["--connections", "20", "--keep-alive", "1", "--pid", &pid];
    let told = bench_idle(&server, &signed, &load);
    assert!(told["resident_bytes_each"].is_number(), "{told}");
    bench("http", &server.http, &signed, &short);
}

/// Nothing is answered while nothing is asked.
fn bench_idle(server: &Server, signed: &[String], more: &[&str]) -> Value {
    let mut command = Command::new(binary());
    command
        .args(["bench", "idle", "--target", &server.mqtt])
        .args(["--seconds", "1", "--json"])
        .args(signed)
        .args(more);
    let said = tools::run(&mut command, "");
    assert!(said.success, "{said:?}");
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(told["broken"], 0, "{told}");
    told
}

#[test]
fn a_wrong_secret_is_told() {
    let (home, server, _) = house();
    let secret = home.beside("other");
    fs::write(&secret, "not-the-secret-of-this-app-at-all").unwrap();
    let mut command = Command::new(binary());
    command
        .args(["bench", "mqtt", "--target", &server.mqtt, "--seconds", "1"])
        .args(["--app", "bench", "--secret-file", path(&secret)]);
    let said = tools::run(&mut command, "");
    assert!(!said.success);
    assert!(said.err.contains("CONNECT was refused"), "{said:?}");
}
