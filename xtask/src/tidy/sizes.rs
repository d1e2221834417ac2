//! Sizes of files. Functions are clippy's business (`too_many_lines`).

use super::Problem;
use super::tree::Tree;

/// Lines that a source file may have at most.
const MAX_LINES: usize = 600;
/// Lines that 95 of 100 files stay below.
const MAX_LINES_OF_MOST: usize = 400;

pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut sizes = Vec::new();
    for file in tree.rust() {
        let lines = file.text.lines().count();
        if lines > MAX_LINES {
            problems.push(Problem::file(
                &file.path,
                format!("{lines} lines; split it by what it does, at most {MAX_LINES}"),
            ));
        }
        sizes.push((lines, file.path.as_str()));
    }
    sizes.sort_unstable();
    let at = sizes.len() * 95 / 100;
    if let Some((lines, _)) = sizes.get(at)
        && *lines >= MAX_LINES_OF_MOST
    {
        let longest: Vec<String> = sizes
            .iter()
            .skip(at)
            .map(|(lines, path)| format!("{path} ({lines})"))
            .collect();
        problems.push(Problem::file(
            "crates",
            format!(
                "the 95th percentile of files is {lines} lines, it must stay below {MAX_LINES_OF_MOST}: {}",
                longest.join(", ")
            ),
        ));
    }
    problems
}
