//! Words that must not stand in the tree, each with what to do instead.
//!
//! They are put together from halves here, so that this file passes its own check.

use super::Problem;
use super::tree::{File, Tree};

/// Where a word is refused.
enum Where {
    Anywhere,
    Rust,
    Tests,
    /// Rust outside of these path prefixes, tests left out.
    CodeOutside(&'static [&'static str]),
}

struct Word {
    text: &'static str,
    place: Where,
    advice: &'static str,
}

/// A pause this many lines below the head of a loop is one between two looks.
const LOOP_IN_SIGHT: usize = 8;

const UNFINISHED: &str = "finish it or leave it out";
const ORIGIN: &str = "the project explains itself without the place it was made in";
const REGISTRY: &str = "name the package, not the host it comes from";

const WORDS: &[Word] = &[
    word(concat!("TO", "DO"), Where::Anywhere, UNFINISHED),
    word(concat!("FIX", "ME"), Where::Anywhere, UNFINISHED),
    word(concat!("XX", "X"), Where::Anywhere, UNFINISHED),
    word(concat!("todo", "!("), Where::Rust, UNFINISHED),
    word(concat!("unimplemented", "!("), Where::Rust, UNFINISHED),
    word(
        concat!("#[ig", "nore"),
        Where::Rust,
        "a test runs or is removed; what needs a tool is left out by --skip",
    ),
    word(
        concat!("thread::", "sleep"),
        Where::Rust,
        "wait for a condition with a limit",
    ),
    word(
        concat!("time::", "sleep"),
        Where::Tests,
        "look for a condition in a loop with a limit, or pause the clock in the same file",
    ),
    word(
        concat!("#[al", "low("),
        Where::Rust,
        "use #[expect(lint, reason = \"..\")]",
    ),
    word(
        concat!("#![al", "low("),
        Where::Rust,
        "use #![expect(lint, reason = \"..\")]",
    ),
    word(
        concat!("env::", "var"),
        Where::CodeOutside(&["crates/server/", "xtask/", "crates/store/src/testing"]),
        "only `server` reads the environment; elsewhere take a setting",
    ),
    word(
        concat!("\"SELECT", " "),
        Where::CodeOutside(&["crates/store/"]),
        "only `store` names SQL",
    ),
    word(
        concat!("\"INSERT", " INTO"),
        Where::CodeOutside(&["crates/store/"]),
        "only `store` names SQL",
    ),
    word(concat!("../sha", "red"), Where::Anywhere, ORIGIN),
    word(concat!("/wo", "rk/"), Where::Anywhere, ORIGIN),
    word(concat!("this ses", "sion"), Where::Anywhere, ORIGIN),
    word(concat!("this iss", "ue"), Where::Anywhere, ORIGIN),
    word(concat!("index.crates", ".io"), Where::Anywhere, REGISTRY),
    word(concat!("registry.npmjs", ".org"), Where::Anywhere, REGISTRY),
    word(concat!("pypi", ".org"), Where::Anywhere, REGISTRY),
    word(concat!("files.python", "hosted"), Where::Anywhere, REGISTRY),
];

const fn word(text: &'static str, place: Where, advice: &'static str) -> Word {
    Word {
        text,
        place,
        advice,
    }
}

pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in tree.files() {
        if file.path.ends_with("Cargo.lock") || file.path.ends_with("package-lock.json") {
            continue;
        }
        let tests_begin = file.tests_begin();
        for word in WORDS {
            if file.text.contains(word.text) {
                find(file, word, tests_begin, &mut problems);
            }
        }
        numbered(file, &mut problems);
    }
    problems
}

fn find(file: &File, word: &Word, tests_begin: usize, problems: &mut Vec<Problem>) {
    let rust = file.has_extension("rs");
    let applies = match word.place {
        Where::Anywhere => true,
        Where::Rust | Where::Tests => rust,
        Where::CodeOutside(prefixes) => {
            rust && !prefixes.iter().any(|prefix| file.path.starts_with(prefix))
        }
    };
    if !applies {
        return;
    }
    let paused = file.text.contains("start_paused") || file.text.contains("time::pause(");
    let mut above = [""; LOOP_IN_SIGHT];
    for (number, line) in file.lines() {
        above.rotate_left(1);
        if let Some(last) = above.last_mut() {
            *last = line;
        }
        let looks_again = above
            .iter()
            .any(|line| line.trim_start().starts_with("while ") || line.contains("loop {"));
        let in_tests = number >= tests_begin;
        let counts = match word.place {
            Where::Tests => in_tests && !paused && !looks_again,
            Where::CodeOutside(_) => !in_tests,
            Where::Anywhere | Where::Rust => true,
        };
        if counts && holds_word(line, word.text) {
            problems.push(Problem::line(
                &file.path,
                number,
                format!("`{}`: {}", word.text, word.advice),
            ));
        }
    }
}

/// Numbers of a tracker mean nothing to a reader of the tree.
fn numbered(file: &File, problems: &mut Vec<Problem>) {
    let before = concat!("iss", "ue ");
    for (number, line) in file.lines() {
        let lower = line.to_ascii_lowercase();
        let found = lower.match_indices(before).any(|(at, _)| {
            lower
                .get(at + before.len()..)
                .and_then(|rest| rest.trim_start_matches('#').chars().next())
                .is_some_and(|next| next.is_ascii_digit())
        });
        if found {
            problems.push(Problem::line(&file.path, number, ORIGIN));
        }
    }
}

/// Whether `text` holds `word` with no letter, digit or underscore directly
/// before or after it (where the word itself begins or ends with one).
pub(super) fn holds_word(text: &str, word: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let guard_before = word.chars().next().is_some_and(is_part);
    let guard_after = word.chars().next_back().is_some_and(is_part);
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|part| part.chars().next_back());
        let after = text
            .get(at + word.len()..)
            .and_then(|part| part.chars().next());
        let continued = (guard_before && before.is_some_and(is_part))
            || (guard_after && after.is_some_and(is_part));
        !continued
    })
}

#[cfg(test)]
mod tests {
    use super::holds_word;

    #[test]
    fn a_word_is_found_only_as_a_word() {
        assert!(holds_word("let x = serde_json::to_vec(&a)", "serde_json"));
        assert!(!holds_word("let x = serde_json::to_vec(&a)", "serde"));
        assert!(holds_word("use toml;", "toml"));
        assert!(!holds_word("Meshtastic_1aa8", "1aa"));
        assert!(holds_word("a.sleep(", ".sleep("));
    }
}
