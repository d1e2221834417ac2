//! A line on a terminal that says how far something is. In a pipe it is silent.

use std::io::{IsTerminal as _, Write as _};

use mayday_store::backup::Progress;

/// Characters of the bar.
const WIDTH: u64 = 30;

/// The line, on standard error.
pub(crate) struct Bar {
    what: &'static str,
    shown: Option<u64>,
    terminal: bool,
}

impl Bar {
    /// A line that begins with this word.
    pub(crate) fn new(what: &'static str) -> Self {
        Self {
            what,
            shown: None,
            terminal: std::io::stderr().is_terminal(),
        }
    }

    /// Shows how far it is, where that changed by a percent.
    pub(crate) fn show(&mut self, progress: Progress) {
        let percent = percent(progress);
        if !self.terminal || self.shown == Some(percent) {
            return;
        }
        self.shown = Some(percent);
        // Nobody is hurt when it is not seen.
        let _ = write!(std::io::stderr(), "\r{}", line(self.what, percent));
    }

    /// Takes the line away.
    pub(crate) fn end(&mut self) {
        if self.shown.take().is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

fn percent(progress: Progress) -> u64 {
    let total = progress.total_bytes.max(1);
    (progress.done_bytes.saturating_mul(100) / total).min(100)
}

fn line(what: &str, percent: u64) -> String {
    let full = percent * WIDTH / 100;
    let bar: String = (0..WIDTH)
        .map(|at| if at < full { '#' } else { '-' })
        .collect();
    format!("{what} [{bar}] {percent:3} %")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_never_leaves_its_frame() {
        let at = |done_bytes, total_bytes| {
            percent(Progress {
                done_bytes,
                total_bytes,
            })
        };
        assert_eq!((at(0, 0), at(1, 2), at(3, 2)), (0, 50, 100));
        assert_eq!(
            line("copying", 50),
            format!("copying [{}{}]  50 %", "#".repeat(15), "-".repeat(15))
        );
        assert_eq!(line("copying", 100).len(), line("copying", 0).len());
    }
}
