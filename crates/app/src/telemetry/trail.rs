//! The telemetry of an incident as it lies in the telemetry store.

use mayday_core::ids::IncidentId;
use mayday_core::sos::TrailPoint;

use crate::{App, AppError};

impl App {
    /// Where the owner of an incident was while it was open, oldest first: all
    /// samples that were received in that time, or the first and last 5 000.
    /// Of an incident that ended long ago the copy in the state store is left.
    pub async fn trail(&self, incident: IncidentId) -> Result<Vec<TrailPoint>, AppError> {
        let positions = self.telemetry.trail(incident).await?;
        let point = |position: mayday_core::telemetry::Position| TrailPoint {
            occurred_at: position.time,
            latitude: position.latitude,
            longitude: position.longitude,
            altitude: position.altitude,
        };
        Ok(positions.into_iter().map(point).collect())
    }
}
