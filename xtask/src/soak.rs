//! `cargo xtask soak`: the crash test for many rounds, and its result as a
//! document that is checked in (`docs/crash-soak.md`).

use std::fs;

use crate::Failure;
use crate::run::{self, cargo, command};
use crate::test::{self, Request};

/// Rounds unless told otherwise.
const ROUNDS: u32 = 300;
const PLACE: &str = "docs/crash-soak.md";

/// Runs the rounds and writes the result.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let mut rounds = ROUNDS;
    let mut seed = None;
    let mut request = Request::default();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rounds" => rounds = number(argument, arguments.next())?,
            "--seed" => seed = Some(number::<u64>(argument, arguments.next())?),
            "--skip" => request.skip.push(test::skip_name(arguments.next())?),
            other => return Err(format!("soak: unknown argument `{other}`")),
        }
    }
    let binaries = test::build()?;
    let report = crate::target().join("xtask/crash-soak.txt");
    let _ = fs::remove_file(&report);
    let mut soak = cargo(&["test", "--locked", "--package", "mayday", "--test", "e2e"]);
    soak.args([
        "--",
        "--exact",
        "crash::nothing_acknowledged_is_lost",
        "--nocapture",
    ]);
    test::environment(&mut soak, &request, &binaries, None);
    soak.env("MAYDAY_CRASH_ROUNDS", rounds.to_string())
        .env("MAYDAY_CRASH_REPORT", &report);
    if let Some(seed) = seed {
        soak.env("MAYDAY_TEST_SEED", seed.to_string());
    }
    let said = run::run(soak, "soak", true)?;
    if !said.success {
        return Err(
            "soak: something acknowledged was lost, or the test broke; see above".to_owned(),
        );
    }
    let result =
        fs::read_to_string(&report).map_err(|error| format!("{}: {error}", report.display()))?;
    let commit = run::must(command("git", &["rev-parse", "--short=12", "HEAD"]), "git")?;
    let text = format!(
        "# Crash soak\n\nThe result of `cargo xtask soak` at commit `{}`: SOS and telemetry published at full speed,\n\
         `kill -9` at a random moment, restart, and everything that was acknowledged asked for through the public API.\n\n\
         ```text\n{}\ntook {:.0} s\n```\n",
        commit.text.trim(),
        result.trim_end(),
        said.took.as_secs_f64(),
    );
    let path = crate::root().join(PLACE);
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("{PLACE} written");
    Ok(())
}

fn number<T: std::str::FromStr>(name: &str, word: Option<&String>) -> Result<T, Failure> {
    word.and_then(|word| word.parse().ok())
        .ok_or_else(|| format!("{name} takes a number"))
}
