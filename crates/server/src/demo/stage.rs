//! How the story looks: coloured and paced on a terminal, plain in a pipe.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use unicode_width::UnicodeWidthStr as _;

use super::Addresses;
use crate::failure::Outcome;
use crate::output::{Output, Paint, print_line};

/// Time to read a step before the next one, on a terminal alone.
const PACE: Duration = Duration::from_millis(650);

/// Columns of the actor's name.
const ACTOR_WIDTH: usize = 15;

/// Columns of what happens, before the latency.
const TEXT_WIDTH: usize = 52;

/// Where the story is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stage {
    out: Output,
}

impl Stage {
    /// Standard output.
    pub(crate) fn new() -> Self {
        Self {
            out: Output::new(false),
        }
    }

    /// The opening lines.
    pub(super) fn welcome(
        self,
        addresses: Addresses,
        partner: SocketAddr,
        data_dir: &Path,
    ) -> Outcome {
        let name = self.out.paint(Paint::Strong, "mayday demo");
        let version = self.out.paint(Paint::Faint, env!("CARGO_PKG_VERSION"));
        print_line("")?;
        print_line(&format!("  {name} {version}"))?;
        print_line("")?;
        let http = format!("http://{}", addresses.http);
        self.fact("HTTP", &http, "the SDK's API")?;
        self.fact(
            "Docs",
            &format!("{http}/docs"),
            "every route, with examples",
        )?;
        self.fact("MQTT", &addresses.mqtt.to_string(), "3.1.1 and 5")?;
        let health = format!("http://{}/health/ready", addresses.admin);
        self.fact("Health", &health, "and /metrics")?;
        let partner = format!("http://{partner}");
        self.fact("Partner", &partner, "a log-in, as your own server has one")?;
        let data = data_dir.display().to_string();
        self.fact("Data", &data, "kept: the next demo goes on from here")
    }

    fn fact(self, name: &str, value: &str, note: &str) -> Outcome {
        let name = self.out.paint(Paint::Faint, &format!("{name:<8}"));
        let value = self.out.paint(Paint::Accent, &format!("{value:<38}"));
        let note = self.out.paint(Paint::Faint, note);
        print_line(&format!("  {name}{value} {note}"))
    }

    /// A heading.
    pub(super) fn heading(self, text: &str) -> Outcome {
        print_line("")?;
        print_line(&format!("  {}", self.out.paint(Paint::Strong, text)))?;
        print_line("")
    }

    /// One step: who does what, and how long it took.
    pub(super) async fn step(
        self,
        actor: &str,
        paint: Paint,
        text: &str,
        took: Option<Duration>,
    ) -> Outcome {
        if self.out.is_terminal() {
            tokio::time::sleep(PACE).await;
        }
        let pad = |text: &str, width: usize| " ".repeat(width.saturating_sub(text.width()));
        let mut line = format!(
            "  {}{}{text}",
            self.out.paint(paint, actor),
            pad(actor, ACTOR_WIDTH)
        );
        if let Some(took) = took {
            line.push_str(&pad(text, TEXT_WIDTH));
            let took = format!("{:>8.1} ms", took.as_secs_f64() * 1e3);
            line.push_str(&self.out.paint(Paint::Good, &took));
        }
        print_line(&line)
    }

    /// More about the step above.
    pub(super) fn detail(self, text: &str) -> Outcome {
        let text = self.out.paint(Paint::Faint, text);
        print_line(&format!("  {}{text}", " ".repeat(ACTOR_WIDTH)))
    }

    /// A line to copy, with what it does above.
    pub(super) fn recipe(self, what: &str, line: &str) -> Outcome {
        print_line(&self.out.paint(Paint::Faint, &format!("# {what}")))?;
        print_line(line)?;
        print_line("")
    }
}
