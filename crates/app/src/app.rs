//! The application object that every transport holds.

use std::sync::Arc;

use mayday_core::clock::{SharedClock, SharedEntropy};

use crate::metrics::Metrics;
use crate::presence::{Presence, PresenceLimits};

/// What an [`App`] is made of.
pub struct Parts {
    /// The clock.
    pub clock: SharedClock,
    /// The generator.
    pub entropy: SharedEntropy,
    /// Where transports and workers count.
    pub metrics: Metrics,
    /// How many live connections this node holds.
    pub presence: PresenceLimits,
}

/// The use cases and what they share. Always behind an [`Arc`].
pub struct App {
    pub(crate) clock: SharedClock,
    pub(crate) entropy: SharedEntropy,
    pub(crate) metrics: Metrics,
    pub(crate) presence: Arc<Presence>,
}

impl App {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self {
            clock: parts.clock,
            entropy: parts.entropy,
            metrics: parts.metrics,
            presence: Presence::new(parts.presence),
        })
    }
    /// The live connections of this node.
    pub fn presence(&self) -> &Arc<Presence> {
        &self.presence
    }
}
