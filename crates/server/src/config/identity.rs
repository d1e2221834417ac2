//! `[identity]`: who may call, and how often they may fail to prove it.

use super::reader::Reader;

/// Who may call.
#[derive(Clone, Debug)]
pub(crate) struct IdentityConfig {
    /// Failures a minute before they are answered 429.
    pub(crate) failures_per_minute: u32,
}

impl IdentityConfig {
    /// Reads the section.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            failures_per_minute: reader.integer("identity.failures_per_minute", 1..=100_000),
        }
    }
}
