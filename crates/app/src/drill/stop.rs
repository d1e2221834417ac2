//! Stops the caller's drill.

use mayday_core::drill::DrillEnd;
use mayday_core::identity::Caller;
use mayday_store::Lane;
use mayday_store::drills::EndDrill;

use crate::identity::require_full;
use crate::{App, AppError};

impl App {
    /// Stops the drill that the caller runs; nothing happens when none runs.
    /// Whoever was told hears that it is over.
    pub async fn stop_drill(&self, caller: &Caller) -> Result<(), AppError> {
        require_full(caller)?;
        let end = EndDrill {
            user: caller.user,
            only: None,
            because: DrillEnd::Stopped,
        };
        self.store.write(Lane::Rest, end).await?;
        Ok(())
    }
}
