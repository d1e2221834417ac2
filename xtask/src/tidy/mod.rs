//! `cargo xtask tidy`: the rules of the house that no compiler checks.
//!
//! Every check reads the same [`Tree`] and adds to one list of [`Problem`]s;
//! all of them are printed, so that one run shows everything there is to mend.

mod arrows;
mod documents;
mod layout;
mod manifests;
mod sizes;
mod tree;
mod words;

use std::fmt;

use crate::Failure;
use tree::Tree;

/// A place that bends a rule, and what to do about it.
pub(crate) struct Problem {
    path: String,
    line: Option<usize>,
    text: String,
}

impl Problem {
    /// About a whole file.
    pub(crate) fn file(path: &str, text: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line: None,
            text: text.into(),
        }
    }

    /// About one line, counted from 1.
    pub(crate) fn line(path: &str, line: usize, text: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line: Some(line),
            text: text.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.text),
            None => write!(f, "{}: {}", self.path, self.text),
        }
    }
}

type Check = fn(&Tree) -> Vec<Problem>;

const CHECKS: &[(&str, Check)] = &[
    ("arrows between crates", arrows::check),
    ("manifests", manifests::check),
    ("sizes", sizes::check),
    ("words", words::check),
    ("documents", documents::check),
    ("layout", layout::check),
];

/// Runs every check; fails when one of them found something.
pub(crate) fn run() -> Result<(), Failure> {
    let tree = Tree::read(&crate::root())?;
    let mut found = 0;
    for (name, check) in CHECKS {
        let problems = check(&tree);
        println!(
            "{name:<24} {}",
            if problems.is_empty() {
                "ok".to_owned()
            } else {
                format!("{} to mend", problems.len())
            }
        );
        for problem in &problems {
            println!("  {problem}");
        }
        found += problems.len();
    }
    if found == 0 {
        Ok(())
    } else {
        Err(format!("tidy: {found} to mend"))
    }
}
