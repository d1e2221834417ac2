//! Where things lie: one binary of integration tests per crate, the same
//! migrations for both databases.

use std::collections::BTreeSet;

use super::Problem;
use super::tree::Tree;

const MIGRATIONS: &str = "crates/store/migrations";

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
    problems
}

fn migrations<'t>(tree: &'t Tree, database: &str) -> BTreeSet<&'t str> {
    let prefix = format!("{MIGRATIONS}/{database}/");
    tree.files()
        .filter_map(|file| file.path.strip_prefix(&prefix))
        .collect()
}
