//! Starts a drill of the caller.

use mayday_core::identity::Caller;
use mayday_store::Lane;
use mayday_store::drills::{DrillStart, StartDrill};

use super::DrillReport;
use crate::identity::require_full;
use crate::{App, AppError};

impl App {
    /// Starts a drill, or answers the one that runs. Conflict while a real SOS is
    /// open; rate-limited when there were too many lately.
    pub async fn start_drill(&self, caller: &Caller) -> Result<DrillReport, AppError> {
        require_full(caller)?;
        let start = StartDrill {
            app: caller.app,
            user: caller.user,
            last_known: self.newest_position(caller.user).await,
        };
        let drill = match self.store.write(Lane::Rest, start).await? {
            DrillStart::Started(drill) => {
                tracing::info!(user.id = %caller.user, incident.id = %drill.incident, "a drill begins");
                drill
            }
            DrillStart::Running(drill) => drill,
            DrillStart::SosIsOpen => {
                return Err(AppError::Conflict {
                    message: "an SOS is open: there is no drill beside it".to_owned(),
                });
            }
            DrillStart::TooMany(until) => {
                let retry_after = until.since(self.clock.now());
                return Err(AppError::RateLimited { retry_after });
            }
        };
        self.report_of(drill).await
    }
}
