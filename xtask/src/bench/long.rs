//! What only shows after a while: coming back after a crash with many rows, and
//! minutes of samples with SOS beside them.

use std::path::Path;

use serde_json::Value;

use super::report::{LEAST_SHARE, Report, Row, grouped, word};
use super::servers::Mayday;
use super::{machine, number};
use crate::Failure;
use crate::run::Watch;

/// Samples a second that are sustained.
const RATE: f64 = 20_000.0;
/// The longest p99 of an SOS in any minute, in milliseconds.
const SOS_P99_MILLIS: f64 = 25.0;
/// How much the memory may grow after the first minute.
const MEMORY_GROWTH: f64 = 1.15;
/// Longer than any filling takes; the count ends it.
const FILL_SECONDS: &str = "3600";
/// Steps in which a server is filled, a row for each.
const FILL_STEPS: u64 = 10;
/// From the start to readiness, in seconds.
const READY_SECONDS: f64 = 2.0;

/// Publishes so many samples, as fast as they are answered.
fn fill(mayday: &Mayday, rows: u64) -> Result<Value, Failure> {
    let connections = ["mqtt", "--connections", "100", "--window", "64"];
    let count = ["--warm-up", "0", "--count", &rows.to_string()];
    let seconds = ["--seconds", FILL_SECONDS];
    mayday.bench(&[&connections[..], &count, &seconds].concat())
}

/// Fills a server with `rows` samples, kills it, and times how long the next
/// one takes until it is ready.
pub(super) fn restart(
    mayday: Mayday,
    place: &Path,
    rows: u64,
    report: &mut Report,
) -> Result<(), Failure> {
    println!("restart: filling {rows} rows");
    let filled = fill(&mayday, rows)?;
    let megabytes = machine::directory_megabytes(&place.join("restart"));
    let watch = Watch::start();
    let mayday = mayday.kill_and_serve()?;
    let took = watch.read().as_secs_f64();
    drop(mayday);
    report.add([Row {
        figure: format!(
            "restart with {} rows after `kill -9`",
            grouped(number(&filled, "/answered"))
        ),
        goal: "2 s".to_owned(),
        ours: format!("ready after {took:.2} s"),
        flush: format!("{:.2}", machine::flush_millis(place)?),
        load: format!("{:.1}", machine::load_average()),
        met: word(took < READY_SECONDS),
        ..Row::default()
    }])?;
    report.tell(&format!(
        "\nBefore the restart the rows were stored at {}/s, and took {} MB.\n",
        grouped(number(&filled, "/per_second")),
        grouped(megabytes),
    ))
}

/// Fills a server before it is loaded for long, a row for each step.
pub(super) fn prefill(
    mayday: &Mayday,
    place: &Path,
    rows: u64,
    report: &mut Report,
) -> Result<(), Failure> {
    report.tell(
        "\n| rows | samples/s | p99 ms | resident MB | on disk MB | flush ms | load |\n\
         |---|---|---|---|---|---|---|\n",
    )?;
    let step = rows.div_ceil(FILL_STEPS);
    let mut filled = 0.0;
    for n in 1..=FILL_STEPS {
        println!("filled: step {n} of {FILL_STEPS}");
        let said = fill(mayday, step)?;
        filled += number(&said, "/answered");
        report.tell(&format!(
            "| {} | {} | {:.1} | {:.0} | {} | {:.2} | {:.1} |\n",
            grouped(filled),
            grouped(number(&said, "/per_second")),
            number(&said, "/latency_ms/p99"),
            machine::resident_megabytes(mayday.pid),
            grouped(machine::directory_megabytes(&place.join("sustain"))),
            machine::flush_millis(place)?,
            machine::load_average(),
        ))?;
    }
    Ok(())
}

/// One minute of it.
struct Minute {
    per_second: f64,
    sos_p99: f64,
    resident: f64,
}

/// So many minutes of [`RATE`] samples a second with SOS beside them, a row
/// for each.
pub(super) fn sustain(
    mayday: &Mayday,
    place: &Path,
    (minutes, seconds): (u32, u32),
    report: &mut Report,
) -> Result<(), Failure> {
    report.tell(
        "\n| minute | samples/s | their p99 ms | SOS p50 / p99 ms | event p99 ms | resident MB | flush ms | load |\n\
         |---|---|---|---|---|---|---|---|\n",
    )?;
    let mut seen = Vec::new();
    let (rate, length) = (format!("{RATE:.0}"), seconds.to_string());
    for minute in 1..=minutes {
        println!("sustained: minute {minute}");
        let load = ["sos", "--background-rate", &rate, "--seconds", &length];
        let said: Value = mayday.bench(&load)?;
        let this = Minute {
            per_second: number(&said, "/background/per_second"),
            sos_p99: number(&said, "/latency_ms/p99"),
            resident: machine::resident_megabytes(mayday.pid),
        };
        report.tell(&format!(
            "| {minute} | {:.0} | {:.1} | {:.2} / {:.2} | {:.2} | {:.0} | {:.2} | {:.1} |\n",
            this.per_second,
            number(&said, "/background/latency_ms/p99"),
            number(&said, "/latency_ms/p50"),
            this.sos_p99,
            number(&said, "/event_after_ms/p99"),
            this.resident,
            machine::flush_millis(place)?,
            machine::load_average(),
        ))?;
        seen.push(this);
    }
    report.add([Row {
        flush: format!("{:.2}", machine::flush_millis(place)?),
        load: format!("{:.1}", machine::load_average()),
        ..sustained(&seen)
    }])
}

fn sustained(minutes: &[Minute]) -> Row {
    let of = |value: fn(&Minute) -> f64| minutes.iter().map(value);
    let slowest = of(|minute| minute.per_second).fold(f64::INFINITY, f64::min);
    let worst = of(|minute| minute.sos_p99).fold(0.0, f64::max);
    let first = minutes.first().map_or(0.0, |minute| minute.resident);
    let last = minutes.last().map_or(0.0, |minute| minute.resident);
    let is_met =
        slowest >= RATE * LEAST_SHARE && worst <= SOS_P99_MILLIS && last <= first * MEMORY_GROWTH;
    Row {
        figure: format!("{} minutes of {} samples/s", minutes.len(), grouped(RATE)),
        goal: "no fall, SOS p99 held".to_owned(),
        ours: format!("at least {}; {first:.0} to {last:.0} MB", grouped(slowest)),
        millis: format!("SOS at most {worst:.2}"),
        met: word(is_met),
        ..Row::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(per_second: f64, sos_p99: f64, resident: f64) -> Minute {
        Minute {
            per_second,
            sos_p99,
            resident,
        }
    }

    #[test]
    fn a_fall_a_slow_cry_and_a_leak_are_each_told() {
        let good = || minute(19_990.0, 9.0, 200.0);
        let row = sustained(&[good(), good()]);
        assert_eq!(row.figure, "2 minutes of 20 000 samples/s");
        assert_eq!(row.met, "yes");
        for bad in [
            minute(19_000.0, 9.0, 200.0),
            minute(19_990.0, 26.0, 200.0),
            minute(19_990.0, 9.0, 300.0),
        ] {
            assert_eq!(sustained(&[good(), bad]).met, "**no**");
        }
    }
}
