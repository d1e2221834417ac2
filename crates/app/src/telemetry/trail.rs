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

    /// The samples of an ended incident's time that did not join it when they
    /// came: they came late. At most its first and last 5 000; none while it is
    /// open.
    pub(crate) async fn late_trail(
        &self,
        incident: &Incident,
    ) -> Result<Vec<TrailPoint>, AppError> {
        let Some(span) = incident.phone_span() else {
            return Ok(Vec::new());
        };
        let wanted = Strays {
            user: incident.user,
            incident: incident.id,
            span,
        };
        let positions = self.telemetry.strays(&wanted).await?;
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
