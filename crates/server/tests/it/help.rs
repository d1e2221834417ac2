//! The words of the command line.

use std::fmt::Write as _;
use std::path::Path;

use super::harness::say;

/// Each command whose help is part of the reference.
const COMMANDS: &[&str] = &[
    "",
    "serve",
    "demo",
    "app",
    "app create",
    "app list",
    "app secret",
    "app secret add",
    "app secret list",
    "app secret retire",
    "app activate",
    "app deactivate",
    "app policy",
    "app retention",
    "app show",
    "user",
    "user list",
    "user show",
    "user block",
    "user unblock",
    "user export",
    "user erase",
    "user erasures",
    "device",
    "device list",
    "device assign",
    "admin-key",
    "admin-key create",
    "admin-key list",
    "admin-key revoke",
    "broker-key",
    "broker-key create",
    "broker-key list",
    "broker-key revoke",
    "device-config",
    "device-config set",
    "device-config list",
    "device-config show",
    "device-config remove",
    "firmware",
    "firmware add",
    "firmware list",
    "firmware publish",
    "firmware withdraw",
    "firmware remove",
    "network-key",
    "network-key set",
    "network-key generate",
    "network-key rotate",
    "network-key show-fingerprint",
    "network-key remove",
    "webhook",
    "webhook add",
    "webhook list",
    "webhook show",
    "webhook remove",
    "webhook enable",
    "webhook secret",
    "webhook secret rotate",
    "webhook api-key",
    "webhook api-key set",
    "webhook api-key show",
    "webhook api-key remove",
    "webhook test",
    "webhook log",
    "webhook replay",
    "slack",
    "slack add",
    "slack list",
    "slack remove",
    "slack test",
    "slack log",
    "policy",
    "policy show",
    "policy set",
    "policy check",
    "policy history",
    "provider",
    "provider list",
    "provider test",
    "provider screen",
    "provider opt-outs",
    "sso",
    "sso set",
    "sso show",
    "sso remove",
    "sso key",
    "sso key create",
    "sso key rotate",
    "sso key list",
    "sso key revoke",
    "mail",
    "mail branding",
    "mail preview",
    "mail template",
    "mail template set",
    "mail template show",
    "mail template list",
    "mail template remove",
    "session",
    "session list",
    "session end",
    "ban",
    "ban list",
    "ban lift",
    "partner",
    "doctor",
    "sign",
    "incident",
    "incident list",
    "incident show",
    "incident acknowledge",
    "incident resolve",
    "incident revoke-link",
    "inspect",
    "inspect dead-letters",
    "inspect unattributed",
    "inspect alerts",
    "inspect close-alert",
    "backup",
    "restore",
    "check",
    "key",
    "key rotate",
    "key fingerprint",
    "config",
    "config show",
    "config check",
    "config example",
    "bench",
    "bench mqtt",
    "bench sos",
    "bench connect",
    "bench idle",
    "bench http",
    "asyncapi",
    "openapi",
    "completions",
];

/// The reference, generated from the help.
fn reference() -> String {
    let mut text = String::from(
        "# The command line\n\nWhat `mayday COMMAND --help` says. Exit codes: 0 done, 1 not done \
         (one line says why and\nwhat to do), 2 not understood.\n",
    );
    for command in COMMANDS {
        let mut words: Vec<_> = command.split_whitespace().collect();
        words.push("--help");
        let said = say(&words);
        assert_eq!(said.code, Some(0), "{said:?}");
        let title = format!("mayday {command}");
        let help = said.out.trim_end();
        write!(text, "\n## {}\n\n```text\n{help}\n```\n", title.trim_end()).unwrap();
    }
    text
}

#[test]
fn the_reference_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/command-line.md");
    let fresh = reference();
    if std::env::var_os("MAYDAY_WRITE_REFERENCE").is_some() {
        std::fs::write(&path, &fresh).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == fresh,
        "docs/command-line.md is stale: write it again with \
         MAYDAY_WRITE_REFERENCE=1 cargo test -p mayday --test it the_reference_is_fresh"
    );
}

#[test]
fn every_command_stands_in_the_reference() {
    for command in COMMANDS {
        let mut words: Vec<_> = command.split_whitespace().collect();
        words.push("--help");
        let help = say(&words).out;
        let listed = help
            .split_once("\nCommands:\n")
            .map_or("", |(_, rest)| rest);
        for line in listed.lines().take_while(|line| line.starts_with("  ")) {
            // A description goes on in the next line, further to the right.
            let Some(name) = line.get(2..).filter(|rest| !rest.starts_with(' ')) else {
                continue;
            };
            let name = name.split_whitespace().next().unwrap();
            if name == "help" {
                continue;
            }
            let full = format!("{command} {name}");
            let full = full.trim();
            assert!(COMMANDS.contains(&full), "`{full}` is missing in COMMANDS");
        }
    }
}

#[test]
fn what_is_not_understood_ends_with_two() {
    for words in [
        &["fly"][..],
        &["serve", "--port", "1"],
        &["serve", "--http", "8080"],
        &["sign", "--user", "ana"],
        &["sign", "--user", "ana", "--secret", "as_x"],
        &[
            "sign",
            "--user",
            "ana",
            "--secret-stdin",
            "--expires",
            "24h",
        ],
        &["user", "block", "ana"],
        &["app", "secret", "retire", "--id", "shop"],
    ] {
        let said = say(words);
        assert_eq!(said.code, Some(2), "{words:?} {said:?}");
        assert_eq!(said.out, "", "{words:?}");
        assert!(said.err.contains("--help"), "{words:?} {said:?}");
    }
}

#[test]
fn without_a_word_the_help_is_shown() {
    let said = say(&[]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("Examples:"), "{said:?}");
}

#[test]
fn help_is_a_command_too() {
    for words in [&["help", "app"][..], &["help", "app", "create"]] {
        let said = say(words);
        let asked: Vec<_> = words.iter().skip(1).chain(&["--help"]).copied().collect();
        assert_eq!(said.code, Some(0), "{said:?}");
        assert_eq!(said.out, say(&asked).out);
    }
}

#[test]
fn the_version_and_the_api_are_printed() {
    let version = say(&["--version"]);
    assert_eq!(
        version.out.trim(),
        concat!("mayday ", env!("CARGO_PKG_VERSION"))
    );
    let api = say(&["openapi"]).json();
    assert!(api["openapi"].as_str().unwrap().starts_with("3.1"));
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = say(&["completions", shell]);
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(said.out.contains("secret-stdin"), "{shell}");
    }
}
