//! Where things lie: one binary of integration tests per crate, the same
//! migrations for both databases, every end-to-end module where nextest keeps
//! them from running side by side.

use std::collections::BTreeSet;

use super::Problem;
use super::tree::Tree;

const MIGRATIONS: &str = "crates/store/migrations";
const END_TO_END: &str = "crates/server/tests/e2e/main.rs";
const NEXTEST: &str = ".config/nextest.toml";

pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in tree.rust() {
        let parts: Vec<&str> = file.path.split('/').collect();
        if let ["crates", _, "tests", name] = parts.as_slice() {
            problems.push(Problem::file(
                &file.path,
                format!("each file here is a program to link: move {name} into tests/it/"),
            ));
        }
    }
    let sqlite = migrations(tree, "sqlite");
    let postgres = migrations(tree, "postgres");
    for (here, there, other) in [
        (&sqlite, &postgres, "postgres"),
        (&postgres, &sqlite, "sqlite"),
    ] {
        for name in here.difference(there) {
            problems.push(Problem::file(
                &format!("{MIGRATIONS}/{other}/{name}"),
                "is missing: both databases have the same migrations",
            ));
        }
    }
    problems.extend(end_to_end(tree));
    problems
}

/// The modules of the end-to-end tests that nextest's filter does not name.
fn end_to_end(tree: &Tree) -> Vec<Problem> {
    let text = |path: &str| {
        let file = tree.files().find(|file| file.path == path);
        file.map_or("", |file| file.text.as_str())
    };
    let named = text(NEXTEST)
        .lines()
        .find_map(|line| line.split_once("test(/^(")?.1.split_once(")::/)"))
        .map_or("", |(names, _)| names);
    let named: BTreeSet<&str> = named.split('|').collect();
    let modules = text(END_TO_END)
        .lines()
        .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
    modules
        .filter(|name| *name != "harness" && !named.contains(name))
        .map(|name| {
            Problem::file(
                NEXTEST,
                format!("name the end-to-end module `{name}` in the filter of whole-server"),
            )
        })
        .collect()
}

fn migrations<'t>(tree: &'t Tree, database: &str) -> BTreeSet<&'t str> {
    let prefix = format!("{MIGRATIONS}/{database}/");
    tree.files()
        .filter_map(|file| file.path.strip_prefix(&prefix))
        .collect()
}
