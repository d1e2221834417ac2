//! Lets go of mails that ended long ago.

use mayday_store::Lane;
use mayday_store::system_mails::PruneMails;

use crate::{App, AppError};

impl App {
    /// Removes what the outbox keeps no longer; returns how many rows. In the lane that
    /// a full disk does not close: this frees space.
    pub async fn prune_mails(&self) -> Result<u64, AppError> {
        if self.doubts_ages() {
            return Ok(0);
        }
        let mut gone = 0;
        loop {
            match self.store.write(Lane::Job, PruneMails).await? {
                0 => return Ok(gone),
                some => gone += some,
            }
        }
    }
}
