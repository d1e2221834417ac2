//! `cargo xtask test`: everything that is tested, in one go.
//!
//! It gets what the tests need, builds the binaries that the end-to-end tests
//! start, runs a PostgreSQL for the time being, then unit, integration,
//! end-to-end and documentation tests, attacks the fuzz targets for a while, and
//! sums up.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::Failure;
use crate::fallen::{self, NEXTEST_SUMMARY};
use crate::fuzz;
use crate::postgres::Postgres;
use crate::prerequisites;
use crate::run::{self, Said, Watch, cargo, must};

/// What was asked for.
#[derive(Default)]
pub(crate) struct Request {
    pub(crate) skip: Vec<String>,
    filters: Vec<String>,
}

impl Request {
    fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let mut request = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--skip" => request.skip.push(skip_name(arguments.next())?),
                "--" => request.filters.extend(arguments.by_ref().cloned()),
                other => {
                    return Err(format!(
                        "test: unknown argument `{other}`; see cargo xtask help"
                    ));
                }
            }
        }
        Ok(request)
    }
}

/// Checks the word after `--skip`.
pub(crate) fn skip_name(word: Option<&String>) -> Result<String, Failure> {
    let known: Vec<&str> = prerequisites::skippable().collect();
    match word {
        Some(word) if known.contains(&word.as_str()) => Ok(word.clone()),
        _ => Err(format!("--skip takes one of: {}", known.join(", "))),
    }
}

/// The binaries of the `ci` profile that end-to-end tests start.
pub(crate) struct Binaries {
    /// As released, but with debug assertions.
    pub(crate) plain: PathBuf,
    /// With fault points: the crash test's oracle is proven by a build that lies.
    pub(crate) faulty: PathBuf,
}

#[derive(Default)]
struct Count {
    passed: u64,
    failed: u64,
}

/// Runs everything.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let request = Request::parse(arguments)?;
    let whole = Watch::start();
    prerequisites::get(&request.skip)?;
    let prepared = whole.read();
    let binaries = build()?;
    let built = whole.read();
    let postgres = start_postgres(&request)?;
    let mut count = Count::default();
    let mut rows = vec![
        ("prerequisites", prepared, String::new()),
        ("binaries", built.saturating_sub(prepared), String::new()),
    ];

    let mut broken = Vec::new();
    let mut fallen = Vec::new();
    for (name, mut command) in programs(&request) {
        environment(&mut command, &request, &binaries, postgres.as_ref());
        let said = run::run(command, name, true)?;
        let counted = read_count(&said);
        if !said.success && counted.failed == 0 {
            broken.push(name);
        }
        fallen.extend(fallen::read(&said));
        rows.push((
            name,
            said.took,
            format!("{} passed, {} failed", counted.passed, counted.failed),
        ));
        count.passed += counted.passed;
        count.failed += counted.failed;
    }
    drop(postgres);
    attack(&request, &mut rows, &mut count)?;

    println!();
    for (name, took, note) in rows {
        println!("{name:<14} {}   {note}", run::seconds(took));
    }
    println!("{:<14} {}", "total", run::seconds(whole.read()));
    fallen::show(&fallen);
    if !request.skip.is_empty() {
        println!("left out by --skip: {}", request.skip.join(", "));
    }
    // A test program that did not even run counts as one failure.
    count.failed += broken.len() as u64;
    println!("{} passed, {} failed", count.passed, count.failed);
    if count.failed > 0 {
        return Err(if broken.is_empty() {
            format!("logs: {}", crate::target().join("xtask").display())
        } else {
            format!("did not run to the end: {}", broken.join(", "))
        });
    }
    if count.passed == 0 {
        return Err("no test ran".to_owned());
    }
    Ok(())
}

