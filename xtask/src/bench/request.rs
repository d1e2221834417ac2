//! What was asked for on the command line.

use super::Failure;

/// Rounds unless told otherwise.
const ROUNDS: usize = 3;
/// Seconds of each measurement unless told otherwise.
const SECONDS: u32 = 5;
/// Rows that `goals` restarts with.
const GOAL_ROWS: u32 = 10_000_000;
/// Minutes that `sustain` lasts.
const GOAL_MINUTES: u32 = 10;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) rounds: usize,
    pub(super) seconds: u32,
    /// Words of which a figure's name must hold one.
    pub(super) only: Vec<String>,
    /// No figure at all.
    pub(super) no_figures: bool,
    /// Draw where the time goes.
    pub(super) flame: bool,
    /// A PostgreSQL on which the figures that have a goal there are measured as well.
    pub(super) postgres: Option<String>,
    /// Rows to restart with, and minutes to sustain: neither unless asked for.
    pub(super) restart_rows: Option<u32>,
    pub(super) sustain_minutes: Option<u32>,
}

impl Request {
    pub(super) fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let mut request = Self {
            rounds: ROUNDS,
            seconds: SECONDS,
            only: Vec::new(),
            no_figures: false,
            flame: false,
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
                "goals" => request.restart_rows = Some(GOAL_ROWS),
                "flame" => {
                    request.no_figures = true;
                    request.flame = true;
                }
                "sustain" => {
                    request.no_figures = true;
                    request.sustain_minutes = Some(GOAL_MINUTES);
                }
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
        assert_eq!(request("goals"), request("--restart 10000000"));
        let sustain = request("sustain").unwrap();
        assert!(!sustain.wants("telemetry, window 1"));
        assert_eq!(sustain.sustain_minutes, Some(10));
        let some = request("--only idle --only connect --rounds 1").unwrap();
        assert!(some.wants("idle, tls") && some.wants("connect") && !some.wants("http"));
        assert!(request("--rounds 0").is_err() && request("--only").is_err());
    }
}
