//! Where a user was between two times.

use mayday_core::ids::UserId;
use mayday_core::telemetry::Sample;
use mayday_core::time::Timestamp;

use crate::{App, AppError};

/// Samples that one call returns at most.
const MAX_SAMPLES: usize = 10_000;

impl App {
    /// A user's samples from `from` to `to`, both included, oldest first; at
    /// most `limit`, and never more than 10 000.
    pub async fn telemetry_range(
        &self,
        user: UserId,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Sample>, AppError> {
        let limit = limit.min(MAX_SAMPLES);
        Ok(self.telemetry.range(user, from, to, limit).await?)
    }
}
