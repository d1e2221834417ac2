//! The application object that every transport holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mayday_core::clock::{SharedClock, SharedEntropy};
use mayday_core::time::Timestamp;
use mayday_gateway::introspection::Introspector;
use mayday_store::Store;
use mayday_store::telemetry::Telemetry;
use tokio_util::sync::CancellationToken;

use crate::error::AppError;
use crate::escalation::{SendFaults, Slots};
use crate::feed::FeedHub;
use crate::hashing::Hashing;
use crate::identity::{Identity, IdentitySettings};
use crate::metrics::Metrics;
use crate::presence::{Presence, PresenceLimits};
use crate::profile::LookUps;
use crate::readiness::AppFacts;
use crate::senders::Senders;
use crate::sos::{Listening, Turns};
use crate::sso::Gates;
use crate::telemetry::{DeviceOwners, LetterCount};
use crate::webhooks::Endpoints;

/// What an [`App`] is made of.
pub struct Parts {
    /// The state store.
    pub store: Store,
    /// The telemetry store beside it.
    pub telemetry: Telemetry,
    /// The clock.
    pub clock: SharedClock,
    /// The generator.
    pub entropy: SharedEntropy,
    /// Where transports and workers count.
    pub metrics: Metrics,
    /// What can be set about identities.
    pub identity: IdentitySettings,
    /// Asks partners about their users' tokens.
    pub introspector: Introspector,
    /// How many live connections this node holds.
    pub presence: PresenceLimits,
    /// What this node sends through.
    pub senders: Senders,
    /// Ends the background tasks that [`App::start`] spawns.
    pub shutdown: CancellationToken,
}

/// The use cases and what they share. Always behind an [`Arc`].
pub struct App {
    pub(crate) store: Store,
    pub(crate) telemetry: Telemetry,
    pub(crate) device_owners: Arc<DeviceOwners>,
    pub(crate) dead_letters: LetterCount,
    pub(crate) clock: SharedClock,
    pub(crate) entropy: SharedEntropy,
    pub(crate) metrics: Metrics,
    pub(crate) identity: Identity,
    pub(crate) gates: Gates,
    pub(crate) presence: Arc<Presence>,
    pub(crate) senders: Arc<Senders>,
    pub(crate) hashing: Hashing,
    pub(crate) feed: Arc<FeedHub>,
    pub(crate) cries: Turns,
    pub(crate) endpoints: Arc<Endpoints>,
    pub(crate) look_ups: Arc<LookUps>,
    pub(crate) slots: Slots,
    pub(crate) send_faults: SendFaults,
    pub(crate) listening: Listening,
    pub(crate) ready_facts: AppFacts,
    pub(crate) shutdown: CancellationToken,
    pub(crate) draining: AtomicBool,
}

impl App {
    /// Puts the parts together, loads the directory of apps and spawns what
    /// runs beside the use cases: the fan-out of events, and the watch over who
    /// is let in. They end with `shutdown`.
    pub async fn start(parts: Parts) -> Result<Arc<Self>, AppError> {
        let hashing = Hashing::new(parts.identity.pin_hash, Arc::clone(&parts.entropy));
        let identity = Identity::load(&parts.store, parts.identity, parts.entropy.as_ref()).await?;
        let feed = FeedHub::start(&parts.store, parts.shutdown.clone());
        let device_owners = Arc::new(DeviceOwners::default());
        device_owners.watch(&parts.store);
        let look_ups = LookUps::new(parts.store.clone());
        let store = parts.store;
        let app = Arc::new(Self {
            gates: Gates::new(parts.introspector, store.clone()),
            store,
            telemetry: parts.telemetry,
            device_owners,
            dead_letters: LetterCount::default(),
            clock: parts.clock,
            entropy: parts.entropy,
            metrics: parts.metrics,
            identity,
            presence: Presence::new(parts.presence),
            senders: Arc::new(parts.senders),
            hashing,
            feed,
            cries: Turns::default(),
            endpoints: Arc::default(),
            look_ups,
            slots: Slots::default(),
            send_faults: SendFaults::default(),
            listening: Listening::default(),
            ready_facts: AppFacts::default(),
            shutdown: parts.shutdown,
            draining: AtomicBool::new(false),
        });
        app.release_claims().await?;
        tokio::spawn(Arc::clone(&app).watch_control());
        Ok(app)
    }

    /// The current time, by the server's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether the time may have leapt: then nothing is deleted for its age.
    pub(crate) fn doubts_ages(&self) -> bool {
        self.clock.doubt().leapt
    }

    /// Tells whoever asks for the node's health that it takes no new work; what is
    /// under way goes on.
    pub fn begin_drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// What this node sends through.
    pub const fn senders(&self) -> &Arc<Senders> {
        &self.senders
    }

    /// Where senders can be made to stop, for tests.
    #[cfg(any(test, feature = "fault-points"))]
    pub const fn send_faults(&self) -> &SendFaults {
        &self.send_faults
    }

    /// Whether [`App::begin_drain`] was called.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// The live connections of this node.
    pub fn presence(&self) -> &Arc<Presence> {
        &self.presence
    }
}
