//! The telemetry of an incident as it lies in the telemetry store.

use mayday_core::ids::IncidentId;
use mayday_core::sos::{Incident, TrailSample};
use mayday_store::telemetry::Strays;

use crate::{App, AppError};

impl App {
    /// Where the owner of an incident was while it was open, oldest first: all
    /// samples that were received in that time, or the first and last 5 000.
    /// Of an incident that ended long ago the copy in the state store is left.
    pub async fn trail(&self, incident: IncidentId) -> Result<Vec<TrailSample>, AppError> {
        Ok(self.telemetry.trail(incident).await?)
    }

    /// The samples of an ended incident as they are now, of the days of those that
    /// were `copied`: a resend is found among them.
    pub(crate) async fn sent_again(
        &self,
        incident: IncidentId,
        copied: &[TrailSample],
    ) -> Result<Vec<TrailSample>, AppError> {
        let (Some((first, _)), Some((last, _))) = (copied.first(), copied.last()) else {
            return Ok(Vec::new());
        };
        let span = first.time..=last.time;
        Ok(self.telemetry.trail_within(incident, span).await?)
    }

    /// The samples of an incident's time that did not join it when they came: they
    /// came late, or while it was being opened. At most its first and last 5 000.
    pub(crate) async fn late_trail(
        &self,
        incident: &Incident,
    ) -> Result<Vec<TrailSample>, AppError> {
        let wanted = Strays {
            user: incident.user,
            incident: incident.id,
            span: incident.phone_span(self.clock.now()),
        };
        let mut samples = self.telemetry.strays(&wanted).await?;
        if incident.state.is_open() {
            // Where its owner was before must not look like where its owner went.
            samples.retain(|(_, position)| position.received_at >= incident.created_at);
        }
        Ok(samples)
    }
}
