//! `[identity]`: who may call, and how often they may fail to prove it.

use mayday_core::sso::pin::HashCost;

use super::reader::Reader;

/// Who may call.
#[derive(Clone, Debug)]
pub(crate) struct IdentityConfig {
    /// Failures a minute before they are answered 429.
    pub(crate) failures_per_minute: u32,
    /// What the hash of a PIN costs whoever makes one.
    pub(crate) pin_hash: HashCost,
}

impl IdentityConfig {
    /// Reads the section.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            failures_per_minute: reader.integer("identity.failures_per_minute", 1..=100_000),
            pin_hash: HashCost {
                memory_kib: reader.integer("identity.pin_hash_memory_kib", 8_192..=1_048_576),
                passes: reader.integer("identity.pin_hash_passes", 1..=64),
            },
        }
    }
}
