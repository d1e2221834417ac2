//! `cargo xtask bench`: mayday against Mosquitto, figure by figure, on this
//! machine.
//!
//! Both servers run side by side and are loaded in turn by the same client
//! (`mayday bench`), round after round, so that whatever else the machine does
//! hits both: the ratio within a round is what counts. Mosquitto stores nothing
//! and asks for no identity; mayday checks an HMAC on each CONNECT and answers
//! a publish after a flushed commit. The result goes to
//! `target/xtask/bench.md`, with the disk's flush time and the machine's load.

mod escalation;
mod figures;
mod flame;
mod long;
mod machine;
mod request;
mod servers;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::Failure;
use crate::prerequisites;
use crate::run::{self, cargo, must};
use figures::{Against, Door, FIGURES, Figure};
use request::Request;
use servers::{Broker, Mayday};

/// What `mayday bench` loads before it measures, unless told otherwise.
const WARM_UP_SECONDS: f64 = 1.0;

/// A figure with its measurements.
struct Measurements {
    figure: &'static Figure,
    goal: &'static str,
    rounds: Vec<Measured>,
}

type Results = Vec<Measurements>;

impl Measurements {
    fn of(figure: &'static Figure, on_postgres: bool) -> Self {
        let there = figure.on_postgres.filter(|_| on_postgres);
        Self {
            figure,
            goal: there.unwrap_or(figure.goal),
            rounds: Vec::new(),
        }
    }
}

/// One measurement of a figure.
struct Measured {
    ours: Load,
    theirs: Option<Load>,
    flush_millis: f64,
    load: f64,
}

/// What the client said of its load, and what the server spent on it.
struct Load {
    said: Value,
    cpu_millis: f64,
}

impl Load {
    fn number(&self, pointer: &str) -> f64 {
        number(&self.said, pointer)
    }

    /// Processor time for each answer, those of the warm-up included in the time
    /// and, at the same rate, in the answers.
    fn cpu_micros_each(&self) -> f64 {
        let seconds = self.number("/seconds");
        let answers = self.number("/per_second") + self.number("/background/per_second");
        let answers = answers * (seconds + WARM_UP_SECONDS);
        if answers > 0.0 {
            self.cpu_millis * 1000.0 / answers
        } else {
            0.0
        }
    }
}

/// Measures and writes the result.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let request = Request::parse(arguments)?;
    if request.only == [escalation::NAME] {
        return escalation::run();
    }
    let program = prerequisites::broker()?;
    let binary = build()?;
    let place = servers::place()?;
    let broker = Broker::start(&program, place.path())?;
    let mut text = String::new();
    let mut say = |part: String| {
        print!("\n{part}");
        text += &part;
        // After each part: what is there stays when a later one is cut short.
        let path = crate::target().join("xtask/bench.md");
        let directory = crate::target().join("xtask");
        fs::create_dir_all(&directory)
            .map_err(|error| format!("{}: {error}", directory.display()))?;
        fs::write(&path, &text).map_err(|error| format!("{}: {error}", path.display()))
    };
    let bench = Bench {
        request: &request,
        binary: &binary,
        broker: &broker,
        place: place.path(),
    };
    say(table(&bench.compared(None)?))?;
    say(table(&bench.fresh()?))?;
    if let Some(url) = &request.postgres {
        say(format!(
            "\nOn PostgreSQL:\n\n{}",
            table(&bench.compared(Some(url))?)
        ))?;
    }
    if request.flame {
        let mayday = bench.start("flame", None)?;
        flame::draw(&mayday, place.path(), &crate::root().join("docs"))?;
    }
    if let Some(minutes) = request.sustain_minutes {
        let mayday = bench.start("sustain", None)?;
        long::sustain(&mayday, place.path(), minutes, &mut say)?;
    }
    if let Some(rows) = request.restart_rows {
        let mayday = bench.start("restart", None)?;
        say(long::restart(mayday, place.path(), rows.into())?)?;
    }
    println!(
        "{} written",
        crate::target().join("xtask/bench.md").display()
    );
    Ok(())
}

/// What measuring needs.
struct Bench<'a> {
    request: &'a Request,
    binary: &'a Path,
    broker: &'a Broker,
    place: &'a Path,
}

