//! `cargo xtask openapi`: writes the checked-in descriptions of HTTP and MQTT anew.
//!
//! Tests of the `http` crate fail when they are stale.

use std::fs;

use crate::Failure;
use crate::run::cargo;

/// What the binary prints with this command, and where it lies.
const PLACES: [(&[&str], &str); 3] = [
    (&["openapi"], "docs/openapi.json"),
    (&["openapi", "--admin"], "docs/admin-openapi.json"),
    (&["asyncapi"], "docs/asyncapi.json"),
];

/// Asks the binary for its descriptions and writes them.
pub(crate) fn run() -> Result<(), Failure> {
    for (command, place) in PLACES {
        let run = ["run", "--quiet", "--package", "mayday", "--"];
        let output = cargo(&[&run, command].concat())
            .output()
            .map_err(|error| format!("cargo: {error}"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let path = crate::root().join(place);
        fs::write(&path, &output.stdout).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("{place}: {} bytes", output.stdout.len());
    }
    Ok(())
}
