//! `cargo xtask fuzz`: the targets in `fuzz/`, built with what libFuzzer needs
//! and run for a while, one after the other.
//!
//! cargo-fuzz is not needed: the flags below are those that it passes when no
//! sanitizer is asked for. There is nothing for one to find in a workspace that
//! forbids `unsafe`, and without it the stable compiler will do.

use std::path::PathBuf;
use std::process::Command;

use crate::Failure;
use crate::run::{self, cargo, command, must};

/// Seconds for each target of `cargo xtask fuzz`.
const SECONDS: u64 = 60;
/// Seconds for each target of `cargo xtask test`.
pub(crate) const SECONDS_IN_TEST: u64 = 20;
/// Inputs are no longer: a packet beyond it only costs time.
const MAX_INPUT_BYTES: u32 = 4_096;
/// An input that takes longer is a finding.
const INPUT_SECONDS: u32 = 5;
/// A target that needs more memory is a finding.
const MEMORY_MIB: u32 = 1_024;

/// Counters for libFuzzer: which edges were taken, and what was compared.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cllvm-args=-simplifycfg-branch-fold-threshold=0";

/// Each target; those with a dictionary of their own name it.
const TARGETS: &[(&str, Option<&str>)] = &[
    ("packets", None),
    ("connects", None),
    ("cries", Some("json")),
    ("samples", Some("json")),
    ("topics", None),
    ("proofs", None),
];

/// The targets, ready to run.
pub(crate) struct Built {
    programs: PathBuf,
}

/// Runs one target, or all of them.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let mut seconds = SECONDS;
    let mut wanted = None;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seconds" => {
                seconds = arguments
                    .next()
                    .and_then(|word| word.parse().ok())
                    .ok_or("--seconds takes a number")?;
            }
            name if TARGETS.iter().any(|(target, _)| *target == name) => wanted = Some(name),
            other => {
                return Err(format!(
                    "fuzz: `{other}` is no target; there are: {}",
                    names().collect::<Vec<_>>().join(", ")
                ));
            }
        }
    }
    let built = build()?;
    for name in names().filter(|name| wanted.is_none_or(|wanted| wanted == *name)) {
        println!("{name}: {}", built.attack(name, seconds)?);
    }
    Ok(())
}

/// The names of the targets.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    TARGETS.iter().map(|(name, _)| *name)
}

/// Builds all targets. A target triple is named, so that build scripts go without
/// the flags.
pub(crate) fn build() -> Result<Built, Failure> {
    let host = host()?;
    let directory = place();
    let mut build = cargo(&["build", "--locked", "--release", "--target", &host]);
    build
        .args(["--manifest-path", "fuzz/Cargo.toml"])
        .env("CARGO_TARGET_DIR", &directory)
        .env("RUSTFLAGS", FLAGS)
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    must(build, "fuzz-build")?;
    Ok(Built {
        programs: directory.join(host).join("release"),
    })
}

impl Built {
    /// Runs a target for so many seconds; answers what libFuzzer counted. What it
    /// finds new is kept beside the build, for the next run.
    pub(crate) fn attack(&self, name: &str, seconds: u64) -> Result<String, Failure> {
        let found = place().join("corpus").join(name);
        let crashes = place().join("crashes").join(name);
        run::directory(&found)?;
        run::directory(&crashes)?;
        let mut fuzz = command(self.programs.join(name), &[]);
        fuzz.arg(&found)
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-max_len={MAX_INPUT_BYTES}"))
            .arg(format!("-timeout={INPUT_SECONDS}"))
            .arg(format!("-rss_limit_mb={MEMORY_MIB}"))
            .arg(format!("-artifact_prefix={}/", crashes.display()));
        add_seeds(&mut fuzz, name);
        let said = run::run(fuzz, &format!("fuzz-{name}"), false)?;
        if !said.success {
            return Err(format!(
                "{}\nfuzz: {name} found something; the input is in {}",
                said.end(),
                crashes.display()
            ));
        }
        let done = said.text.lines().find(|line| line.starts_with("Done "));
        Ok(done.unwrap_or("done").to_owned())
    }
}

/// The seeds that are checked in, and the dictionary.
fn add_seeds(fuzz: &mut Command, name: &str) {
    let seeds = crate::root().join("fuzz/corpus").join(name);
    if seeds.is_dir() {
        fuzz.arg(seeds);
    }
    let words = TARGETS.iter().find(|(target, _)| *target == name);
    if let Some((_, Some(words))) = words {
        let path = crate::root().join(format!("fuzz/dictionaries/{words}.dict"));
        fuzz.arg(format!("-dict={}", path.display()));
    }
}

fn place() -> PathBuf {
    crate::target().join("fuzz")
}

/// The triple of this machine.
fn host() -> Result<String, Failure> {
    let said = must(command("rustc", &["--version", "--verbose"]), "rustc")?;
    let host = said
        .text
        .lines()
        .find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| "rustc does not say what it runs on".to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    #[test]
    fn every_target_is_run() {
        let entries = fs::read_dir(crate::root().join("fuzz/fuzz_targets")).unwrap();
        let mut files: Vec<String> = entries
            .flatten()
            .filter_map(|entry| entry.path().file_stem()?.to_str().map(str::to_owned))
            .collect();
        files.sort();
        let mut table: Vec<&str> = super::names().collect();
        table.sort_unstable();
        assert_eq!(files, table);
    }
}
