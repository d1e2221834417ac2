//! What an operator at night reads in a terminal or a pipe: incidents and alerts.

use std::io::Read as _;
use std::process::Stdio;

use serde_json::{Value, json};

use super::harness::{Home, Running, mayday};

/// A server, and Ana's hash and Ben's.
fn two_users(home: &Home) -> (Running, String, String) {
    let secret = home.app("shop");
    let (ana, ben) = (home.hash(&secret, "ana"), home.hash(&secret, "ben"));
    (home.serve(), ana, ben)
}

/// What a command about the app says, word by word.
fn told(home: &Home, words: &str) -> String {
    let words: Vec<_> = words.split_whitespace().chain(["--app", "shop"]).collect();
    let said = home.say(&words);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{said:?}");
    said.out
}

/// The id of the only incident.
fn incident(home: &Home) -> String {
    let listed: Value = serde_json::from_str(&told(home, "incident list --json")).unwrap();
    listed["items"][0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn alerts_are_open_ones_and_whole_in_a_pipe() {
    let home = Home::new();
    let (running, ana, ben) = two_users(&home);
    let device = json!({"hardware_id": "CF:82:11:0A:5E:31", "hardware_model": "R1"});
    assert_eq!(
        running.post("/v1/sdk/devices", "shop", "ana", &ana, &device),
        200
    );
    let cry = json!({"deviceId": "CF:82:11:0A:5E:31"});
    assert_eq!(running.post("/v1/sdk/sos", "shop", "ana", &ana, &cry), 200);
    // Ben may not cancel it: operators are told.
    let cancel = "/v1/sdk/sos/cancel";
    assert_eq!(running.post(cancel, "shop", "ben", &ben, &cry), 200);

    let all: Value = serde_json::from_str(&told(&home, "inspect alerts --all --json")).unwrap();
    let alert = &all["items"][0];
    let out = told(&home, "inspect alerts");
    let columns: Vec<_> = out.trim_end().split('\t').collect();
    assert_eq!(columns.len(), 5, "{out}");
    assert_eq!(columns[0], alert["id"].as_str().unwrap());
    assert_eq!(columns[3], incident(&home));
    assert_eq!(columns[4], alert["detail"].to_string());

    assert_eq!(running.post(cancel, "shop", "ana", &ana, &json!({})), 200);
    assert_eq!(told(&home, "inspect alerts"), "");
    let out = told(&home, "inspect alerts --all");
    assert_eq!(out.trim_end().split('\t').nth(4), Some("closed"), "{out}");
}

#[test]
fn an_incident_is_shown_with_the_person_and_is_not_ended_twice() {
    let home = Home::new();
    let (running, ana, _) = two_users(&home);
    let contact = json!({"name": "Carla", "phone": "+34600000003", "email": "c@example.org"});
    assert_eq!(
        running.post("/v1/sdk/contacts", "shop", "ana", &ana, &contact),
        201
    );
    assert_eq!(
        running.post("/v1/sdk/sos", "shop", "ana", &ana, &json!({})),
        200
    );
    let id = incident(&home);
    let shown = told(&home, &format!("incident show {id}"));
    for line in ["user\tana", "name\t", "phone\t", "contact\tCarla: "] {
        assert!(shown.contains(line), "{line:?}: {shown}");
    }
    let helps = told(&home, &format!("incident acknowledge {id} --by Ann"));
    assert!(helps.contains("helps\tAnn by operator at "), "{helps}");
    assert!(!helps.contains("console"), "{helps}");

    let cancelled = running.post("/v1/sdk/sos/cancel", "shop", "ana", &ana, &json!({}));
    assert_eq!(cancelled, 200);
    let again = ["incident", "resolve", &id, "--app", "shop", "--by", "Ann"];
    home.say(&again)
        .refused(&["had ended already, cancelled at"]);
}

#[test]
fn a_reader_may_leave_before_the_end() {
    for words in [
        &["config", "example"][..],
        &["openapi"],
        &["openapi", "--admin"],
        &["asyncapi"],
        &["completions", "bash"],
    ] {
        let mut command = mayday(words);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // As `head -1` does: it reads a little and goes.
        let mut out = child.stdout.take().unwrap();
        out.read_exact(&mut [0; 1]).unwrap();
        drop(out);
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{words:?}");
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{words:?}");
    }
}
