//! Documents: the ones that must be there, links that resolve, and an
//! ARCHITECTURE.md whose file names are true.

use super::Problem;
use super::tree::{File, Tree};

const REQUIRED: &[&str] = &[
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "config.example.toml",
    "docs/admin-openapi.json",
    "docs/asyncapi.json",
    "docs/openapi.json",
    "docs/signing.md",
    "docs/signing-vectors.json",
    "rust-toolchain.toml",
];

pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for path in REQUIRED {
        if tree.file(path).is_none() {
            problems.push(Problem::file(path, "is missing"));
        }
    }
    if let Some(file) = tree.file("CHANGELOG.md")
        && !file.text.contains("## [Unreleased]")
    {
        problems.push(Problem::file(
            &file.path,
            "needs a section `## [Unreleased]`",
        ));
    }
    if let Some(file) = tree.file("ARCHITECTURE.md") {
        named_files(tree, file, &mut problems);
    }
    for file in tree.markdown() {
        links(tree, file, &mut problems);
    }
    problems
}

/// Every `path` in backticks that looks like a file of ours must exist.
fn named_files(tree: &Tree, file: &File, problems: &mut Vec<Problem>) {
    for (number, line) in prose(file) {
        for span in line.split('`').skip(1).step_by(2) {
            let ours = ["crates/", "xtask/", "docs/", ".ci/"]
                .iter()
                .any(|prefix| span.starts_with(prefix));
            if ours && !span.contains(['<', '*', '{', ' ']) && !tree.holds(span) {
                problems.push(Problem::line(
                    &file.path,
                    number,
                    format!("`{span}` does not exist"),
                ));
            }
        }
    }
}

/// Relative links must lead to a file, and a fragment to a heading of it.
fn links(tree: &Tree, file: &File, problems: &mut Vec<Problem>) {
    for (number, line) in prose(file) {
        for part in line.split("](").skip(1) {
            let Some((target, _)) = part.split_once(')') else {
                continue;
            };
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
            let path = if path.is_empty() {
                file.path.clone()
            } else {
                resolve(&file.path, path)
            };
            if !tree.holds(&path) {
                problems.push(Problem::line(
                    &file.path,
                    number,
                    format!("link to {target}: no such file"),
                ));
            } else if !fragment.is_empty()
                && let Some(other) = tree.file(&path)
                && !headings(other).any(|heading| heading == fragment)
            {
                problems.push(Problem::line(
                    &file.path,
                    number,
                    format!("link to {target}: no such heading"),
                ));
            }
        }
    }
}

/// Lines outside of fenced blocks.
fn prose(file: &File) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    file.lines().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// Headings as the anchors that a forge makes of them.
fn headings(file: &File) -> impl Iterator<Item = String> {
    prose(file)
        .filter(|(_, line)| line.starts_with('#'))
        .map(|(_, line)| {
            line.trim_start_matches('#')
                .trim()
                .to_lowercase()
                .chars()
                .filter_map(|letter| match letter {
                    ' ' => Some('-'),
                    letter if letter.is_alphanumeric() || letter == '-' || letter == '_' => {
                        Some(letter)
                    }
                    _ => None,
                })
                .collect()
        })
}

fn resolve(from: &str, link: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn links_are_relative_to_their_document() {
        assert_eq!(resolve("docs/mqtt.md", "signing.md"), "docs/signing.md");
        assert_eq!(resolve("docs/adr/0001.md", "../../README.md"), "README.md");
        assert_eq!(resolve("README.md", "./docs/"), "docs");
    }
}
