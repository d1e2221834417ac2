//! The tests that failed, and why: whoever sees the end of a log alone shall know where
//! to begin.

use crate::run::Said;

/// How nextest's last word begins. What a failing test printed is repeated further
/// to the right, and before it.
pub(crate) const NEXTEST_SUMMARY: &str = "     Summary [";
/// So many failed tests are named at the end.
const SHOWN_FAILURES: usize = 40;
/// Of so many it is shown why they failed.
const SHOWN_REASONS: usize = 5;
/// Lines of a reason.
const REASON_LINES: usize = 8;
/// How a reason begins, and what comes behind it.
const PANICKED: &str = "panicked at ";
const BEHIND: [&str; 2] = ["note: run with", "stack backtrace:"];

/// A test that failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fallen {
    name: String,
    /// What it said when it panicked.
    reason: Vec<String>,
}

/// Names what failed.
pub(crate) fn show(fallen: &[Fallen]) {
    for (number, test) in fallen.iter().take(SHOWN_FAILURES).enumerate() {
        println!("failed: {}", test.name);
        if number < SHOWN_REASONS {
            for line in &test.reason {
                println!("    {line}");
            }
        }
    }
}

/// The tests that failed: nextest names them after its summary, libtest as it goes.
pub(crate) fn read(said: &Said) -> Vec<Fallen> {
    let lines: Vec<&str> = said.text.lines().collect();
    let summary = lines
        .iter()
        .position(|line| line.starts_with(NEXTEST_SUMMARY));
    let Some(summary) = summary else {
        return lines
            .iter()
            .filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"))
            .map(|name| Fallen {
                name: name.to_owned(),
                reason: Vec::new(),
            })
            .collect();
    };
    let (before, after) = lines.split_at(summary);
    after
        .iter()
        .filter(|line| line.contains("s] ") && !line.trim_start().starts_with("PASS"))
        .filter_map(|line| headed(line))
        .map(|name| Fallen {
            name: name.to_owned(),
            reason: reason(before, name),
        })
        .collect()
}

/// The test that a line of nextest's is about: `FAIL [   0.316s] shop bad`.
fn headed(line: &str) -> Option<&str> {
    let (status, name) = line.split_once("s] ")?;
    let (word, _) = status.trim_start().split_once(" [")?;
    let shouts = word.chars().all(|c| c.is_ascii_uppercase());
    // Behind the time a test's number may stand in brackets.
    let name = name.trim();
    let name = name.split_once(") ").map_or(name, |(_, name)| name);
    shouts.then_some(name)
}

/// What a test said when it panicked first.
fn reason(lines: &[&str], name: &str) -> Vec<String> {
    let own = lines
        .iter()
        .skip_while(|line| headed(line) != Some(name))
        .skip(1)
        .take_while(|line| headed(line).is_none());
    own.skip_while(|line| !line.contains(PANICKED))
        .map(|line| line.trim())
        .take_while(|line| !BEHIND.iter().any(|behind| line.starts_with(behind)))
        .take(REASON_LINES)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;

    pub(crate) fn said(text: &str) -> Said {
        Said {
            text: text.to_owned(),
            success: true,
            took: Duration::ZERO,
        }
    }

    /// What `cargo nextest run --status-level=fail --final-status-level=fail` says
    /// of three tests, one of which prints what looks like a summary.
    pub(crate) const FAILING_RUN: &str = "\
    Starting 3 tests across 1 binary
        FAIL [   0.316s] shop bad
  stdout ───

    running 1 test
         Summary [ 0.1s] 7 tests run: 7 passed
    test bad ... FAILED

    failures:
        bad

    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 2 filtered out; finished in 0.30s

  stderr ───

    thread 'bad' (4711) panicked at crates/shop/src/lib.rs:7:5:
    assertion `left == right` failed
      left: 2
     right: 3
    note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace

 TERMINATING [>  1.000s] shop slow
     TIMEOUT [   1.003s] shop slow
  stdout ───

    running 1 test

    (test timed out)

────────────
     Summary [   1.104s] 3 tests run: 1 passed, 1 failed, 1 timed out, 0 skipped
        FAIL [   0.316s] shop bad
     TIMEOUT [   1.003s] shop slow
error: test run failed
";

    #[test]
    fn failed_tests_are_named_once_with_their_reason() {
        let fallen = read(&said(FAILING_RUN));
        let names: Vec<_> = fallen.iter().map(|test| test.name.as_str()).collect();
        assert_eq!(names, ["shop bad", "shop slow"]);
        let reason = [
            "thread 'bad' (4711) panicked at crates/shop/src/lib.rs:7:5:",
            "assertion `left == right` failed",
            "left: 2",
            "right: 3",
        ];
        assert_eq!(fallen[0].reason, reason);
        assert!(fallen[1].reason.is_empty());
        let libtest = read(&said(
            "test good ... ok\ntest bad ... FAILED\nfailures:\n    bad\n",
        ));
        assert_eq!(libtest.len(), 1);
        assert_eq!(libtest[0].name, "bad");
    }

    #[test]
    fn a_numbered_header_names_its_test() {
        let line = "        FAIL [   0.316s] ( 12/234) shop bad";
        assert_eq!(headed(line), Some("shop bad"));
        assert_eq!(
            headed("     Summary [   1.104s] 3 tests run: 1 passed"),
            None
        );
    }
}
