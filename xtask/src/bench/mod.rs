//! `cargo xtask bench`: mayday against Mosquitto, figure by figure, on this
//! machine.
//!
//! Both servers run side by side and are loaded in turn by the same client
//! (`mayday bench`), round after round, so that whatever else the machine does
//! hits both: the ratio within a round is what counts. Mosquitto stores nothing
//! and asks for no identity; mayday checks an HMAC on each CONNECT and answers
//! a publish after a flushed commit. The result goes to
//! `target/xtask/bench.md`, with the disk's flush time and the machine's load.

mod long;
mod machine;
mod servers;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::Failure;
use crate::prerequisites;
use crate::run::{cargo, must};
use servers::{Broker, Mayday};

/// Rounds unless told otherwise.
const ROUNDS: usize = 3;
/// Seconds of each measurement unless told otherwise.
const SECONDS: u32 = 5;

/// What was asked for.
struct Request {
    rounds: usize,
    seconds: u32,
    /// Words of which a figure's name must hold one.
    only: Vec<String>,
    /// A PostgreSQL whose administrator this URL names.
    postgres: Option<String>,
    /// Rows to restart with, and minutes to sustain: neither unless asked for.
    restart_rows: Option<u32>,
    sustain_minutes: Option<u32>,
}

/// One figure: what is run against mayday, and against what it is held.
struct Figure {
    name: &'static str,
    arguments: &'static [&'static str],
    against: Against,
    goal: &'static str,
}

/// What a figure is held against.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Against {
    /// The same load on Mosquitto.
    Mosquitto,
    /// Liveness, which looks nothing up.
    Live,
    /// Its own milliseconds or bytes.
    Itself,
}

const FIGURES: &[Figure] = &[
    Figure {
        name: "telemetry, window 16",
        arguments: &["mqtt", "--connections", "100", "--window", "16"],
        against: Against::Mosquitto,
        goal: "1.5x, p99 < 30 ms",
    },
    Figure {
        name: "telemetry, window 1",
        arguments: &["mqtt", "--connections", "100", "--window", "1"],
        against: Against::Mosquitto,
        goal: "0.5x, towards 0.7x",
    },
    Figure {
        name: "connect",
        arguments: &["connect", "--connections", "20", "--users", "50"],
        against: Against::Mosquitto,
        goal: "0.7x",
    },
    Figure {
        name: "sos beside 10 000 samples/s",
        arguments: &["sos", "--background-rate", "10000"],
        against: Against::Itself,
        goal: "PUBACK 2 / 25 ms, event 5 ms (p99)",
    },
    Figure {
        name: "idle, tcp",
        arguments: &["idle", "--connections", "10000", "--threads", "2"],
        against: Against::Itself,
        goal: "4 kB each",
    },
    Figure {
        name: "http, own profile",
        arguments: &["http", "--connections", "50"],
        against: Against::Live,
        goal: "0.5x of /health/live",
    },
];

/// One measurement of a figure.
struct Measured {
    ours: Value,
    theirs: Option<Value>,
    flush_millis: f64,
    load: f64,
}

/// Measures and writes the result.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let request = Request::parse(arguments)?;
    let program = prerequisites::broker()?;
    let binary = build()?;
    let place = servers::place()?;
    let broker = Broker::start(&program, place.path())?;
    let mut mayday = Mayday::start(&binary, place.path(), request.postgres.as_deref())?;
    let wanted = |figure: &&Figure| {
        let only = &request.only;
        only.is_empty() || only.iter().any(|word| figure.name.contains(word.as_str()))
    };
    let figures: Vec<&Figure> = FIGURES.iter().filter(wanted).collect();
    let mut results: Vec<(&Figure, Vec<Measured>)> =
        figures.iter().map(|figure| (*figure, Vec::new())).collect();
    for round in 1..=request.rounds {
        for (figure, measured) in &mut results {
            println!("round {round}: {}", figure.name);
            measured.push(measure(figure, &request, &mayday, &broker, place.path())?);
        }
    }
    let mut table = table(&results);
    if let Some(minutes) = request.sustain_minutes {
        table += &long::sustain(&mayday, place.path(), minutes)?;
    }
    if let Some(rows) = request.restart_rows {
        let (again, text) = long::restart(mayday, place.path(), rows.into())?;
        mayday = again;
        table += &text;
    }
    drop(mayday);
    print!("\n{table}");
    let path = crate::target().join("xtask/bench.md");
    fs::write(&path, table).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("{} written", path.display());
    Ok(())
}

impl Request {
    fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let mut request = Self {
            rounds: ROUNDS,
            seconds: SECONDS,
            only: Vec::new(),
            postgres: None,
            restart_rows: None,
            sustain_minutes: None,
        };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} takes a value"));
            let number = |text: &String| {
                let number = text.parse::<u32>().ok().filter(|number| *number > 0);
                number.ok_or(format!("{word} takes a number above 0"))
            };
            match word.as_str() {
                "--rounds" => {
                    request.rounds = usize::try_from(number(value()?)?).unwrap_or(ROUNDS);
                }
                "--restart" => request.restart_rows = Some(number(value()?)?),
                "--sustain" => request.sustain_minutes = Some(number(value()?)?),
                "--seconds" => request.seconds = number(value()?)?,
                "--only" => request.only.push(value()?.clone()),
                "--postgres" => request.postgres = Some(value()?.clone()),
                other => return Err(format!("bench: unknown argument `{other}`")),
            }
        }
        Ok(request)
    }
}

