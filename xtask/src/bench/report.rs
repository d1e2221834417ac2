//! The result as rows of the table in `docs/benchmarks.md`: written anew after each
//! figure, so that what is there stays when a later one is cut short.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use super::figures::{Against, Figure, Goal};
use super::{Load, Measured, median};
use crate::Failure;

/// The table's columns, as the document has them.
const HEAD: &str = "| figure | goal | mayday | Mosquitto | ratio | p50 / p99 ms | CPU us each: ours, theirs | flush ms | load | met |\n\
                    |---|---|---|---|---|---|---|---|---|---|\n";

/// The least share of a rate that counts as that rate.
pub(super) const LEAST_SHARE: f64 = 0.98;

/// What is known so far, and where it is written.
pub(super) struct Report {
    path: PathBuf,
    remark: &'static str,
    rows: Vec<Row>,
    /// Tables of their own, below.
    details: String,
}

/// A row of the table; what does not apply is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) figure: String,
    pub(super) goal: String,
    pub(super) ours: String,
    pub(super) theirs: String,
    pub(super) ratio: String,
    pub(super) millis: String,
    pub(super) cpu: String,
    pub(super) flush: String,
    pub(super) load: String,
    pub(super) met: String,
}

impl Report {
    /// A report into a file of this name.
    pub(super) fn new(name: &str, remark: &'static str) -> Result<Self, Failure> {
        let directory = crate::target().join("xtask");
        fs::create_dir_all(&directory)
            .map_err(|error| format!("{}: {error}", directory.display()))?;
        Ok(Self {
            path: directory.join(name),
            remark,
            rows: Vec::new(),
            details: String::new(),
        })
    }

    /// Says where it was written, if there was anything to write.
    pub(super) fn done(&self) {
        if !self.rows.is_empty() || !self.details.is_empty() {
            println!("{} written", self.path.display());
        }
    }

    /// Adds rows and writes all of them.
    pub(super) fn add(&mut self, rows: impl IntoIterator<Item = Row>) -> Result<(), Failure> {
        for row in rows {
            let head = if self.rows.is_empty() { HEAD } else { "" };
            print!("{head}{}", row.line());
            self.rows.push(row);
        }
        self.write()
    }

    /// Adds text below the table.
    pub(super) fn tell(&mut self, text: &str) -> Result<(), Failure> {
        print!("{text}");
        self.details += text;
        self.write()
    }

    fn write(&self) -> Result<(), Failure> {
        fs::write(&self.path, self.text())
            .map_err(|error| format!("{}: {error}", self.path.display()))
    }

    fn text(&self) -> String {
        let mut text = String::new();
        if !self.remark.is_empty() {
            let _ = writeln!(text, "{}\n", self.remark);
        }
        if !self.rows.is_empty() {
            text += HEAD;
            text.extend(self.rows.iter().map(Row::line));
        }
        text + &self.details
    }
}

impl Row {
    fn line(&self) -> String {
        let cells = [
            &self.figure,
            &self.goal,
            &self.ours,
            &self.theirs,
            &self.ratio,
            &self.millis,
            &self.cpu,
            &self.flush,
            &self.load,
            &self.met,
        ];
        let mut line = String::from("|");
        for cell in cells {
            let space = if cell.is_empty() { "" } else { " " };
            let _ = write!(line, "{space}{cell} |");
        }
        line + "\n"
    }
}

/// The word in the last column.
pub(super) fn word(is_met: bool) -> String {
    if is_met { "yes" } else { "**no**" }.to_owned()
}

/// The rows of a figure, from its rounds.
pub(super) fn rows_of(figure: &Figure, on_postgres: bool, rounds: &[Measured]) -> Vec<Row> {
    let (title, goal) = match figure.on_postgres.as_ref().filter(|_| on_postgres) {
        Some(goal) => (format!("PostgreSQL: {}", figure.title), goal),
        None => (figure.title.to_owned(), &figure.goal),
    };
    let base = Row {
        figure: title,
        goal: goal.words().to_owned(),
        flush: format!(
            "{:.2}",
            median(rounds.iter().map(|round| round.flush_millis))
        ),
        load: format!("{:.1}", median(rounds.iter().map(|round| round.load))),
        ..Row::default()
    };
    match goal {
        Goal::Ratio { least, p99, .. } => {
            vec![compared(base, figure.against, (*least, *p99), rounds)]
        }
        Goal::Cry {
            beside,
            puback,
            event_p99,
            ..
        } => cried(&base, (*beside, *puback), *event_p99, rounds),
        Goal::BytesEach { most, .. } => vec![idle(base, *most, rounds)],
    }
}

