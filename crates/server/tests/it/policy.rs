//! `mayday policy` and `mayday provider`.

use std::fs;

use super::harness::{Home, run, say};

fn home() -> Home {
    let home = Home::new();
    let made = home.say(&["app", "create", "--id", "shop"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    home
}

fn write(home: &Home, text: &str) -> String {
    let file = home.path().join("policy.json");
    fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn a_policy_is_set_shown_and_recorded() {
    let home = home();
    let shown = home
        .say(&["policy", "show", "--app", "shop", "--json"])
        .json();
    assert_eq!(
        (&shown["version"], &shown["policy"]["grace_seconds"]),
        (&0.into(), &15.into())
    );
    let file = write(&home, r#"{"grace_seconds": 30, "mode": "broadcast"}"#);
    let set = ["policy", "set", "--app", "shop", "--file", &file, "--json"];
    let first = run(home.command(&set).env("SUDO_USER", "ann")).json();
    assert_eq!(
        (&first["version"], &first["set_by"]),
        (&1.into(), &"ann".into())
    );
    assert!(
        first["set_from"].as_str().unwrap().contains("command line"),
        "{first}"
    );
    // The same again is no new version.
    assert_eq!(home.say(&set).json()["version"], 1);
    let file = write(&home, r#"{"grace_seconds": 45}"#);
    let moved = home.say(&[
        "policy", "set", "--app", "shop", "--file", &file, "--expect", "0",
    ]);
    moved.refused(&["version 1 is in force, not 0"]);
    let second = [
        "policy", "set", "--app", "shop", "--file", &file, "--by", "bob", "--expect", "1",
    ];
    assert_eq!(home.say(&second).code, Some(0));
    let history = home
        .say(&["policy", "history", "--app", "shop", "--json"])
        .json();
    let items = history["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["set_by"]), (2, &"bob".into()));
    let changes = items[0]["changes"].as_array().unwrap();
    let names: Vec<_> = changes.iter().map(|change| &change["setting"]).collect();
    assert_eq!(names, ["grace_seconds", "mode"]);
    assert_eq!(
        (&changes[0]["before"], &changes[0]["after"]),
        (&30.into(), &45.into())
    );
    // What is shown can be set.
    let document = home.say(&["policy", "show", "--app", "shop", "--document"]);
    let file = write(&home, &document.out);
    let same = home.say(&["policy", "set", "--app", "shop", "--file", &file, "--json"]);
    assert_eq!(same.json()["version"], 2);
}

#[test]
fn every_fault_of_a_policy_is_told() {
    let home = home();
    let file = write(
        &home,
        r#"{"grace_seconds": 301, "mode": "loud", "graze": 1}"#,
    );
    let check = say(&["policy", "check", "--file", &file]);
    let set = home.say(&["policy", "set", "--app", "shop", "--file", &file]);
    for said in [check, set] {
        assert_eq!(said.code, Some(1), "{said:?}");
        for words in ["/grace_seconds", "/mode", "/graze", "no such setting"] {
            assert!(said.err.contains(words), "{words}: {said:?}");
        }
    }
    home.say(&["policy", "show", "--app", "nobody"])
        .refused(&["there is no app nobody"]);
    let file = write(&home, "{");
    say(&["policy", "check", "--file", &file]).refused(&["holds no JSON"]);
    let file = write(&home, "{}");
    let said = say(&["policy", "check", "--file", &file]);
    assert_eq!(said.out.trim(), "the policy is valid");
}

#[test]
fn a_test_goes_to_the_screen_and_says_that_it_is_one() {
    let home = home();
    let none = home.say(&["provider", "test", "--to", "+34600111222"]);
    none.refused(&["no provider is configured for +34600111222"]);
    home.say(&["provider", "test", "--to", "600111222"])
        .refused(&["E.164"]);
    let file = home.path().join("mayday.toml");
    fs::write(
        &file,
        "[sending]\nsms_routes = [\"+34 screen\"]\ncountries = [\"ES\"]\n",
    )
    .unwrap();
    let file = file.to_str().unwrap();
    let test = home.say(&[
        "provider",
        "test",
        "--to",
        "+34600111222",
        "--json",
        "--config",
        file,
    ]);
    let attempts = test.json();
    assert_eq!(
        (&attempts[0]["provider"], &attempts[0]["outcome"]),
        (&"screen".into(), &"accepted".into())
    );
    let elsewhere = home.say(&["provider", "test", "--to", "+33600111222", "--config", file]);
    elsewhere.refused(&["no provider is configured"]);
    let listed = home
        .say(&["provider", "list", "--json", "--config", file])
        .json();
    assert_eq!(
        (&listed[0]["kind"], &listed[0]["failing"]),
        (&"screen".into(), &false.into())
    );
    let outs = home.say(&["provider", "opt-outs", "--json"]).json();
    assert_eq!(outs["items"].as_array().unwrap().len(), 0);
}
