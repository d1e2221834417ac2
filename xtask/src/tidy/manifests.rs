//! Manifests: one list of dependencies with a reason over each, nothing
//! unused, the same lints everywhere, a budget of locked packages.

use super::Problem;
use super::tree::Tree;

/// A server that people run themselves must be possible to review.
const MAX_LOCKED_PACKAGES: usize = 400;

/// Lints that the house stands on, with the level each must have at least.
const LINTS: &[(&str, &str)] = &[
    ("rust", "unsafe_code"),
    ("rust", "missing_docs"),
    ("clippy", "all"),
    ("clippy", "pedantic"),
    ("clippy", "unwrap_used"),
    ("clippy", "expect_used"),
    ("clippy", "panic"),
    ("clippy", "indexing_slicing"),
    ("clippy", "too_many_lines"),
];

pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    root(tree, &mut problems);
    members(tree, &mut problems);
    lock(tree, &mut problems);
    problems
}

fn root(tree: &Tree, problems: &mut Vec<Problem>) {
    let Some(file) = tree.file("Cargo.toml") else {
        problems.push(Problem::file("Cargo.toml", "is missing"));
        return;
    };
    let manifest = match file.text.parse::<toml::Table>() {
        Ok(manifest) => manifest,
        Err(error) => {
            problems.push(Problem::file(&file.path, error.to_string()));
            return;
        }
    };
    let workspace = manifest.get("workspace").and_then(toml::Value::as_table);
    let lints = workspace.and_then(|table| table.get("lints"));
    for (tool, lint) in LINTS {
        if lints.and_then(|table| table.get(tool)?.get(lint)).is_none() {
            problems.push(Problem::file(
                &file.path,
                format!("[workspace.lints.{tool}] must set `{lint}`"),
            ));
        }
    }
    if let Some(dependencies) = workspace
        .and_then(|table| table.get("dependencies"))
        .and_then(toml::Value::as_table)
    {
        for name in dependencies.keys() {
            let used = tree
                .manifests()
                .any(|(_, member)| member.text.lines().any(|line| key_of(line) == Some(name)));
            if !used {
                problems.push(Problem::file(
                    &file.path,
                    format!("`{name}` is used by no crate: remove it"),
                ));
            }
        }
    }
    reasons(&file.text, &file.path, problems);
}

/// Over each dependency stands a comment; relatives (`serde`, `serde_json`)
/// that follow each other share one.
fn reasons(text: &str, path: &str, problems: &mut Vec<Problem>) {
    let mut inside = false;
    let mut above = "";
    for (number, line) in text.lines().enumerate() {
        if line.starts_with('[') {
            inside = line.trim() == "[workspace.dependencies]";
        } else if inside && let Some(name) = key_of(line) {
            let explained = above.starts_with('#')
                || key_of(above).is_some_and(|relative| stem(relative) == stem(name));
            if !explained {
                problems.push(Problem::line(
                    path,
                    number + 1,
                    format!("say in a comment over it what `{name}` is for"),
                ));
            }
        }
        above = line;
    }
}

/// Every member takes versions and lints from the workspace, and uses what it names.
fn members(tree: &Tree, problems: &mut Vec<Problem>) {
    for (_, file) in tree.manifests() {
        let Ok(manifest) = file.text.parse::<toml::Table>() else {
            continue;
        };
        let inherits = manifest
            .get("lints")
            .and_then(|lints| lints.get("workspace"))
            .and_then(toml::Value::as_bool);
        if inherits != Some(true) {
            problems.push(Problem::file(
                &file.path,
                "[lints] must say `workspace = true`",
            ));
        }
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(table) = manifest.get(section).and_then(toml::Value::as_table) else {
                continue;
            };
            for (name, value) in table {
                // A crate names itself to give its tests a feature of its own.
                if value.get("path").and_then(toml::Value::as_str) == Some(".") {
                    continue;
                }
                if value.get("workspace").and_then(toml::Value::as_bool) != Some(true) {
                    problems.push(Problem::file(
                        &file.path,
                        format!("`{name}` must come from the workspace: `{name}.workspace = true`"),
                    ));
                }
                if !is_named(tree, &file.path, name) {
                    problems.push(Problem::file(
                        &file.path,
                        format!("[{section}] `{name}` is named by none of the crate's sources"),
                    ));
                }
            }
        }
    }
}

fn is_named(tree: &Tree, manifest: &str, dependency: &str) -> bool {
    let directory = manifest.trim_end_matches("Cargo.toml");
    let word = dependency.replace('-', "_");
    tree.rust()
        .filter(|file| file.path.starts_with(directory))
        .any(|file| super::words::holds_word(&file.text, &word))
}

fn lock(tree: &Tree, problems: &mut Vec<Problem>) {
    let Some(file) = tree.file("Cargo.lock") else {
        problems.push(Problem::file("Cargo.lock", "must be checked in"));
        return;
    };
    let packages = file
        .text
        .lines()
        .filter(|line| *line == "[[package]]")
        .count();
    if packages > MAX_LOCKED_PACKAGES {
        problems.push(Problem::file(
            &file.path,
            format!("{packages} locked packages; the budget is {MAX_LOCKED_PACKAGES}"),
        ));
    }
}

/// The key of a `key = ..` or `key.workspace = ..` line.
fn key_of(line: &str) -> Option<&str> {
    let (key, _) = line.split_once('=')?;
    let key = key.trim().split('.').next()?;
    (!key.is_empty() && !key.starts_with(['#', '{', '['])).then_some(key)
}

fn stem(name: &str) -> &str {
    name.split(['-', '_']).next().unwrap_or(name)
}
