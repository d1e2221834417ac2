//! Erases a user's samples, wherever they lie.

use mayday_core::ids::UserId;
use tokio::time::Instant;

use super::{Engine, Telemetry, TelemetryError};

/// How far erasing came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swept {
    /// Rows that went.
    pub rows: u64,
    /// All that was there is gone; otherwise time was up.
    pub all: bool,
}

impl Telemetry {
    /// Deletes all samples of a user and the newest position, in steps that let
    /// the writer work in between, until time is up. What is spilled
    /// lies in the state store and is deleted there. A sample that is written
    /// meanwhile may stay: call it again when nothing can come any more.
    pub async fn erase(&self, user: UserId, until: Instant) -> Result<Swept, TelemetryError> {
        if !self.settled(user).await {
            return Err(TelemetryError::Busy);
        }
        let inner = &self.0;
        let swept = match &inner.engine {
            Engine::Sqlite(files) => files.erase(user, until).await?,
            Engine::Postgres(tables) => tables.erase(user, until).await?,
        };
        inner.latest.forget(user);
        Ok(swept)
    }
}
