//! `--only escalation`: how long the first message of an SOS takes to leave. It runs
//! in one process, with a simulated provider, so that nobody is written to.

use std::fs;

use super::machine;
use crate::Failure;
use crate::run::{cargo, must};

/// The word that asks for it, and the measurement's name.
pub(super) const NAME: &str = "escalation";

/// Measures and writes the result.
pub(super) fn run() -> Result<(), Failure> {
    println!("building the measurement of escalations (profile release)");
    let measure = cargo(&[
        "bench",
        "--locked",
        "--package",
        "mayday-workers",
        "--bench",
        NAME,
    ]);
    let said = must(measure, "bench-escalation")?;
    let lines = said.text.lines();
    let table: Vec<&str> = lines.filter(|line| line.starts_with('|')).collect();
    let load = machine::load_average();
    let table = format!("{}\n\nload average {load:.1}\n", table.join("\n"));
    print!("\n{table}");
    let path = crate::target().join("xtask/bench-escalation.md");
    fs::write(&path, table).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("{} written", path.display());
    Ok(())
}
