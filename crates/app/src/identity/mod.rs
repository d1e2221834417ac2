//! Who may come in.
//!
//! [`authenticate`] checks a proof against the [`directory`], which holds every
//! app with its live secrets in memory, and finds or makes the user through
//! [`known`], a bounded cache. [`watch`] follows the store: whatever changes
//! who is let in raises the control version there, by this process or another,
//! and a new directory is loaded and live connections that lost their right
//! are cut within a second.

mod authenticate;
mod directory;
mod known;
mod session;
mod watch;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use mayday_core::clock::Entropy;
use mayday_core::identity::{AppId, AppPolicy, Caller};
use mayday_core::ids::AppUuid;
use mayday_core::limiter::{DEFAULT_FAILURES_PER_MINUTE, FailureLimiter};
use mayday_core::sso::pin::HashCost;
use mayday_store::{Store, StoreError};
use tokio::sync::Semaphore;

use crate::brokers::BrokerScope;
use crate::sso::{BAN_FAILURES, BAN_WINDOW};
use crate::{App, AppError};
use directory::Directory;
pub(crate) use directory::SsoApp;
use known::KnownUsers;
pub use session::Urgency;

/// How many notes that a user was seen may wait for the store at once; more
/// are left to the user's next contact.
const TOUCHES_IN_FLIGHT: usize = 256;

/// What can be set about identities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdentitySettings {
    /// Failed validations per minute, per address and per app and user, that
    /// get a plain 401; those beyond get a 429.
    pub failures_per_minute: u32,
    /// What the hash of a PIN costs.
    pub pin_hash: HashCost,
}

impl Default for IdentitySettings {
    fn default() -> Self {
        Self {
            failures_per_minute: DEFAULT_FAILURES_PER_MINUTE,
            pin_hash: HashCost::default(),
        }
    }
}

/// What [`App`] needs to say who may come in.
pub(crate) struct Identity {
    directory: Directory,
    known: KnownUsers,
    pub(crate) limiter: FailureLimiter,
    /// Failed log-ins, for longer than the limiter remembers them.
    pub(crate) suspects: FailureLimiter,
    touches: Arc<Semaphore>,
    /// The directory cannot be read for want of a master key that another node has
    /// begun to use.
    pub(crate) keyless: AtomicBool,
}

impl Identity {
    /// Loads the directory.
    pub(crate) async fn load(
        store: &Store,
        settings: IdentitySettings,
        entropy: &dyn Entropy,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            directory: Directory::load(store).await?,
            known: KnownUsers::default(),
            limiter: FailureLimiter::new(settings.failures_per_minute, entropy),
            suspects: FailureLimiter::with_window(BAN_FAILURES, BAN_WINDOW, entropy),
            touches: Arc::new(Semaphore::new(TOUCHES_IN_FLIGHT)),
            keyless: AtomicBool::new(false),
        })
    }
}

impl Identity {
    /// The internal id of an app that is known and active.
    pub(crate) fn active_app(&self, app_id: &AppId) -> Option<AppUuid> {
        self.directory.current().active(app_id)
    }

    /// An app by its public id, whether it is active, and how its users log in
    /// with its tokens; `None` when they do not.
    pub(crate) fn sso_app(&self, app_id: &AppId) -> Option<(AppUuid, bool, Arc<SsoApp>)> {
        let directory = self.directory.current();
        let (entry, sso) = directory.sso(app_id)?;
        Some((entry.id, entry.active, sso))
    }

    /// What the live key of a broker with this digest was made for.
    pub(crate) fn broker_key(&self, digest: &str) -> Option<BrokerScope> {
        self.directory.current().broker_key(digest)
    }
}

impl App {
    /// The app's policy; the strictest one for an app that is not known.
    pub fn policy(&self, app: AppUuid) -> AppPolicy {
        self.identity.directory.current().policy(app)
    }
}

/// Refuses a proof that is genuine but stale: it calls for help, and reads and
/// changes nothing else.
pub(crate) fn require_full(caller: &Caller) -> Result<(), AppError> {
    if caller.is_full() {
        Ok(())
    } else {
        Err(AppError::stale(caller))
    }
}

#[cfg(test)]
mod tests;
