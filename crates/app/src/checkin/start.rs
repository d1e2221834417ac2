//! Starts the caller's check-in timer.

use mayday_core::checkin::{CheckIn, CheckInDraft};
use mayday_core::identity::Caller;
use mayday_store::Lane;
use mayday_store::checkins::StartCheckIn;

use crate::identity::require_full;
use crate::{App, AppError};

impl App {
    /// Starts the caller's timer, or starts it anew: the answer is the one that
    /// runs now. 400 for a faulty field.
    pub async fn start_check_in(
        &self,
        caller: &Caller,
        draft: CheckInDraft,
    ) -> Result<CheckIn, AppError> {
        require_full(caller)?;
        let start = StartCheckIn {
            app: caller.app,
            user: caller.user,
            wanted: draft.check().map_err(AppError::fields)?,
        };
        Ok(self.store.write(Lane::Rest, start).await?)
    }
}
