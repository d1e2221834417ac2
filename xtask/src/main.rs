//! The project's own tasks, run as `cargo xtask TASK`.
//!
//! - `tidy` reads the tree and says where it bends a rule of the house.
//! - `test` gets what the tests need, runs all of them and prints one summary.
//! - `soak` repeats the crash test for as many rounds as it is told.
//! - `bench` measures mayday against Mosquitto, figure by figure.
//! - `fuzz` runs the fuzz targets for as long as it is told.
//! - `openapi` writes `docs/openapi.json` anew.
//!
//! Nothing in here is part of the product.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task's output is its user interface"
)]

mod bench;
mod fallen;
mod fuzz;
mod openapi;
mod postgres;
mod prerequisites;
mod run;
mod soak;
mod test;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask TASK

  tidy                    check the rules of the house
  test [--skip NAME]..    run every test; NAME is postgres, mosquitto, paho,
                          mqttjs, strace, fiu, faketime, mount or fuzz: leaves
                          out what needs it
       [-- FILTER..]      only the tests whose names hold one of these words
  soak [--rounds N] [--seed N] [--skip NAME]..
                          the crash test, 300 rounds unless told otherwise
  bench [goals|sustain|flame] [--rounds N] [--seconds N] [--only WORD]..
        [--postgres URL] [--fill ROWS] [--sustain MINUTES] [--restart ROWS]
        [--quick]
                          speed against Mosquitto, in rounds; then, if asked for,
                          minutes of load on top of so many rows, and a
                          restart with so many rows.
                          goals: every figure and a restart with 10 000 000
                          rows; sustain: ten minutes and no figure;
                          flame: docs/flame-*.svg, where the time goes (perf).
                          --quick: all of it in seconds, to see that it works;
                          MAYDAY_BIN names the binary to measure
  fuzz [TARGET] [--seconds N]
                          one fuzz target or all of them, 60 s each unless told
                          otherwise
  openapi                 write docs/openapi.json from the code
";

/// Why a task ended badly; already worded for the terminal.
type Failure = String;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (task, rest) = match arguments.split_first() {
        Some((task, rest)) => (task.as_str(), rest),
        None => ("", &[][..]),
    };
    let outcome = match task {
        "tidy" => tidy::run(),
        "test" => test::run(rest),
        "soak" => soak::run(rest),
        "bench" => bench::run(rest),
        "fuzz" => fuzz::run(rest),
        "openapi" => openapi::run(),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the workspace: the directory above this crate.
fn root() -> PathBuf {
    let mut path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    path.pop();
    path
}

/// Where cargo builds; what the tasks fetch and log lies there too.
fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(path) => root().join(path),
        None => root().join("target"),
    }
}
