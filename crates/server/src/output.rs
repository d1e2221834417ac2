//! What commands print.
//!
//! On a terminal: aligned tables with a heading, hints, colour unless `NO_COLOR`
//! is set. In a pipe: the same rows separated by tabs, nothing else. With
//! `--json`: one JSON value.

use std::io::{self, IsTerminal as _, Write as _};

use mayday_core::text::turns_direction;
use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use crate::failure::Outcome;

/// Space between two columns of a table.
const GAP: usize = 2;

/// Whether colour may be used on a terminal (<https://no-color.org>).
pub(crate) fn colour_wanted() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Prints one line on standard output.
pub(crate) fn print_line(text: &str) -> Outcome {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()?;
    Ok(())
}

/// Prints a whole document. A reader who has seen enough of it may leave.
pub(crate) fn print_document(text: &str) -> Outcome {
    may_leave(print_line(text.trim_end()))
}

/// Who reads what we print may leave before its end: that is no failure.
fn may_leave(printed: Outcome) -> Outcome {
    match printed {
        Err(failure) if failure.is_silent() => Ok(()),
        printed => printed,
    }
}

/// How a piece of text looks on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    /// As it is.
    Plain,
    /// Bold.
    Strong,
    /// Grey.
    Faint,
    /// Done, well.
    Good,
    /// Of note.
    Accent,
    /// Look here.
    Warn,
    /// Bad.
    Bad,
}

impl Paint {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "\x1b[1m",
            Self::Faint => "\x1b[2m",
            Self::Good => "\x1b[32m",
            Self::Accent => "\x1b[36m",
            Self::Warn => "\x1b[33m",
            Self::Bad => "\x1b[1;31m",
        }
    }
}

/// Where a command prints to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
    terminal: bool,
    colour: bool,
}

impl Output {
    /// Standard output; `json` as the flag says.
    pub(crate) fn new(json: bool) -> Self {
        let terminal = io::stdout().is_terminal();
        Self {
            json,
            terminal,
            colour: terminal && colour_wanted(),
        }
    }

    /// Whether somebody watches.
    pub(crate) const fn is_terminal(self) -> bool {
        self.terminal
    }

    /// The text in a colour, if colours are used.
    pub(crate) fn paint(self, paint: Paint, text: &str) -> String {
        if self.colour && paint != Paint::Plain {
            format!("{}{text}\x1b[0m", paint.code())
        } else {
            text.to_owned()
        }
    }

    /// Prints a value: as JSON with `--json`, else as `human` does. Whoever reads it may
    /// leave before its end.
    pub(crate) fn value<T: Serialize>(
        self,
        value: &T,
        human: impl FnOnce(Self) -> Outcome,
    ) -> Outcome {
        if !self.json {
            return may_leave(human(self));
        }
        // A person who asks for JSON reads it; a program takes it in one line.
        let text = if self.terminal {
            serde_json::to_string_pretty(value)
        } else {
            serde_json::to_string(value)
        };
        print_document(&text.map_err(io::Error::from)?)
    }

    /// Prints a hint, which only a person at a terminal needs.
    pub(crate) fn hint(self, text: &str) -> Outcome {
        if self.terminal && !self.json {
            print_line(&self.paint(Paint::Faint, text))?;
        }
        Ok(())
    }

    /// Prints rows, with a heading on a terminal.
    pub(crate) fn table(self, heading: &[&str], rows: &[Vec<Cell>]) -> Outcome {
        for line in self.layout(heading, rows) {
            print_line(&line)?;
        }
        Ok(())
    }

    fn layout(self, heading: &[&str], rows: &[Vec<Cell>]) -> Vec<String> {
        if !self.terminal {
            let texts = |row: &Vec<Cell>| {
                let cells: Vec<_> = row.iter().map(|cell| cell.text.as_str()).collect();
                cells.join("\t")
            };
            return rows.iter().map(texts).collect();
        }
        let heading: Vec<_> = heading
            .iter()
            .map(|title| Cell::painted(Paint::Faint, title.to_uppercase()))
            .collect();
        let all: Vec<_> = std::iter::once(&heading).chain(rows).collect();
        let columns = heading.len();
        let width = |column: usize| {
            let cells = all.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.text.width()).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..columns).map(width).collect();
        all.iter().map(|row| self.row(row, &widths)).collect()
    }

    fn row(self, row: &[Cell], widths: &[usize]) -> String {
        let mut line = String::new();
        let last = row.len().saturating_sub(1);
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            line.push_str(&self.paint(cell.paint, &cell.text));
            if column < last {
                let pad = width.saturating_sub(cell.text.width()) + GAP;
                line.extend(std::iter::repeat_n(' ', pad));
            }
        }
        line
    }

    /// Prints names and values, one pair a line.
    pub(crate) fn pairs(self, pairs: &[(&str, Cell)]) -> Outcome {
        let widest = pairs.iter().map(|(name, _)| name.width()).max();
        for (name, value) in pairs {
            let text = self.paint(value.paint, &value.text);
            if self.terminal {
                let pad = widest.unwrap_or(0).saturating_sub(name.width()) + GAP;
                let name = self.paint(Paint::Faint, name);
                print_line(&format!("{name}{}{text}", " ".repeat(pad)))?;
            } else {
                print_line(&format!("{name}\t{text}"))?;
            }
        }
        Ok(())
    }
}

/// One field of a table.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    paint: Paint,
}

impl Cell {
    /// A field in a colour. Characters that could rewrite or turn the
    /// terminal are replaced.
    pub(crate) fn painted(paint: Paint, text: impl Into<String>) -> Self {
        let mut text: String = text.into();
        let unfit = |c: char| c.is_control() || turns_direction(c);
        if text.chars().any(unfit) {
            text = text
                .chars()
                .map(|c| if unfit(c) { '\u{fffd}' } else { c })
                .collect();
        }
        Self { text, paint }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::painted(Paint::Plain, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMINAL: Output = Output {
        json: false,
        terminal: true,
        colour: false,
    };

    #[test]
    fn columns_align_whatever_the_script() {
        let rows = [
            vec![Cell::from("ana"), Cell::from("active")],
            vec![Cell::from("用户-7"), Cell::from("blocked")],
        ];
        let lines = TERMINAL.layout(&["user", "state"], &rows);
        assert_eq!(
            lines,
            ["USER    STATE", "ana     active", "用户-7  blocked"]
        );
    }

    #[test]
    fn a_pipe_gets_rows_alone() {
        let piped = Output {
            terminal: false,
            ..TERMINAL
        };
        let rows = [vec![Cell::from("ana"), Cell::from("active")]];
        assert_eq!(piped.layout(&["user", "state"], &rows), ["ana\tactive"]);
    }

    #[test]
    fn stored_text_cannot_steer_the_terminal() {
        assert_eq!(Cell::from("a\x1b[2Jb\n").text, "a\u{fffd}[2Jb\u{fffd}");
    }

    #[test]
    fn colour_is_used_only_where_wanted() {
        assert_eq!(TERMINAL.paint(Paint::Bad, "x"), "x");
        let coloured = Output {
            colour: true,
            ..TERMINAL
        };
        assert_eq!(coloured.paint(Paint::Bad, "x"), "\x1b[1;31mx\x1b[0m");
    }
}
