//! The application object that every transport holds.

use std::sync::Arc;

use mayday_core::clock::{SharedClock, SharedEntropy};
use mayday_store::Store;
use tokio_util::sync::CancellationToken;

use crate::error::AppError;
use crate::feed::FeedHub;
use crate::metrics::Metrics;
use crate::presence::{Presence, PresenceLimits};

/// What an [`App`] is made of.
pub struct Parts {
    /// The state store.
    pub store: Store,
    /// The clock.
    pub clock: SharedClock,
    /// The generator.
    pub entropy: SharedEntropy,
    /// Where transports and workers count.
    pub metrics: Metrics,
    /// How many live connections this node holds.
    pub presence: PresenceLimits,
    /// Ends the background tasks that [`App::start`] spawns.
    pub shutdown: CancellationToken,
}

/// The use cases and what they share. Always behind an [`Arc`].
pub struct App {
    pub(crate) store: Store,
    pub(crate) clock: SharedClock,
    pub(crate) entropy: SharedEntropy,
    pub(crate) metrics: Metrics,
    pub(crate) presence: Arc<Presence>,
    pub(crate) feed: Arc<FeedHub>,
    pub(crate) shutdown: CancellationToken,
}

impl App {
    /// Puts the parts together and spawns what runs beside the use cases: the
    /// fan-out of events. They end with `shutdown`.
    #[expect(
        clippy::unused_async,
        reason = "loading the directory will wait on the store"
    )]
    pub async fn start(parts: Parts) -> Result<Arc<Self>, AppError> {
        let feed = FeedHub::start(parts.store.clone(), parts.shutdown.clone());
        Ok(Arc::new(Self {
            store: parts.store,
            clock: parts.clock,
            entropy: parts.entropy,
            metrics: parts.metrics,
            presence: Presence::new(parts.presence),
            feed,
            shutdown: parts.shutdown,
        }))
    }

    /// The live connections of this node.
    pub fn presence(&self) -> &Arc<Presence> {
        &self.presence
    }
}
