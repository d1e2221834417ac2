//! Signs a link to a release's bytes, good for a quarter of an hour.

use mayday_core::firmware::link;
use mayday_core::identity::Caller;
use mayday_core::ids::RecordId;
use mayday_store::firmware::{self, FirmwareState};

use crate::identity::require_full;
use crate::{App, AppError};

/// What makes up a link; the transport knows under which address it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirmwareLink {
    /// The release.
    pub release: RecordId,
    /// When it ends, in unix seconds.
    pub expiry: i64,
    /// Lower-case hex.
    pub signature: String,
    /// Of the bytes, in lower-case hex.
    pub sha256: String,
    /// How long it is good for.
    pub expires_in_seconds: u64,
}

impl App {
    /// A link to a published release of the caller's app.
    pub async fn firmware_link(
        &self,
        caller: &Caller,
        release: RecordId,
    ) -> Result<FirmwareLink, AppError> {
        require_full(caller)?;
        let (found, key) = {
            let mut tx = self.store.read().await?;
            let found = firmware::get(&mut tx, release).await?;
            (found, tx.purpose_key(link::PURPOSE).await?)
        };
        let row = found
            .filter(|row| row.app == caller.app && row.state == FirmwareState::Published)
            .ok_or(AppError::NotFound {
                what: "firmware release",
            })?;
        let expires_at = self.clock.now().plus(link::LIFETIME);
        let (signature, expiry) = link::sign(&key, release, expires_at);
        Ok(FirmwareLink {
            release,
            expiry,
            signature,
            sha256: row.sha256,
            expires_in_seconds: link::LIFETIME.as_secs(),
        })
    }
}