/// The median of what the client said of ours.
fn ours(rounds: &[Measured], pointer: &str) -> f64 {
    median(rounds.iter().map(|round| round.ours.number(pointer)))
}

fn millis(rounds: &[Measured]) -> String {
    let (p50, p99) = (
        ours(rounds, "/latency_ms/p50"),
        ours(rounds, "/latency_ms/p99"),
    );
    format!("{p50:.2} / {p99:.2}")
}

fn compared(base: Row, to: Against, goal: (f64, Option<f64>), rounds: &[Measured]) -> Row {
    let ratios: Vec<f64> = rounds.iter().filter_map(Measured::ratio).collect();
    let ratio = median(ratios.iter().copied());
    let each: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
    let (least, p99) = goal;
    let in_time = p99.is_none_or(|p99| ours(rounds, "/latency_ms/p99") < p99);
    let theirs = || rounds.iter().filter_map(|round| round.theirs.as_ref());
    let per_second = median(theirs().map(|load| load.number("/per_second")));
    let cpu = (
        median(rounds.iter().map(|round| round.ours.cpu_micros_each())),
        median(theirs().map(Load::cpu_micros_each)),
    );
    Row {
        ours: grouped(ours(rounds, "/per_second")),
        theirs: format!("{}{}", grouped(per_second), to.remark()),
        ratio: format!("{ratio:.2}x ({})", each.join(", ")),
        millis: millis(rounds),
        cpu: format!("{:.1}, {:.1}", cpu.0, cpu.1),
        met: judged(ratio >= least && in_time, rounds),
        ..base
    }
}

fn cried(
    base: &Row,
    (beside, (most_p50, most_p99)): (f64, (f64, f64)),
    event_p99: Option<(f64, &str)>,
    rounds: &[Measured],
) -> Vec<Row> {
    let (p50, p99) = (
        ours(rounds, "/latency_ms/p50"),
        ours(rounds, "/latency_ms/p99"),
    );
    let background = ours(rounds, "/background/per_second");
    let is_beside = background >= beside * LEAST_SHARE;
    let mut rows = vec![Row {
        figure: format!("{}: PUBACK", base.figure),
        ours: format!("beside {} samples/s", grouped(background)),
        millis: millis(rounds),
        met: judged(is_beside && p50 <= most_p50 && p99 <= most_p99, rounds),
        ..base.clone()
    }];
    if let Some((limit, words)) = event_p99 {
        let event = ours(rounds, "/event_after_ms/p99");
        rows.push(Row {
            figure: ".. and from it the event at a second device, p99".to_owned(),
            goal: words.to_owned(),
            millis: format!("{event:.2}"),
            met: judged(is_beside && event <= limit, rounds),
            ..base.clone()
        });
    }
    rows
}

fn idle(base: Row, most: f64, rounds: &[Measured]) -> Row {
    let each = ours(rounds, "/resident_bytes_each");
    let connections = grouped(ours(rounds, "/connections"));
    Row {
        ours: format!("{:.1} kB each of {connections}", each / 1000.0),
        met: judged(each > 0.0 && each <= most, rounds),
        ..base
    }
}

/// Whether the goal is met: not by a run in which a connection ended early or an answer
/// never came.
fn judged(is_met: bool, rounds: &[Measured]) -> String {
    let faults = faults(rounds);
    if faults.is_empty() {
        word(is_met)
    } else {
        format!("**no**: {faults}")
    }
}

fn faults(rounds: &[Measured]) -> String {
    let mut text = String::new();
    for (pointer, name) in [
        ("/broken", "connections broke"),
        ("/unanswered", "unanswered"),
        ("/refused", "refused"),
    ] {
        let count: f64 = rounds.iter().map(|round| round.ours.number(pointer)).sum();
        if count > 0.0 {
            let comma = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{comma}{count:.0} {name}");
        }
    }
    text
}

