//! `mayday config`, and settings as `serve` meets them.

use std::fs;

use super::harness::{Home, mayday, run, say};

#[test]
fn the_example_can_be_checked_and_shown() {
    let home = Home::new();
    let example = say(&["config", "example"]);
    let file = home.path().join("mayday.toml");
    fs::write(&file, &example.out).unwrap();
    let file = file.to_str().unwrap();
    let checked = say(&["config", "check", "--config", file]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let shown = run(mayday(&["config", "show", "--config", file, "--json"])
        .env("MAYDAY_TELEMETRY__RETENTION_DAYS", "7"));
    let shown = shown.json();
    let setting = |key: &str| {
        let all = shown.as_array().unwrap();
        all.iter()
            .find(|setting| setting["key"] == key)
            .unwrap()
            .clone()
    };
    let days = setting("telemetry.retention_days");
    assert_eq!(days["value"], "7");
    assert_eq!(days["origin"], "MAYDAY_TELEMETRY__RETENTION_DAYS");
    assert_eq!(setting("http.listen")["origin"], "default");
}

#[test]
fn all_mistakes_are_told_at_once_and_nothing_is_started() {
    let home = Home::new();
    let file = home.path().join("mayday.toml");
    fs::write(&file, "[http]\nlisten = 8080\nport = 1\n").unwrap();
    let mut command = home.command(&["serve", "--config", file.to_str().unwrap()]);
    let said = run(command.env("MAYDAY_LOG__FORMAT", "loud"));
    assert_eq!(said.code, Some(1), "{said:?}");
    for words in [
        "mayday.toml:2: http.listen",
        "mayday.toml:3: http.port",
        "MAYDAY_LOG__FORMAT",
    ] {
        assert!(said.err.contains(words), "{words} is not said: {said:?}");
    }
    assert!(!home.data().exists());
}

#[test]
fn a_setting_can_be_made_by_a_flag() {
    let home = Home::new();
    let said = home.say(&["serve", "--set", "telemetry.retention_days=none"]);
    said.refused(&["--set telemetry.retention_days", "whole number from 1"]);
    let said = home.say(&["serve", "--set", "retention=1"]);
    assert_eq!(said.code, Some(2), "{said:?}");
}
