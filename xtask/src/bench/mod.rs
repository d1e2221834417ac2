//! `cargo xtask bench`: mayday against Mosquitto, figure by figure, on this
//! machine.
//!
//! Both servers run side by side and are loaded in turn by the same client
//! (`mayday bench`), round after round, so that whatever else the machine does
//! hits both: the ratio within a round is what counts. Mosquitto stores nothing
//! and asks for no identity; mayday checks an HMAC on each CONNECT and answers
//! a publish after a flushed commit. The result goes to `target/xtask/bench.md` (of
//! `goals` and `sustain` to files of their own), as rows of the table in
//! `docs/benchmarks.md`, with the disk's flush time and the machine's load.

mod escalation;
mod figures;
mod flame;
mod long;
mod machine;
mod report;
mod request;
mod servers;
mod sso;

use std::path::Path;

use serde_json::Value;

use crate::Failure;
use crate::prerequisites;
use crate::run::{self, cargo, must};
use figures::{Against, Door, FIGURES, Figure};
use report::Report;
use request::Request;
use servers::{Broker, Mayday};

/// What `mayday bench` loads before it measures, unless told otherwise.
const WARM_UP_SECONDS: f64 = 1.0;

/// A figure with its measurements.
struct Measurements {
    figure: &'static Figure,
    rounds: Vec<Measured>,
}

/// One measurement of a figure.
struct Measured {
    ours: Load,
    theirs: Option<Load>,
    flush_millis: f64,
    load: f64,
}

impl Measured {
    /// Of this round: whatever else the machine did hit both.
    fn ratio(&self) -> Option<f64> {
        let theirs = self.theirs.as_ref()?.number("/per_second");
        Some(self.ours.number("/per_second") / theirs)
    }
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
    if request.only == [sso::NAME] {
        return sso::run();
    }
    let program = prerequisites::broker()?;
    let binary = build()?;
    let place = servers::place()?;
    let broker = Broker::start(&program, place.path())?;
    let mut report = Report::new(&request.file(), request.remark())?;
    let bench = Bench {
        request: &request,
        binary: &binary,
        broker: &broker,
        place: place.path(),
    };
    bench.compared(None, &mut report)?;
    bench.fresh(&mut report)?;
    if let Some(url) = &request.postgres {
        bench.compared(Some(url), &mut report)?;
    }
    if request.flame {
        let mayday = bench.start("flame", None)?;
        flame::draw(&mayday, place.path(), &request.flames(), request.quick)?;
    }
    if let Some(minutes) = request.minutes() {
        let mayday = bench.start("sustain", None)?;
        if let Some(rows) = request.filled_rows() {
            long::prefill(&mayday, place.path(), rows, &mut report)?;
        }
        long::sustain(&mayday, place.path(), minutes, &mut report)?;
    }
    if let Some(rows) = request.rows() {
        let mayday = bench.start("restart", None)?;
        long::restart(mayday, place.path(), rows, &mut report)?;
    }
    report.done();
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
    fn compared(&self, database: Option<&str>, report: &mut Report) -> Result<(), Failure> {
        let wanted = |figure: &&Figure| {
            let there = database.is_none() || figure.on_postgres.is_some();
            figure.against != Against::Fresh && there && self.request.wants(figure.name)
        };
        let mut results: Vec<Measurements> = FIGURES
            .iter()
            .filter(wanted)
            .map(|figure| Measurements {
                figure,
                rounds: Vec::new(),
            })
            .collect();
        if results.is_empty() {
            return Ok(());
        }
        let name = if database.is_some() {
            "postgres"
        } else {
            "embedded"
        };
        let mayday = self.start(name, database)?;
        for round in 1..=self.request.rounds() {
            for result in &mut results {
                println!("{name}, round {round}: {}", result.figure.name);
                result.rounds.push(self.measure(result.figure, &mayday)?);
            }
        }
        for result in &results {
            let rows = report::rows_of(result.figure, database.is_some(), &result.rounds);
            report.add(rows)?;
        }
        Ok(())
    }

    /// What needs a server that has just started, once: memory that was used before is
    /// kept for the next connections.
    fn fresh(&self, report: &mut Report) -> Result<(), Failure> {
        for figure in FIGURES {
            if figure.against == Against::Fresh && self.request.wants(figure.name) {
                println!("fresh server: {}", figure.name);
                let mayday = self.start(&figure.name.replace(", ", "-"), None)?;
                let measured = self.measure(figure, &mayday)?;
                report.add(report::rows_of(figure, false, &[measured]))?;
            }
        }
        Ok(())
    }

    /// Measures a figure once: theirs and ours, one right after the other.
    fn measure(&self, figure: &Figure, mayday: &Mayday) -> Result<Measured, Failure> {
        let seconds = self.request.seconds().to_string();
        let connections = self.request.idle_connections().to_string();
        let load = |target: &str, pid: u32, more: &[String]| -> Result<Load, Failure> {
            let mut arguments = [figure.arguments, &["--seconds", &seconds]].concat();
            if figure.arguments.first() == Some(&figures::IDLE) {
                arguments.extend(["--connections", &connections]);
            }
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
