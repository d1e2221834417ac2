//! Copies the trail of an ended incident to it, so that retention of telemetry
//! does not eat history (contract: Telemetry).
//!
//! Twice: soon after the end, and once more shortly before telemetry lets go of
//! the first of it, with the samples that came late. In between, whoever reads the
//! history finds those in telemetry itself.

use std::time::Duration;

use mayday_core::ids::{IncidentId, UserId};
use mayday_core::sos::Incident;
use mayday_core::time::Timestamp;
use mayday_store::incidents::{self, StoreTrail};
use mayday_store::{Lane, apps};

use crate::{App, AppError};

/// How long before telemetry lets go of its first sample a trail is copied for
/// the last time: time enough for a worker that was down.
const COPIED_BEFORE: Duration = Duration::from_hours(2);

/// A day.
const DAY: Duration = Duration::from_hours(24);

impl App {
    /// Copies the trail of an ended incident as it is now; nothing that was copied
    /// before is lost. Of an incident that is gone there is nothing to copy.
    pub async fn copy_trail(&self, user: UserId, incident: IncidentId) -> Result<(), AppError> {
        // A sample that was accepted while it was open may still be on its way.
        if !self.telemetry.settled(user).await {
            return Err(AppError::Unavailable {
                source: "the telemetry writer is behind".into(),
            });
        }
        let mut tx = self.store.read().await?;
        let found = incidents::get(&mut tx, incident).await?;
        // Its owner was erased meanwhile.
        let Some(ended) = found else { return Ok(()) };
        let days = apps::telemetry_days(&mut tx, ended.app).await?;
        drop(tx);
        let mut samples = self.trail(incident).await?;
        samples.extend(self.late_trail(&ended).await?);
        let store = StoreTrail {
            incident,
            user,
            samples,
            again_at: self.last_copy_at(&ended, days),
        };
        self.store.write(Lane::Job, store).await?;
        Ok(())
    }

    /// When the trail is copied for the last time; `None` when that is past. The app
    /// may keep telemetry for fewer `days` than the server.
    fn last_copy_at(&self, incident: &Incident, days: Option<u32>) -> Option<Timestamp> {
        let servers = self.telemetry.retention_days();
        let days = days.map_or(servers, |days| days.min(servers));
        let kept_until = incident.created_at.plus(DAY * days);
        let last = kept_until.minus(COPIED_BEFORE);
        (last > self.clock.now()).then_some(last)
    }
}
