//! Erases a user's samples, wherever they lie.

use mayday_core::ids::UserId;

use super::{Engine, Telemetry, TelemetryError};

impl Telemetry {
    /// Deletes all samples of a user and the newest position, in steps that let
    /// the writer work in between; returns how many rows went. What is spilled
    /// lies in the state store and is deleted there. A sample that is written
    /// meanwhile may stay: call it again when nothing can come any more.
    pub async fn erase(&self, user: UserId) -> Result<u64, TelemetryError> {
        if !self.settled(user).await {
            return Err(TelemetryError::Busy);
        }
        let inner = &self.0;
        let rows = match &inner.engine {
            Engine::Sqlite(files) => files.erase(user).await?,
            Engine::Postgres(tables) => tables.erase(user).await?,
        };
        inner.latest.forget(user);
        Ok(rows)
    }
}
