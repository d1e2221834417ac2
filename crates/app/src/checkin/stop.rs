//! Stops the caller's check-in timer.

use mayday_core::identity::Caller;
use mayday_store::Lane;
use mayday_store::checkins::StopCheckIn;

use crate::identity::require_full;
use crate::{App, AppError};

impl App {
    /// Stops the caller's timer; nothing happens when none runs. An SOS that it
    /// has become already goes on until it is cancelled or resolved.
    pub async fn stop_check_in(&self, caller: &Caller) -> Result<(), AppError> {
        require_full(caller)?;
        let stop = StopCheckIn { user: caller.user };
        self.store.write(Lane::Rest, stop).await?;
        Ok(())
    }
}
