//! Erases a user's rows from the telemetry tables.

use std::time::Duration;

use mayday_core::ids::UserId;
use tokio::time::{Instant, timeout};

use super::PostgresTables;
use crate::telemetry::{Swept, TelemetryError};

/// Rows that one statement deletes, so that none runs for long.
const ERASE_ROWS: i64 = 10_000;
/// How long a batch that is being written is waited for.
const COMMIT_LIMIT: Duration = Duration::from_secs(5);

pub(super) const ERASE: &str = "DELETE FROM telemetry
WHERE (user_id, measured_at, device, event_id) IN
  (SELECT user_id, measured_at, device, event_id FROM telemetry WHERE user_id = $1 LIMIT $2)";
pub(super) const ERASE_LATEST: &str = "DELETE FROM telemetry_latest WHERE user_id = $1";

impl PostgresTables {
    /// See [`crate::telemetry::Telemetry::erase`].
    pub(in crate::telemetry) async fn erase(
        &self,
        user: UserId,
        until: Instant,
    ) -> Result<Swept, TelemetryError> {
        // A batch that is being written now may hold some that are known from elsewhere.
        let committed = timeout(COMMIT_LIMIT, self.commits.write()).await;
        drop(committed.map_err(|_| TelemetryError::Busy)?);
        let mut rows = 0;
        loop {
            let gone = sqlx::query(ERASE)
                .bind(user.uuid())
                .bind(ERASE_ROWS)
                .execute(&self.pool)
                .await
                .map_err(|error| TelemetryError::write(&error))?
                .rows_affected();
            rows += gone;
            if gone == 0 {
                break;
            }
            if Instant::now() >= until {
                return Ok(Swept { rows, all: false });
            }
        }
        sqlx::query(ERASE_LATEST)
            .bind(user.uuid())
            .execute(&self.pool)
            .await
            .map_err(|error| TelemetryError::write(&error))?;
        Ok(Swept { rows, all: true })
    }
}
