//! The application object that every transport holds.

use std::sync::Arc;

use mayday_core::clock::{SharedClock, SharedEntropy};

/// What an [`App`] is made of.
pub struct Parts {
    /// The clock.
    pub clock: SharedClock,
    /// The generator.
    pub entropy: SharedEntropy,
}

/// The use cases and what they share. Always behind an [`Arc`].
pub struct App {
    pub(crate) clock: SharedClock,
    pub(crate) entropy: SharedEntropy,
}

impl App {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self {
            clock: parts.clock,
            entropy: parts.entropy,
        })
    }
}
