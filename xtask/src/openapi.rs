//! `cargo xtask openapi`: writes the checked-in description anew.
//!
//! A test of the `http` crate fails when it is stale.

use std::fs;

use crate::Failure;
use crate::run::cargo;

const PLACE: &str = "docs/openapi.json";

/// Asks the binary for its description and writes it.
pub(crate) fn run() -> Result<(), Failure> {
    let output = cargo(&["run", "--quiet", "--package", "mayday", "--", "openapi"])
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let path = crate::root().join(PLACE);
    fs::write(&path, &output.stdout).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("{PLACE}: {} bytes", output.stdout.len());
    Ok(())
}
