//! Logs: to standard error, for people or for machines.
//!
//! Every field has a dotted name (`app.id`, `user.id`, `duration_ms`); secrets,
//! proofs and payloads are never logged.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{LogConfig, LogFormat};
use crate::output::colour_wanted;

/// The library that speaks TLS. It warns of whatever a client says wrongly.
const TLS: &str = "rustls";
/// Its own faults alone.
const TLS_FAULTS: &str = "rustls=error";

/// Starts logging. A second call keeps the first one's settings.
pub(crate) fn init(config: &LogConfig) {
    let filter = filter(&config.filter);
    let terminal = std::io::stderr().is_terminal();
    let human = match config.format {
        LogFormat::Auto => terminal,
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let registry = tracing_subscriber::registry().with(filter);
    let started = if human {
        let lines = fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(terminal && colour_wanted())
            .with_target(false)
            .compact();
        registry.with(lines).try_init()
    } else {
        let lines = fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .with_writer(std::io::stderr);
        registry.with(lines).try_init()
    };
    // Already started: the first settings hold.
    drop(started);
}

/// The configured filter. Of TLS only faults of ours are told, unless it is asked for:
/// what anybody may send before a proof must not fill a log.
fn filter(configured: &str) -> EnvFilter {
    let filter = EnvFilter::builder().parse_lossy(configured);
    if configured.contains(TLS) {
        return filter;
    }
    TLS_FAULTS.parse().map_or_else(
        |_| EnvFilter::new(configured),
        |quiet| filter.add_directive(quiet),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_cannot_fill_the_log_by_way_of_tls() {
        let quiet = filter("info").to_string();
        assert!(
            quiet.contains(TLS_FAULTS) && quiet.contains("info"),
            "{quiet}"
        );
        let asked = filter("rustls=debug,warn").to_string();
        assert!(!asked.contains(TLS_FAULTS), "{asked}");
    }
}
