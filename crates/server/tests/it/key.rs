//! `mayday key`: a new master key, with and without a server.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::admin::soon;
use super::harness::Home;
use super::postgres::Database;

fn fingerprints(home: &Home) -> Vec<String> {
    let said = home.say(&["key", "fingerprint", "--json"]).json();
    let keys = said.as_array().unwrap().iter();
    keys.map(|key| key["fingerprint"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_key_is_rotated_beside_a_server_that_goes_on() {
    let home = Home::new();
    let secret = home.app("shop");
    let hash = home.hash(&secret, "ana");
    let running = home.serve();
    soon(&running, &hash, 200);
    let old = fingerprints(&home);
    let rotated = home.say(&["key", "rotate", "--json"]).json();
    assert_eq!(rotated["state"], "done");
    assert_eq!(rotated["resealed"], 1);
    let new = fingerprints(&home);
    assert_eq!(new, [rotated["fingerprint"].as_str().unwrap()]);
    assert_ne!(new, old);
    let mode = fs::metadata(home.data().join("master.key")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    soon(&running, &hash, 200);
    let other = home.app("other");
    assert_eq!(home.say(&["app", "list"]).code, Some(0));
    drop(running);
    // The new key is what the next server starts with.
    let running = home.serve();
    soon(&running, &hash, 200);
    let hash = home.hash(&other, "bo");
    assert_eq!(running.get("/v1/sdk/me", "other", "bo", &hash).0, 200);
}

#[test]
fn the_key_is_rotated_without_a_server() {
    let home = Home::new();
    let secret = home.app("shop");
    let hash = home.hash(&secret, "ana");
    let kept = fs::read(home.data().join("master.key")).unwrap();
    let said = home.say(&["key", "rotate"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains("1 secrets were sealed anew"), "{said:?}");
    soon(&home.serve(), &hash, 200);
    fs::write(home.data().join("master.key"), kept).unwrap();
    home.say(&["app", "list"])
        .refused(&["master.key", "not the one"]);
}

#[test]
fn a_directory_without_a_key_is_told() {
    let home = Home::new();
    home.say(&["key", "fingerprint"])
        .refused(&["master.key", "missing"]);
    home.say(&["key", "rotate"]).refused(&["no mayday data"]);
}

#[test]
fn on_postgres_the_new_key_waits_until_it_was_copied() {
    let Some(database) = Database::create("rotate") else {
        return;
    };
    let home = Home::new();
    let at = ["--database", &database.url];
    let with = |home: &Home, words: &str| home.say_at(words, &at);
    let created = with(&home, "app create --id shop --json").json();
    let secret = created["secret"].as_str().unwrap();
    let hash = home.hash(secret, "ana");
    let other = Home::new();
    fs::create_dir(other.data()).unwrap();
    let copy = || {
        fs::copy(
            home.data().join("master.key"),
            other.data().join("master.key"),
        )
        .unwrap()
    };
    copy();
    let node = other.serve_with(&at);
    soon(&node, &hash, 200);

    assert_eq!(with(&home, "key rotate --json").json()["state"], "waiting");
    assert_eq!(fingerprints(&home).len(), 2);
    copy();
    let done = with(&home, "key rotate --copied --json").json();
    assert_eq!(done["state"], "done");
    // The running node reads the file again, and knows who comes after the rotation.
    let created = with(&home, "app create --id later --json").json();
    let later = home.hash(created["secret"].as_str().unwrap(), "bo");
    super::harness::wait_for("the new app", || {
        (node.get("/v1/sdk/me", "later", "bo", &later).0 == 200).then_some(())
    });
    soon(&node, &hash, 200);
}

#[test]
fn a_node_without_the_new_key_keeps_who_it_knows_and_says_that_it_is_not_ready() {
    let Some(database) = Database::create("keyless") else {
        return;
    };
    let home = Home::new();
    let at = ["--database", &database.url];
    let with = |words: &str| home.say_at(words, &at);
    let created = with("app create --id shop --json").json();
    let hash = home.hash(created["secret"].as_str().unwrap(), "ana");
    let other = Home::new();
    fs::create_dir(other.data()).unwrap();
    let (from, to) = (
        home.data().join("master.key"),
        other.data().join("master.key"),
    );
    fs::copy(&from, &to).unwrap();
    let node = other.serve_with(&at);
    soon(&node, &hash, 200);
    assert_eq!(with("key rotate --copied").code, Some(0));
    let ready = || super::harness::request(node.address("admin"), "/health/ready", "");
    super::harness::wait_for("the node that is not ready", || {
        let (status, body) = ready();
        let told = body["reasons"][0]["code"] == "key_missing";
        (status == 503 && told).then_some(())
    });
    soon(&node, &hash, 200);
    fs::copy(&from, &to).unwrap();
    super::harness::wait_for("the node that is ready again", || {
        (ready().0 == 200).then_some(())
    });
}
