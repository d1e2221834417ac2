//! What only shows after a while: coming back after a crash with many rows, and
//! minutes of samples with SOS beside them.

use std::path::Path;

use serde_json::Value;

use super::servers::Mayday;
use super::{machine, number};
use crate::Failure;
use crate::run::Watch;

/// Samples a second that are sustained.
const RATE: &str = "20000";
/// Longer than any filling takes; the count ends it.
const FILL_SECONDS: &str = "3600";

/// Fills a server with `rows` samples, kills it, and times how long the next
/// one takes until it is ready.
pub(super) fn restart(mayday: Mayday, place: &Path, rows: u64) -> Result<String, Failure> {
    println!("restart: filling {rows} rows");
    let rows_text = rows.to_string();
    let fill = [
        "mqtt",
        "--connections",
        "100",
        "--window",
        "64",
        "--warm-up",
        "0",
    ];
    let count = ["--count", &rows_text, "--seconds", FILL_SECONDS];
    let filled = mayday.bench(&[&fill[..], &count].concat())?;
    let watch = Watch::start();
    let mayday = mayday.kill_and_serve()?;
    let took = watch.read().as_secs_f64();
    drop(mayday);
    Ok(format!(
        "\nrestart after kill -9 with {:.0} rows more (stored at {:.0}/s): ready after {took:.2} s; \
         flush {:.2} ms, load {:.1}\n",
        number(&filled, "/answered"),
        number(&filled, "/per_second"),
        machine::flush_millis(place)?,
        machine::load_average(),
    ))
}

/// So many minutes of [`RATE`] samples a second with SOS beside them, a row
/// for each.
pub(super) fn sustain(
    mayday: &Mayday,
    place: &Path,
    minutes: u32,
    say: &mut dyn FnMut(String) -> Result<(), Failure>,
) -> Result<(), Failure> {
    say(String::from(
        "\n| minute | samples/s | their p99 ms | SOS p50 / p99 ms | event p99 ms | resident MB | flush ms | load |\n\
         |---|---|---|---|---|---|---|---|\n",
    ))?;
    for minute in 1..=minutes {
        println!("sustained: minute {minute}");
        let load = ["sos", "--background-rate", RATE, "--seconds", "60"];
        let said: Value = mayday.bench(&load)?;
        say(format!(
            "| {minute} | {:.0} | {:.1} | {:.2} / {:.2} | {:.2} | {:.0} | {:.2} | {:.1} |\n",
            number(&said, "/background/per_second"),
            number(&said, "/background/latency_ms/p99"),
            number(&said, "/latency_ms/p50"),
            number(&said, "/latency_ms/p99"),
            number(&said, "/event_after_ms/p99"),
            machine::resident_megabytes(mayday.pid),
            machine::flush_millis(place)?,
            machine::load_average(),
        ))?;
    }
    Ok(())
}
