//! The arrows between crates: `core <- {store, gateway} <- app <- {http, mqtt,
//! workers} <- server`, and which crate alone may name which outside library.

use super::Problem;
use super::tree::{File, Tree};

/// A crate and those of ours that it may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("store", &["core"]),
    ("gateway", &["core"]),
    ("app", &["core", "store", "gateway"]),
    ("http", &["core", "app"]),
    ("mqtt", &["core", "app"]),
    ("workers", &["core", "app"]),
    (
        "server",
        &["core", "store", "gateway", "app", "http", "mqtt", "workers"],
    ),
    ("xtask", &[]),
    ("fuzz", &["core"]),
];

/// Tests of a crate may also use these, to stand on a real store.
const TESTS_MAY_USE: &[&str] = &["core", "store", "app"];

/// Outside libraries that belong to some crates alone, and why.
const OWNED: &[(&str, &[&str], &str)] = &[
    ("sqlx", &["store"], "only `store` names SQL and its drivers"),
    (
        "rusqlite",
        &["store"],
        "only `store` names SQL and its drivers",
    ),
    (
        "axum",
        &["http", "mqtt", "server"],
        "only `http` speaks HTTP; `mqtt` takes WebSockets over from it",
    ),
    ("tower-http", &["http"], "only `http` speaks HTTP"),
    (
        "rmqtt-codec",
        &["mqtt", "server", "fuzz"],
        "only `mqtt` speaks MQTT; the demo is a client of it, a fuzz target its rival",
    ),
    (
        "getrandom",
        &["server"],
        "only `server` has real randomness; take an `Entropy`",
    ),
    ("clap", &["server"], "only `server` has a command line"),
    (
        "tracing-subscriber",
        &["server"],
        "only `server` decides where logs go",
    ),
];

/// Libraries of input, output or an async runtime, which `core` must not have.
const NOT_IN_CORE: &[&str] = &["tokio", "tokio-util", "futures-util", "tracing"];

pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, file) in tree.manifests() {
        let Some((_, allowed)) = MAY_USE.iter().find(|(known, _)| *known == name) else {
            problems.push(Problem::file(
                &file.path,
                "a new crate: it must remove a dependency or enforce an arrow; then add it to the table in xtask/src/tidy/arrows.rs",
            ));
            continue;
        };
        match file.text.parse::<toml::Table>() {
            Ok(manifest) => crate_arrows(name, file, allowed, &manifest, &mut problems),
            Err(error) => problems.push(Problem::file(&file.path, error.to_string())),
        }
    }
    problems
}

fn crate_arrows(
    name: &str,
    file: &File,
    allowed: &[&str],
    manifest: &toml::Table,
    problems: &mut Vec<Problem>,
) {
    for (section, for_tests) in [
        ("dependencies", false),
        ("build-dependencies", false),
        ("dev-dependencies", true),
    ] {
        let Some(dependencies) = manifest.get(section).and_then(toml::Value::as_table) else {
            continue;
        };
        for dependency in dependencies.keys() {
            if let Some(ours) = dependency.strip_prefix("mayday-") {
                let fits = allowed.contains(&ours)
                    || ours == name
                    || (for_tests && TESTS_MAY_USE.contains(&ours));
                if !fits {
                    problems.push(Problem::file(
                        &file.path,
                        format!("[{section}] `{name}` must not use `{ours}` (see ARCHITECTURE.md, the arrows)"),
                    ));
                }
            }
            if for_tests {
                continue;
            }
            for (library, owners, why) in OWNED {
                if dependency == library && !owners.contains(&name) {
                    problems.push(Problem::file(&file.path, format!("`{library}`: {why}")));
                }
            }
            if name == "core" && NOT_IN_CORE.contains(&dependency.as_str()) {
                problems.push(Problem::file(
                    &file.path,
                    format!("`{dependency}`: core does no input, output or waiting"),
                ));
            }
        }
    }
}
