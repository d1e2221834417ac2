//! `mayday backup`, `restore` and `check`: beside a server, and after it was lost.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;

use super::harness::{Home, Running, Said, mayday, run, say};
use super::postgres::Database;

/// Sends a body as a user of the app `shop`; it must be taken.
pub(crate) fn post(running: &Running, path: &str, user: &str, hash: &str, body: &str) {
    let mut stream = TcpStream::connect(running.address("http")).unwrap();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: mayday\r\nConnection: close\r\nX-App-ID: shop\r\n\
         X-User-ID: {user}\r\nAuthorization: Bearer {hash}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// The id of a user's open incident.
pub(crate) fn open_incident(running: &Running, user: &str, hash: &str) -> Option<String> {
    let (status, body) = running.get("/v1/sdk/sos", "shop", user, hash);
    assert_eq!(status, 200, "{body}");
    body["incident"]["id"].as_str().map(str::to_owned)
}

fn restore(from: &Path, to: &Path, key: Option<&Path>) -> Said {
    let mut command = mayday(&["restore"]);
    command.arg(from).arg("--data-dir").arg(to).arg("--json");
    if let Some(key) = key {
        command.arg("--key").arg(key);
    }
    run(&mut command)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

const SAMPLE: &str = r#"{"timestamp":"TIME","latitude":41.38,"longitude":2.17}"#;

#[test]
fn what_a_lost_server_had_acknowledged_comes_back() {
    let home = Home::new();
    let secret = home.app("shop");
    let hash = home.hash(&secret, "ana");
    let mut running = home.serve();
    post(&running, "/v1/sdk/sos", "ana", &hash, "{}");
    let incident = open_incident(&running, "ana", &hash).unwrap();
    let (_, history) = running.get("/v1/sdk/sos/history", "shop", "ana", &hash);
    let at = history["incidents"][0]["incident"]["createdAt"].as_str();
    let sample = SAMPLE.replace("TIME", at.unwrap_or("2026-01-01T00:00:00Z"));
    post(&running, "/v1/sdk/telemetry", "ana", &hash, &sample);

    let target = home.path().join("backup");
    let made = home.say(&["backup", text(&target), "--json"]).json();
    assert_eq!(made["holds_master_key"], false);
    let checked = home.say(&["check", "--json"]).json();
    assert_eq!(checked["findings"], Value::Array(Vec::new()), "{checked}");
    running.signal(Signal::KILL);
    running.ended();
    let checked = say(&["check", text(&target)]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(checked.out.contains("nothing is wrong"), "{checked:?}");

    let second = Home::new();
    let key = home.data().join("master.key");
    let restored = restore(&target, &second.data(), Some(&key)).json();
    assert_eq!(restored["as_of"], made["created_at"]);
    let running = second.serve();
    assert_eq!(open_incident(&running, "ana", &hash), Some(incident));
    let (_, history) = running.get("/v1/sdk/sos/history", "shop", "ana", &hash);
    assert_eq!(
        history["incidents"][0]["trail"].as_array().unwrap().len(),
        1,
        "{history}"
    );
}

#[test]
fn a_backup_says_what_it_lacks_and_what_it_may_not_write_over() {
    let home = Home::new();
    home.say(&["backup", "/tmp/nowhere-at-all"])
        .refused(&["no mayday data", "--data-dir"]);
    home.app("shop");
    let target = home.path().join("backup");
    let said = home.say(&["backup", text(&target)]);
    assert!(said.out.contains("the master key is not in it"), "{said:?}");
    assert_eq!(said.err, "", "a pipe gets no progress bar");
    home.say(&["backup", text(&target)])
        .refused(&["exists and is not empty"]);

    let data = home.path().join("restored");
    restore(&target, &data, None).refused(&["--key", "no master key"]);
    let other = Home::new();
    other.app("shop");
    let wrong = other.data().join("master.key");
    restore(&target, &data, Some(&wrong)).refused(&["--key", "not the master key"]);
    let right = home.data().join("master.key");
    restore(&target, &home.data(), Some(&right)).refused(&["exists and is not empty"]);
    assert!(!data.exists());

    let target = home.path().join("with-key");
    let said = home.say(&["backup", text(&target), "--with-key"]);
    assert!(said.out.contains("whoever has this backup"), "{said:?}");
    assert_eq!(restore(&target, &data, None).code, Some(0));
}

#[test]
fn what_is_wrong_ends_with_one_and_says_what_to_do() {
    let home = Home::new();
    home.app("shop");
    let target = home.path().join("backup");
    assert_eq!(home.say(&["backup", text(&target)]).code, Some(0));
    let file = target.join("mayday.db");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    let said = say(&["check", text(&target), "--json"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let report: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(report["findings"][0]["code"], "file_changed");
    assert!(report["findings"][0]["advice"].as_str().unwrap().len() > 10);
    assert!(said.err.contains("wrong"), "{said:?}");
    let key = home.data().join("master.key");
    restore(&target, &home.path().join("restored"), Some(&key)).refused(&["mayday.db"]);
    home.say(&["check", text(home.path())])
        .refused(&["manifest.json"]);
}

#[test]
fn on_postgres_the_right_tool_is_named_and_check_works() {
    let Some(database) = Database::create("check") else {
        return;
    };
    let home = Home::new();
    let at = ["--database", database.url.as_str()];
    let with = |words: &[&str]| home.say(&[words, &at].concat());
    assert_eq!(with(&["app", "create", "--id", "shop"]).code, Some(0));
    let target = home.path().join("backup");
    with(&["backup", text(&target)]).refused(&["pg_dump", "pg_basebackup", "master.key"]);
    assert!(!target.exists());
    let checked = with(&["check", "--json"]).json();
    assert_eq!(checked["findings"], Value::Array(Vec::new()), "{checked}");
}