/// A whole number with its thousands apart, as the documents have it.
pub(super) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::figures::FIGURES;
    use super::*;

    fn figure(name: &str) -> &'static Figure {
        FIGURES.iter().find(|figure| figure.name == name).unwrap()
    }

    fn measured(ours: serde_json::Value, theirs: Option<u32>) -> Measured {
        Measured {
            ours: Load {
                said: ours,
                cpu_millis: 60.0,
            },
            theirs: theirs.map(|per_second| Load {
                said: json!({ "per_second": per_second, "seconds": 1.0 }),
                cpu_millis: 80.0,
            }),
            flush_millis: 0.3,
            load: 1.5,
        }
    }

    fn round(ours: u32, theirs: u32, p99: f64) -> Measured {
        let said = json!({
            "per_second": ours, "seconds": 1.0, "latency_ms": { "p50": 1.0, "p99": p99 }
        });
        measured(said, Some(theirs))
    }

    fn lines(figure: &Figure, on_postgres: bool, rounds: &[Measured]) -> String {
        let rows = rows_of(figure, on_postgres, rounds);
        rows.iter().map(Row::line).collect()
    }

    #[test]
    fn a_ratio_is_that_of_its_round() {
        let telemetry = figure("telemetry, window 16");
        let rounds = [round(100, 50, 2.0), round(30, 20, 2.0), round(10, 10, 2.0)];
        assert_eq!(
            lines(telemetry, true, &rounds),
            "| PostgreSQL: telemetry acks/s, window 16 | 0.5x | 30 | 20 | 1.50x (2.00, 1.50, 1.00) \
             | 1.00 / 2.00 | 1000.0, 2000.0 | 0.30 | 1.5 | yes |\n"
        );
        let slow = [round(200_000, 50_000, 31.0)];
        let text = lines(telemetry, false, &slow);
        assert!(
            text.contains("| 200 000 | 50 000 | 4.00x (4.00) |"),
            "{text}"
        );
        assert!(text.ends_with("| **no** |\n"), "{text}");
    }

    #[test]
    fn a_cry_has_two_rows_and_no_fault_is_hidden() {
        let sos = figure("sos beside 10 000 samples/s");
        let said = json!({
            "latency_ms": { "p50": 1.0, "p99": 20.0 }, "event_after_ms": { "p99": 4.0 },
            "background": { "per_second": 9_999.6 }, "broken": 2
        });
        let text = lines(sos, false, &[measured(said.clone(), None)]);
        assert_eq!(text.lines().count(), 2);
        assert!(text.contains("| beside 10 000 samples/s |"), "{text}");
        assert!(text.contains("**no**: 2 connections broke"), "{text}");
        let text = lines(sos, true, &[measured(said, None)]);
        assert_eq!(text.lines().count(), 1);
        assert!(text.contains("| p99 100 ms |"), "{text}");
        let mut said = json!({
            "latency_ms": { "p50": 1.0, "p99": 20.0 }, "event_after_ms": { "p99": 4.0 },
            "background": { "per_second": 9_900.0 }
        });
        let text = lines(sos, false, &[measured(said.clone(), None)]);
        assert_eq!(text.matches("| yes |").count(), 2, "{text}");
        // Less beside it than it says is no proof.
        said["background"]["per_second"] = 9_000.0.into();
        let text = lines(sos, false, &[measured(said, None)]);
        assert_eq!(text.matches("| **no** |").count(), 2, "{text}");
    }

    #[test]
    fn a_row_fits_the_document() {
        let document = crate::root().join("docs/benchmarks.md");
        let document = fs::read_to_string(document).unwrap();
        assert!(document.contains(HEAD), "{HEAD}");
        for figure in FIGURES {
            let rounds = [measured(json!({ "resident_bytes_each": 1 }), Some(1))];
            for on_postgres in [false, true] {
                for row in rows_of(figure, on_postgres, &rounds) {
                    let begins = format!("| {} | {} |", row.figure, row.goal);
                    assert!(document.contains(&begins), "{begins}");
                }
            }
        }
    }
}
