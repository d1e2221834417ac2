//! Copies the trail of an ended incident to it, so that retention of telemetry
//! does not eat history (contract: Telemetry).

use mayday_core::ids::{IncidentId, UserId};
use mayday_store::Lane;
use mayday_store::incidents::StoreTrail;

use crate::{App, AppError};

impl App {
    /// Copies the trail of an ended incident once; repeating it changes nothing.
    pub async fn copy_trail(&self, user: UserId, incident: IncidentId) -> Result<(), AppError> {
        // A sample that was accepted while it was open may still be on its way.
        if !self.telemetry.settled(user).await {
            return Err(AppError::Unavailable {
                source: "the telemetry writer is behind".into(),
            });
        }
        let points = self.trail(incident).await?;
        let store = StoreTrail { incident, points };
        self.store.write(Lane::Job, store).await?;
        Ok(())
    }
}
