//! Lets go of telemetry that is older than it is kept.

use std::time::Duration;

use mayday_store::Lane;
use mayday_store::dead_letters::PruneDeadLetters;

use crate::{App, AppError};

/// How long a dead letter is kept.
const DEAD_LETTERS_KEPT: Duration = Duration::from_hours(24 * 30);

impl App {
    /// Removes samples and dead letters that are older than they are kept;
    /// returns how many files or rows went.
    pub async fn prune_telemetry(&self) -> Result<usize, AppError> {
        let gone = self.telemetry.prune().await?;
        let before = self.clock.now().minus(DEAD_LETTERS_KEPT);
        let letters = self
            .store
            .write(Lane::Rest, PruneDeadLetters { before })
            .await?;
        Ok(gone + usize::try_from(letters).unwrap_or(usize::MAX))
    }
}
