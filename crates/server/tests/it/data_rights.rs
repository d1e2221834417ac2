//! `mayday user export`, `erase` and `erasures`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::backup::post;
use super::harness::{Home, wait_for};

const FLAGS: [&str; 2] = ["--app", "shop"];

/// A user with a name, an SOS that is over, and a position.
fn live(home: &Home) -> (super::harness::Running, String) {
    let secret = home.app("shop");
    let hash = home.hash(&secret, "ana");
    let running = home.serve();
    post(
        &running,
        "/v1/sdk/sos",
        "ana",
        &hash,
        r#"{"message":"Fell near the ridge"}"#,
    );
    post(&running, "/v1/sdk/sos/resolve", "ana", &hash, "{}");
    (running, hash)
}

fn user<'a>(verb: &'a str, who: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut words = vec!["user", verb, who];
    words.extend(FLAGS);
    words.extend(more);
    words
}

#[test]
fn an_export_is_one_document_for_its_owner_alone() {
    let home = Home::new();
    let (running, _) = live(&home);
    let file = home.path().join("ana.json");
    let said = home.say(&user(
        "export",
        "ana",
        &["--output", file.to_str().unwrap()],
    ));
    assert_eq!((said.code, said.out.as_str()), (Some(0), ""), "{said:?}");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let document: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(document["profile"][0]["external_user_id"], "ana");
    assert_eq!(document["incidents"][0]["message"], "Fell near the ridge");
    // Nothing is written over.
    home.say(&user(
        "export",
        "ana",
        &["--output", file.to_str().unwrap()],
    ))
    .refused(&["ana.json"]);
    drop(running);
    // Without a server, to standard output.
    let document = home.say(&user("export", "ana", &[])).json();
    assert_eq!(document["incidents"].as_array().unwrap().len(), 1);
    // Nothing is made for nobody.
    let none = home.path().join("nobody.json");
    home.say(&user(
        "export",
        "nobody",
        &["--output", none.to_str().unwrap()],
    ))
    .refused(&["nobody"]);
    assert!(!none.exists());
}

#[test]
fn an_erasure_is_asked_for_twice_and_leaves_only_that_it_happened() {
    let home = Home::new();
    let (running, hash) = live(&home);
    let before = running.get("/v1/sdk/me", "shop", "ana", &hash).1["user"]["id"].clone();
    // Nobody can be asked here.
    home.say(&user("erase", "ana", &[])).refused(&["--yes"]);
    let erased = home.say(&user("erase", "ana", &["--yes", "--json"])).json();
    assert_eq!(
        (&erased["state"], &erased["requested_by"]),
        (&json!("swept"), &json!("operator"))
    );
    home.say(&user("erase", "ana", &["--yes"]))
        .refused(&["ana"]);
    let after = wait_for("another user", || {
        let (status, body) = running.get("/v1/sdk/me", "shop", "ana", &hash);
        (status == 200 && body["user"]["id"] != before).then_some(body)
    });
    assert_eq!(after["user"]["name"], "");
    let listed = home.say(&["user", "erasures", "--app", "shop", "--json"]);
    assert!(!listed.out.contains("ana"), "it says nobody's name");
    assert_eq!(listed.json()[0]["erasure_id"], erased["erasure_id"]);
    let listed = home.say(&["user", "erasures", "--app", "shop"]);
    assert!(listed.out.contains("operator"), "{listed:?}");
}

#[test]
fn nobody_is_erased_who_calls_for_help() {
    let home = Home::new();
    let (running, hash) = live(&home);
    post(&running, "/v1/sdk/sos", "ana", &hash, "{}");
    home.say(&user("erase", "ana", &["--yes"]))
        .refused(&["SOS"]);
    drop(running);
    home.say(&user("erase", "ana", &["--yes"]))
        .refused(&["SOS"]);
    home.say(&user("erase", "nobody", &["--yes"]))
        .refused(&["nobody"]);
}
