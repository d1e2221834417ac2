//! `[lifecycle]`: starting and stopping.

use std::time::Duration;

use super::reader::Reader;

/// Starting and stopping.
#[derive(Clone, Debug)]
pub(crate) struct LifecycleConfig {
    /// How long after the first signal listeners still accept while readiness
    /// already answers 503.
    pub(crate) drain_lead: Duration,
    /// How long the first signal waits, after the lead, for work under way.
    pub(crate) drain: Duration,
    /// File descriptors to ask the system for.
    pub(crate) file_descriptors: u64,
}

impl LifecycleConfig {
    /// Reads the section.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            drain_lead: reader.seconds("lifecycle.drain_lead_seconds", 0..=600),
            drain: reader.seconds("lifecycle.drain_seconds", 1..=3600),
            file_descriptors: reader.integer("lifecycle.file_descriptors", 256..=10_000_000),
        }
    }
}
