//! Copies the telemetry of an ended incident to it, so that retention does not
//! eat history (contract: Telemetry and devices).

use mayday_core::ids::IncidentId;
use mayday_store::Lane;
use mayday_store::incidents::{self, StoreTrail};

use crate::{App, AppError};

impl App {
    /// Copies the trail of an ended incident, once; the job `trail_copy`. An
    /// incident that is open or already has its copy is left alone.
    pub async fn copy_trail(&self, incident: IncidentId) -> Result<(), AppError> {
        let mut tx = self.store.read().await?;
        let found = incidents::get(&mut tx, incident).await?;
        let copied = incidents::stored_trail(&mut tx, incident).await?.is_some();
        drop(tx);
        if copied || found.is_none_or(|found| found.state.is_open()) {
            return Ok(());
        }
        let points = self.telemetry_trail(incident).await?;
        let command = StoreTrail { incident, points };
        self.store.write(Lane::Job, command).await?;
        Ok(())
    }
}
