//! Lets go of telemetry that is older than it is kept.

use std::time::Duration;

use mayday_store::Lane;
use mayday_store::dead_letters::PruneDeadLetters;
use mayday_store::telemetry::Expired;

use crate::{App, AppError};

/// How long a dead letter is kept.
const DEAD_LETTERS_KEPT: Duration = Duration::from_hours(24 * 30);

impl App {
    /// Removes samples that are older than they are kept; returns how many files
    /// or rows went.
    pub async fn prune_telemetry(&self) -> Result<usize, AppError> {
        if self.doubts_ages() {
            return Ok(0);
        }
        Ok(self.telemetry.prune().await?)
    }

    /// One step of removing the samples of apps that keep them for less time than
    /// the server.
    pub async fn expire_telemetry(&self) -> Result<Expired, AppError> {
        if self.doubts_ages() {
            let (rows, more) = (0, false);
            return Ok(Expired { rows, more });
        }
        Ok(self.telemetry.expire().await?)
    }

    /// Removes dead letters that are older than they are kept; returns how many.
    /// In the lane that a full disk does not close: this frees space.
    pub async fn prune_dead_letters(&self) -> Result<u64, AppError> {
        if self.doubts_ages() {
            return Ok(0);
        }
        let before = self.clock.now().minus(DEAD_LETTERS_KEPT);
        let mut gone = 0;
        loop {
            let prune = PruneDeadLetters { before };
            match self.store.write(Lane::Job, prune).await? {
                0 => return Ok(gone),
                some => gone += some,
            }
        }
    }
}