/// The binary as it is released, unless `MAYDAY_BIN` names one.
fn build() -> Result<std::path::PathBuf, Failure> {
    if let Some(binary) = std::env::var_os("MAYDAY_BIN") {
        return Ok(binary.into());
    }
    println!("building mayday (profile release)");
    let build = cargo(&["build", "--locked", "--release", "--package", "mayday"]);
    must(build, "bench-build")?;
    Ok(crate::target().join("release/mayday"))
}

/// Measures a figure once: theirs and ours, one right after the other.
fn measure(
    figure: &Figure,
    request: &Request,
    mayday: &Mayday,
    broker: &Broker,
    place: &Path,
) -> Result<Measured, Failure> {
    let seconds = request.seconds.to_string();
    let load = |target: &str, more: &[String]| {
        let arguments = [figure.arguments, &["--seconds", &seconds]].concat();
        servers::load(&mayday.binary, &arguments, target, more)
    };
    let flush_millis = machine::flush_millis(place)?;
    let theirs = match figure.against {
        Against::Mosquitto => Some(load(&broker.address, &[])?),
        Against::Live => Some(load(
            &mayday.admin,
            &["--path".to_owned(), "/health/live".to_owned()],
        )?),
        Against::Itself => None,
    };
    let http = figure.arguments.first() == Some(&"http");
    let target = if http { &mayday.http } else { &mayday.mqtt };
    let mut more = mayday.signed.clone();
    if figure.arguments.first() == Some(&"idle") {
        more.extend(["--pid".to_owned(), mayday.pid.to_string()]);
    }
    let ours = load(target, &more)?;
    Ok(Measured {
        ours,
        theirs,
        flush_millis,
        load: machine::load_average(),
    })
}

fn table(results: &[(&Figure, Vec<Measured>)]) -> String {
    let mut text = String::from(
        "| figure | ours/s | theirs/s | ratio (each round) | p50 / p99 ms | other | flush ms | load | goal |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for (figure, measured) in results {
        let ours = median(measured.iter().map(|one| number(&one.ours, "/per_second")));
        let theirs = median(
            measured
                .iter()
                .filter_map(|one| one.theirs.as_ref())
                .map(|theirs| number(theirs, "/per_second")),
        );
        let ratios: Vec<f64> = measured
            .iter()
            .filter_map(|one| {
                let theirs = number(one.theirs.as_ref()?, "/per_second");
                Some(number(&one.ours, "/per_second") / theirs)
            })
            .collect();
        let each: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
        let ratio = if ratios.is_empty() {
            "-".to_owned()
        } else {
            format!(
                "{:.2}x ({})",
                median(ratios.iter().copied()),
                each.join(", ")
            )
        };
        let of = |pointer: &str| median(measured.iter().map(|one| number(&one.ours, pointer)));
        let latency = format!(
            "{:.2} / {:.2}",
            of("/latency_ms/p50"),
            of("/latency_ms/p99")
        );
        let mut other = String::new();
        for (pointer, name) in [
            ("/event_after_ms/p99", "event p99 ms"),
            ("/resident_bytes_each", "bytes each"),
            ("/background/per_second", "background/s"),
            ("/broken", "broken"),
        ] {
            let value = of(pointer);
            if value > 0.0 {
                let _ = write!(other, "{name} {value:.2} ");
            }
        }
        let _ = writeln!(
            text,
            "| {} | {ours:.0} | {theirs:.0} | {ratio} | {latency} | {other} | {:.2} | {:.1} | {} |",
            figure.name,
            median(measured.iter().map(|one| one.flush_millis)),
            median(measured.iter().map(|one| one.load)),
            figure.goal,
        );
    }
    text
}

fn number(value: &Value, pointer: &str) -> f64 {
    value
        .pointer(pointer)
        .and_then(Value::as_f64)
        .unwrap_or(0.0)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_that_of_its_round() {
        let round = |ours: u32, theirs: u32| Measured {
            ours: serde_json::json!({ "per_second": ours, "latency_ms": { "p50": 1.0, "p99": 2.0 } }),
            theirs: Some(serde_json::json!({ "per_second": theirs })),
            flush_millis: 0.3,
            load: 1.5,
        };
        let rounds = vec![round(100, 50), round(30, 20), round(10, 10)];
        let text = table(&[(FIGURES.first().unwrap(), rounds)]);
        assert!(
            text.contains("| 30 | 20 | 1.50x (2.00, 1.50, 1.00) | 1.00 / 2.00 |"),
            "{text}"
        );
    }
}
