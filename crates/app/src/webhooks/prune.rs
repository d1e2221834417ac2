//! Lets go of the log of deliveries after its time.

use mayday_store::Lane;
use mayday_store::webhooks::{MAX_ENDED, MAX_PENDING, PruneDeliveries};

use crate::{App, AppError};

impl App {
    /// Removes what the log keeps no longer; returns how many rows. In the lane that
    /// a full disk does not close: this frees space.
    pub async fn prune_deliveries(&self) -> Result<u64, AppError> {
        if self.doubts_ages() {
            return Ok(0);
        }
        let mut gone = 0;
        loop {
            let prune = PruneDeliveries {
                max_ended: MAX_ENDED,
                max_pending: MAX_PENDING,
            };
            match self.store.write(Lane::Job, prune).await? {
                0 => return Ok(gone),
                some => gone += some,
            }
        }
    }
}