/// Attacks each fuzz target for a while: a target counts as a test.
fn attack(
    request: &Request,
    rows: &mut Vec<(&'static str, Duration, String)>,
    count: &mut Count,
) -> Result<(), Failure> {
    if request.skip.iter().any(|name| name == "fuzz") {
        return Ok(());
    }
    let wanted = |name: &&str| {
        let mut filters = request.filters.iter();
        request.filters.is_empty() || filters.any(|filter| format!("fuzz::{name}").contains(filter))
    };
    let targets: Vec<&'static str> = fuzz::names().filter(wanted).collect();
    if targets.is_empty() {
        return Ok(());
    }
    let watch = Watch::start();
    println!("building the fuzz targets");
    let built = fuzz::build()?;
    rows.push(("fuzz targets", watch.read(), String::new()));
    for name in targets {
        let watch = Watch::start();
        let note = match built.attack(name, fuzz::SECONDS_IN_TEST) {
            Ok(note) => {
                count.passed += 1;
                note
            }
            Err(failure) => {
                println!("{failure}");
                count.failed += 1;
                "found something".to_owned()
            }
        };
        rows.push((name, watch.read(), note));
    }
    Ok(())
}

/// The programs to run: nextest where it is installed, else cargo's own runner;
/// then the documentation tests, which nextest does not run.
fn programs(request: &Request) -> Vec<(&'static str, Command)> {
    let nextest = cargo(&["nextest", "--version"])
        .output()
        .is_ok_and(|output| output.status.success());
    let filters = request.filters.iter();
    if nextest {
        let mut tests = cargo(&["nextest", "run", "--workspace", "--locked"]);
        tests.args([
            "--no-fail-fast",
            "--status-level=fail",
            "--final-status-level=fail",
        ]);
        tests.args(["--show-progress=none", "--no-tests=pass"]);
        tests.args(filters);
        let mut docs = cargo(&["test", "--workspace", "--locked", "--doc", "--no-fail-fast"]);
        if !request.filters.is_empty() {
            docs.arg("--").args(&request.filters);
        }
        vec![("tests", tests), ("doc-tests", docs)]
    } else {
        let mut tests = cargo(&["test", "--workspace", "--locked", "--no-fail-fast"]);
        tests.arg("--").args(filters);
        vec![("tests", tests)]
    }
}

/// What the tests find in their environment.
pub(crate) fn environment(
    command: &mut Command,
    request: &Request,
    binaries: &Binaries,
    postgres: Option<&Postgres>,
) {
    command
        .env("MAYDAY_BIN", &binaries.plain)
        .env("MAYDAY_BIN_FAULTS", &binaries.faulty)
        .env("MAYDAY_TEST_SKIP", request.skip.join(","))
        .env("MAYDAY_TEST_CLIENTS", prerequisites::client_directory());
    if let Some(postgres) = postgres {
        command.env("MAYDAY_TEST_POSTGRES", &postgres.url);
    }
}

/// Builds both binaries. They share one target directory, so that the
/// libraries are compiled once; each is copied away before the next replaces it.
pub(crate) fn build() -> Result<Binaries, Failure> {
    let place = prerequisites::client_directory().join("bin");
    run::directory(&place)?;
    let build = |name: &str, features: &[&str]| -> Result<PathBuf, Failure> {
        let mut command = cargo(&[
            "build",
            "--locked",
            "--profile",
            "ci",
            "--package",
            "mayday",
        ]);
        command.args(features);
        println!("building {name} (profile ci)");
        must(command, name)?;
        let copy = place.join(name);
        // A running copy cannot be overwritten, but it can be replaced.
        let fresh = place.join(format!("{name}.new"));
        fs::copy(crate::target().join("ci/mayday"), &fresh)
            .and_then(|_| fs::rename(&fresh, &copy))
            .map_err(|error| format!("{}: {error}", copy.display()))?;
        Ok(copy)
    };
    Ok(Binaries {
        faulty: build("mayday-faults", &["--features", "fault-points"])?,
        plain: build("mayday", &[])?,
    })
}

fn start_postgres(request: &Request) -> Result<Option<Postgres>, Failure> {
    let named = std::env::var_os("MAYDAY_TEST_POSTGRES").is_some();
    if named || request.skip.iter().any(|name| name == "postgres") {
        return Ok(None);
    }
    Postgres::start().map(Some)
}

/// Sums up what a runner said: nextest's one summary, else each of libtest's result
/// lines. Under nextest a failing test's own result line counts for nothing: the
/// summary has that test already.
fn read_count(said: &Said) -> Count {
    let summary = said
        .text
        .lines()
        .rfind(|line| line.starts_with(NEXTEST_SUMMARY));
    if let Some(summary) = summary {
        return count_of(summary);
    }
    let mut count = Count::default();
    for line in said
        .text
        .lines()
        .filter(|line| line.starts_with("test result:"))
    {
        let more = count_of(line);
        count.passed += more.passed;
        count.failed += more.failed;
    }
    count
}

fn count_of(line: &str) -> Count {
    let failed = [" failed", " exec failed", " timed out"];
    Count {
        passed: number_before(line, " passed"),
        failed: failed.map(|word| number_before(line, word)).iter().sum(),
    }
}

/// The number in front of a word; 0 where the word stands behind no number.
fn number_before(line: &str, word: &str) -> u64 {
    line.match_indices(word)
        .find_map(|(at, _)| line.get(..at)?.rsplit([' ', ':', '.']).next()?.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::read_count;
    use crate::fallen::tests::{FAILING_RUN, said};

    fn counted(text: &str) -> (u64, u64) {
        let count = read_count(&said(text));
        (count.passed, count.failed)
    }

    #[test]
    fn both_runners_are_understood() {
        assert_eq!(
            counted(
                "     Summary [   0.4s] 12 tests run: 9 passed (1 slow), 2 failed, 1 timed out, 3 skipped"
            ),
            (9, 3)
        );
        assert_eq!(
            counted(
                "     Summary [   1.0s] 4 tests run: 1 passed, 2 failed, 1 exec failed, 0 skipped"
            ),
            (1, 3)
        );
        assert_eq!(
            counted(
                "test result: ok. 4 passed; 0 failed; 0 ignored\ntest result: FAILED. 1 passed; 2 failed;"
            ),
            (5, 2)
        );
    }

    #[test]
    fn a_failing_test_is_counted_once() {
        assert_eq!(counted(FAILING_RUN), (1, 2));
    }
}