impl Bench<'_> {
    fn start(&self, name: &str, database: Option<&str>) -> Result<Mayday, Failure> {
        let place = self.place.join(name);
        run::directory(&place)?;
        Mayday::start(self.binary, &place, database)
    }

    /// What is held against something else or has milliseconds, round after round on
    /// one server; on PostgreSQL what has a goal there.
    fn compared(&self, database: Option<&str>) -> Result<Results, Failure> {
        let wanted = |figure: &&Figure| {
            let there = database.is_none() || figure.on_postgres.is_some();
            figure.against != Against::Fresh && there && self.request.wants(figure.name)
        };
        let mut results: Results = FIGURES
            .iter()
            .filter(wanted)
            .map(|figure| Measurements::of(figure, database.is_some()))
            .collect();
        if results.is_empty() {
            return Ok(results);
        }
        let name = if database.is_some() {
            "postgres"
        } else {
            "embedded"
        };
        let mayday = self.start(name, database)?;
        for round in 1..=self.request.rounds {
            for result in &mut results {
                println!("{name}, round {round}: {}", result.figure.name);
                result.rounds.push(self.measure(result.figure, &mayday)?);
            }
        }
        Ok(results)
    }

    /// What needs a server that has just started, once: memory that was used before is
    /// kept for the next connections.
    fn fresh(&self) -> Result<Results, Failure> {
        let mut results = Results::new();
        for figure in FIGURES {
            if figure.against == Against::Fresh && self.request.wants(figure.name) {
                println!("fresh server: {}", figure.name);
                let mayday = self.start(&figure.name.replace(", ", "-"), None)?;
                let mut result = Measurements::of(figure, false);
                result.rounds.push(self.measure(figure, &mayday)?);
                results.push(result);
            }
        }
        Ok(results)
    }

    /// Measures a figure once: theirs and ours, one right after the other.
    fn measure(&self, figure: &Figure, mayday: &Mayday) -> Result<Measured, Failure> {
        let seconds = self.request.seconds.to_string();
        let load = |target: &str, pid: u32, more: &[String]| -> Result<Load, Failure> {
            let arguments = [figure.arguments, &["--seconds", &seconds]].concat();
            let before = machine::cpu_millis(pid);
            let said = servers::load(&mayday.binary, &arguments, target, more)?;
            let cpu_millis = machine::cpu_millis(pid) - before;
            Ok(Load { said, cpu_millis })
        };
        let flush_millis = machine::flush_millis(self.place)?;
        let theirs = match figure.against {
            Against::Mosquitto => Some(load(&self.broker.address, self.broker.pid(), &[])?),
            Against::Live => Some(load(
                &mayday.admin,
                mayday.pid,
                &["--path".to_owned(), "/health/live".to_owned()],
            )?),
            Against::Itself | Against::Fresh => None,
        };
        let mut more = mayday.signed.clone();
        if figure.against == Against::Fresh {
            more.extend(["--pid".to_owned(), mayday.pid.to_string()]);
        }
        let target = match figure.door {
            Door::Mqtt => &mayday.mqtt,
            Door::Http => &mayday.http,
            Door::Mqtts => &mayday.mqtts,
            Door::Https => &mayday.https,
        };
        if matches!(figure.door, Door::Mqtts | Door::Https) {
            more.extend(["--ca-file".to_owned(), mayday.certificate.clone()]);
        }
        let ours = load(target, mayday.pid, &more)?;
        Ok(Measured {
            ours,
            theirs,
            flush_millis,
            load: machine::load_average(),
        })
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

fn table(results: &[Measurements]) -> String {
    if results.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "| figure | ours/s | theirs/s | ratio (each round) | p50 / p99 ms | CPU us each: ours, theirs | other | flush ms | load | goal |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for result in results {
        let _ = writeln!(text, "{}", line(result));
    }
    text
}

fn line(result: &Measurements) -> String {
    let rounds = &result.rounds;
    let ours = median(rounds.iter().map(|one| one.ours.number("/per_second")));
    let with_theirs = || {
        rounds
            .iter()
            .filter_map(|one| Some((one, one.theirs.as_ref()?)))
    };
    let theirs = median(with_theirs().map(|(_, theirs)| theirs.number("/per_second")));
    let ratios: Vec<f64> = with_theirs()
        .map(|(one, theirs)| one.ours.number("/per_second") / theirs.number("/per_second"))
        .collect();
    let each: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
    let ratio = if ratios.is_empty() {
        "-".to_owned()
    } else {
        let middle = median(ratios.iter().copied());
        format!("{middle:.2}x ({})", each.join(", "))
    };
    let of = |pointer: &str| median(rounds.iter().map(|one| one.ours.number(pointer)));
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
    format!(
        "| {} | {ours:.0} | {theirs:.0} | {ratio} | {:.2} / {:.2} | {:.1}, {:.1} | {other} | {:.2} | {:.1} | {} |",
        result.figure.name,
        of("/latency_ms/p50"),
        of("/latency_ms/p99"),
        median(rounds.iter().map(|one| one.ours.cpu_micros_each())),
        median(with_theirs().map(|(_, theirs)| theirs.cpu_micros_each())),
        median(rounds.iter().map(|one| one.flush_millis)),
        median(rounds.iter().map(|one| one.load)),
        result.goal,
    )
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
        let load = |per_second: u32, cpu_millis: f64| Load {
            said: serde_json::json!({
                "per_second": per_second, "seconds": 1.0, "latency_ms": { "p50": 1.0, "p99": 2.0 }
            }),
            cpu_millis,
        };
        let round = |ours: u32, theirs: u32| Measured {
            ours: load(ours, 60.0),
            theirs: Some(load(theirs, 80.0)),
            flush_millis: 0.3,
            load: 1.5,
        };
        let mut result = Measurements::of(FIGURES.first().unwrap(), true);
        result.rounds = vec![round(100, 50), round(30, 20), round(10, 10)];
        let text = table(&[result]);
        let wanted = "| 30 | 20 | 1.50x (2.00, 1.50, 1.00) | 1.00 / 2.00 | 1000.0, 2000.0 |  | 0.30 | 1.5 | 0.5x |";
        assert!(text.contains(wanted), "{text}");
    }
}
