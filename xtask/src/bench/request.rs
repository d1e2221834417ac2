//! What was asked for on the command line.

use std::path::PathBuf;

use super::Failure;

/// Rounds unless told otherwise.
const ROUNDS: usize = 3;
/// Seconds of each measurement unless told otherwise.
const SECONDS: u32 = 5;
/// Rows that `goals` restarts with.
const GOAL_ROWS: u32 = 10_000_000;
/// Minutes that `sustain` lasts.
const GOAL_MINUTES: u32 = 10;

/// Connections that do nothing.
const IDLE_CONNECTIONS: u32 = 10_000;
const MINUTE_SECONDS: u32 = 60;
/// The same for a run that only shows that everything works.
const QUICK_CONNECTIONS: u32 = 300;
const QUICK_ROWS: u32 = 200_000;
const QUICK_MINUTES: u32 = 2;
const QUICK_MINUTE_SECONDS: u32 = 3;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// Words of which a figure's name must hold one.
    pub(super) only: Vec<String>,
    /// No figure at all.
    pub(super) no_figures: bool,
    /// Draw where the time goes.
    pub(super) flame: bool,
    /// A PostgreSQL on which the figures that have a goal there are measured as well.
    pub(super) postgres: Option<String>,
    /// Shows that everything works, in a few seconds each; the figures say nothing.
    pub(super) quick: bool,
    /// The word that was given, which names the file.
    word: Option<&'static str>,
    rounds: usize,
    seconds: u32,
    /// Rows to restart with, minutes to sustain, and rows that are there before: none
    /// unless asked for.
    restart_rows: Option<u32>,
    sustain_minutes: Option<u32>,
    fill_rows: Option<u32>,
}

impl Request {
    pub(super) fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let mut request = Self {
            quick: false,
            word: None,
            rounds: ROUNDS,
            seconds: SECONDS,
            only: Vec::new(),
            no_figures: false,
            flame: false,
            postgres: None,
            restart_rows: None,
            sustain_minutes: None,
            fill_rows: None,
        };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} takes a value"));
            let number = |text: &String| {
                let number = text.parse::<u32>().ok().filter(|number| *number > 0);
                number.ok_or(format!("{word} takes a number above 0"))
            };
            match word.as_str() {
                "goals" => {
                    request.word = Some("goals");
                    request.restart_rows = Some(GOAL_ROWS);
                }
                "flame" => {
                    request.word = Some("flame");
                    request.no_figures = true;
                    request.flame = true;
                }
                "sustain" => {
                    request.word = Some("sustain");
                    request.no_figures = true;
                    request.sustain_minutes = Some(GOAL_MINUTES);
                }
                "--rounds" => {
                    request.rounds = usize::try_from(number(value()?)?).unwrap_or(ROUNDS);
                }
                "--restart" => request.restart_rows = Some(number(value()?)?),
                "--fill" => request.fill_rows = Some(number(value()?)?),
                "--quick" => request.quick = true,
                "--sustain" => request.sustain_minutes = Some(number(value()?)?),
                "--seconds" => request.seconds = number(value()?)?,
                "--only" => request.only.push(value()?.clone()),
                "--postgres" => request.postgres = Some(value()?.clone()),
                other => return Err(format!("bench: unknown argument `{other}`")),
            }
        }
        Ok(request)
    }

    /// The name of the file with the result.
    pub(super) fn file(&self) -> String {
        match self.word {
            Some(word) => format!("bench-{word}.md"),
            None => "bench.md".to_owned(),
        }
    }

    /// What stands above the result.
    pub(super) fn remark(&self) -> &'static str {
        if self.quick {
            "A quick run: it shows that everything works and says nothing about speed."
        } else {
            ""
        }
    }

    pub(super) fn rounds(&self) -> usize {
        if self.quick { 1 } else { self.rounds }
    }

    /// How long each measurement lasts.
    pub(super) fn seconds(&self) -> u32 {
        if self.quick { 1 } else { self.seconds }
    }

    pub(super) fn idle_connections(&self) -> u32 {
        if self.quick {
            QUICK_CONNECTIONS
        } else {
            IDLE_CONNECTIONS
        }
    }

    /// Rows to restart with.
    pub(super) fn rows(&self) -> Option<u64> {
        self.restart_rows.map(|rows| self.bounded(rows))
    }

    /// Rows that lie there before it is sustained.
    pub(super) fn filled_rows(&self) -> Option<u64> {
        self.fill_rows.map(|rows| self.bounded(rows))
    }

    fn bounded(&self, rows: u32) -> u64 {
        let most = if self.quick { QUICK_ROWS } else { u32::MAX };
        rows.min(most).into()
    }

    /// Minutes to sustain, and the seconds of each.
    pub(super) fn minutes(&self) -> Option<(u32, u32)> {
        let minutes = self.sustain_minutes?;
        Some(if self.quick {
            (minutes.min(QUICK_MINUTES), QUICK_MINUTE_SECONDS)
        } else {
            (minutes, MINUTE_SECONDS)
        })
    }

    /// Where flame graphs go: those of a quick run are no documents.
    pub(super) fn flames(&self) -> PathBuf {
        if self.quick {
            crate::target().join("xtask")
        } else {
            crate::root().join("docs")
        }
    }

    /// Whether a figure of this name is wanted.
    pub(super) fn wants(&self, name: &str) -> bool {
        let named = |word: &String| name.contains(word.as_str());
        !self.no_figures && (self.only.is_empty() || self.only.iter().any(named))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: &str) -> Result<Request, Failure> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Request::parse(&words)
    }

    #[test]
    fn goals_and_sustain_are_words_for_flags() {
        let goals = request("goals").unwrap();
        assert_eq!((goals.rows(), goals.rounds()), (Some(10_000_000), ROUNDS));
        assert_eq!(goals.file(), "bench-goals.md");
        let sustain = request("sustain").unwrap();
        assert!(!sustain.wants("telemetry, window 1"));
        assert_eq!(sustain.minutes(), Some((10, 60)));
        let some = request("--only idle --only connect --rounds 1").unwrap();
        assert!(some.wants("idle, tls") && some.wants("connect") && !some.wants("http"));
        assert!(request("--rounds 0").is_err() && request("--only").is_err());
    }

    #[test]
    fn a_quick_run_is_short_whatever_else_is_asked_for() {
        let quick = request("goals --rounds 9 --seconds 9 --sustain 90 --quick --fill 9000000");
        let quick = quick.unwrap();
        assert_eq!((quick.rounds(), quick.seconds()), (1, 1));
        assert_eq!(quick.rows(), Some(QUICK_ROWS.into()));
        assert_eq!(quick.filled_rows(), Some(QUICK_ROWS.into()));
        assert_eq!(quick.minutes(), Some((QUICK_MINUTES, QUICK_MINUTE_SECONDS)));
        assert!(!quick.remark().is_empty());
    }
}
