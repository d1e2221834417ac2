//! The telemetry of an incident as it lies in the telemetry store.

use mayday_core::ids::IncidentId;
use mayday_core::sos::{Incident, TrailPoint};
use mayday_core::telemetry::Position;
use mayday_store::telemetry::Strays;

use crate::{App, AppError};

impl App {
    /// Where the owner of an incident was while it was open, oldest first: all
    /// samples that were received in that time, or the first and last 5 000.
    /// Of an incident that ended long ago the copy in the state store is left.
    pub async fn trail(&self, incident: IncidentId) -> Result<Vec<TrailPoint>, AppError> {
        let positions = self.telemetry.trail(incident).await?;
        Ok(positions.into_iter().map(point).collect())
    }

    /// The samples of an incident's time that did not join it when they came: they
    /// came late, or while it was being opened. At most its first and last 5 000.
    pub(crate) async fn late_trail(
        &self,
        incident: &Incident,
    ) -> Result<Vec<TrailPoint>, AppError> {
        let wanted = Strays {
            user: incident.user,
            incident: incident.id,
            span: incident.phone_span(self.clock.now()),
        };
        let mut positions = self.telemetry.strays(&wanted).await?;
        if incident.state.is_open() {
            // Where its owner was before must not look like where its owner went.
            positions.retain(|position| position.received_at >= incident.created_at);
        }
        Ok(positions.into_iter().map(point).collect())
    }
}

fn point(position: Position) -> TrailPoint {
    TrailPoint {
        occurred_at: position.time,
        latitude: position.latitude,
        longitude: position.longitude,
        altitude: position.altitude,
    }
}
