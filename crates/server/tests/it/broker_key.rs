//! `mayday broker-key`: made, listed and revoked, beside a server and without one.

use super::harness::{Home, wait_for};

#[test]
fn a_key_is_shown_once_and_revoked_for_ever() {
    let home = Home::new();
    home.app("shop");
    let made = home.say(&[
        "broker-key",
        "create",
        "--app",
        "shop",
        "--name",
        "edge",
        "--json",
    ]);
    let made = made.json();
    let key = made["key"].as_str().unwrap();
    let id = made["key_id"].as_str().unwrap();
    assert!(key.starts_with("bk_"), "{key}");
    let every = home.say(&["broker-key", "create", "--all-apps"]);
    assert!(every.out.contains("every app"), "{every:?}");

    let listed = home.say(&["broker-key", "list", "--json"]);
    assert!(!listed.out.contains(key), "a key is shown once only");
    let keys = listed.json();
    let ours = keys.as_array().unwrap();
    let ours = ours.iter().find(|one| one["key_id"] == id).unwrap();
    assert_eq!(
        (&ours["app_id"], &ours["name"]),
        (&"shop".into(), &"edge".into())
    );
    assert!(ours["revoked_at"].is_null());

    let revoked = home.say(&["broker-key", "revoke", id, "--json"]).json();
    assert!(!revoked["revoked_at"].is_null());
    let listed = home.say(&["broker-key", "list"]);
    assert!(listed.out.contains("revoked"), "{listed:?}");
}

#[test]
fn what_makes_no_sense_is_refused_in_one_line() {
    let home = Home::new();
    home.app("shop");
    home.say(&["broker-key", "create", "--app", "nothing"])
        .refused(&["nothing"]);
    home.say(&[
        "broker-key",
        "revoke",
        "0199f0a2-7c4e-7d0a-9d5c-1f2e3d4c5b6a",
    ])
    .refused(&["0199f0a2"]);
    home.say(&["broker-key", "revoke", "that-one"])
        .refused(&["that-one"]);
    let neither = home.say(&["broker-key", "create"]);
    assert_ne!(neither.code, Some(0), "{neither:?}");
}

#[test]
fn a_running_server_takes_and_drops_a_key_within_a_second() {
    let home = Home::new();
    home.app("shop");
    let running = home.serve();
    let made = home.say(&["broker-key", "create", "--app", "shop", "--json"]);
    let made = made.json();
    let (key, id) = (
        made["key"].as_str().unwrap(),
        made["key_id"].as_str().unwrap(),
    );
    let path = "/v1/sdk/mqtt/auth/connect";
    let asked = |key: &str| {
        let head = format!("Authorization: Bearer {key}\r\n");
        running.post_as(path, &head, r#"{"username":"sdk:shop:ana","password":"x"}"#)
    };
    assert_eq!(asked(key).1["result"], "deny", "the broker is known");
    assert_eq!(asked("bk_wrong").0, 401);
    home.say(&["broker-key", "revoke", id, "--json"]).json();
    wait_for("the revocation", || (asked(key).0 == 401).then_some(()));
}
