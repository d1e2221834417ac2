//! `[telemetry]`: positions and sensor samples.

use super::reader::Reader;

/// Positions and sensor samples.
#[derive(Clone, Debug)]
pub(crate) struct TelemetryConfig {
    /// Days that samples are kept.
    pub(crate) retention_days: u32,
}

impl TelemetryConfig {
    /// Reads the section.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            retention_days: reader.integer("telemetry.retention_days", 1..=3650),
        }
    }
}
