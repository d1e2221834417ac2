//! `[log]`: what is logged, and how it looks.

use tracing_subscriber::EnvFilter;

use super::reader::Reader;

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Human on a terminal, JSON otherwise.
    Auto,
    /// Lines for people.
    Human,
    /// One JSON object a line.
    Json,
}

/// What is logged, and how it looks.
#[derive(Clone, Debug)]
pub(crate) struct LogConfig {
    /// How a line looks.
    pub(crate) format: LogFormat,
    /// A level, or directives by module.
    pub(crate) filter: String,
}

impl LogConfig {
    /// Reads the section.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let words = [
            ("auto", LogFormat::Auto),
            ("human", LogFormat::Human),
            ("json", LogFormat::Json),
        ];
        let filter = reader.text("log.filter");
        if EnvFilter::builder().parse(&filter).is_err() {
            reader.refuse(
                "log.filter",
                "must be a level (error, warn, info, debug, trace) or directives \
                 such as \"info,mayday_mqtt=debug\"",
            );
        }
        Self {
            format: reader
                .choice("log.format", &words)
                .unwrap_or(LogFormat::Auto),
            filter,
        }
    }
}
