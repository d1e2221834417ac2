//! The report of the caller's latest drill.

use mayday_core::drill::Drill;
use mayday_core::identity::Caller;
use mayday_store::{drills, incidents};

use super::DrillReport;
use crate::identity::require_full;
use crate::{App, AppError};

impl App {
    /// The caller's latest drill, running or over; `None` before the first.
    pub async fn drill(&self, caller: &Caller) -> Result<Option<DrillReport>, AppError> {
        require_full(caller)?;
        let mut tx = self.store.read_once().await?;
        let latest = drills::latest_of(&mut tx, caller.user).await?;
        drop(tx);
        match latest {
            Some(drill) => Ok(Some(self.report_of(drill).await?)),
            None => Ok(None),
        }
    }

    /// A drill with the incident that it plays.
    pub(super) async fn report_of(&self, drill: Drill) -> Result<DrillReport, AppError> {
        let mut tx = self.store.read_once().await?;
        let incident = incidents::get(&mut tx, drill.incident).await?;
        let incident = incident.ok_or(AppError::NotFound { what: "drill" })?;
        Ok(DrillReport { drill, incident })
    }
}
