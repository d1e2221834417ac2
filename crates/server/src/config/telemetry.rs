//! `[telemetry]`: positions and sensor samples.

use mayday_core::telemetry::RETENTION_DAYS;

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
            retention_days: reader.integer("telemetry.retention_days", RETENTION_DAYS),
        }
    }
}
