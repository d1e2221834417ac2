//! Hands a device the key of its radio network (contract: HTTP conventions,
//! `/v1/sdk/network/psk`).

use mayday_core::identity::Caller;
use mayday_core::network_key::{KeyScope, NetworkKey};
use mayday_store::network_keys;

use crate::identity::require_full;
use crate::{App, AppError};

/// How often a user may ask in a minute: a phone asks once for each device that
/// it provisions. One that asks more often than this is not provisioning.
const ASKED_PER_MINUTE: u32 = 10;

impl App {
    /// The key of the caller's app, else the global one.
    /// [`AppError::NotFound`] when there is neither.
    pub async fn network_key(&self, caller: &Caller) -> Result<(NetworkKey, KeyScope), AppError> {
        require_full(caller)?;
        let now = self.clock.now();
        let limiter = &self.identity.limiter;
        let wait = limiter.requested("network/psk", caller.user, ASKED_PER_MINUTE, now);
        if let Some(retry_after) = wait {
            return Err(AppError::RateLimited { retry_after });
        }
        let mut tx = self.store.read().await?;
        let found = network_keys::effective(&mut tx, caller.app).await?;
        found.ok_or(AppError::NotFound {
            what: "network key",
        })
    }
}
