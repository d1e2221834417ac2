//! Whether a page that is open would look different now: asked every few seconds
//! for each open page, so it reads little.

use std::net::IpAddr;

use mayday_core::ids::IncidentId;
use mayday_core::time::Timestamp;
use mayday_store::escalation::decline;

use crate::{App, AppError};

/// Changes when what a link shows does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrackingPulse {
    /// A link may lead on to another.
    incident: IncidentId,
    /// Raised by every event of the incident: messages that moved, answers, the end.
    version: i64,
    /// The newest position's time.
    position_at: Option<Timestamp>,
    /// "I cannot help" is no event.
    declines: usize,
}

impl App {
    /// The pulse of a link. Errors as [`App::tracking`]; a link that dies is
    /// `NotFound` from then on.
    pub async fn tracking_pulse(
        &self,
        token: &str,
        peer: IpAddr,
    ) -> Result<TrackingPulse, AppError> {
        let link = self.link(token, peer).await?;
        let incident = link.incident;
        let position_at = if incident.state.is_open() {
            let newest = self.newest_position(incident.user).await;
            newest.map(|position| position.time)
        } else {
            None
        };
        let mut tx = self.store.read().await?;
        let declines = decline::of_incident(&mut tx, incident.id).await?.len();
        Ok(TrackingPulse {
            incident: incident.id,
            version: incident.snapshot_version,
            position_at,
            declines,
        })
    }
}
