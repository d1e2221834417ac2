//! Shows the caller's check-in timer.

use mayday_core::checkin::CheckIn;
use mayday_core::identity::Caller;
use mayday_store::checkins;

use crate::identity::require_full;
use crate::{App, AppError};

impl App {
    /// The caller's timer that runs; `None` when there is none, or when it ran
    /// out and is an SOS now.
    pub async fn check_in(&self, caller: &Caller) -> Result<Option<CheckIn>, AppError> {
        require_full(caller)?;
        let mut tx = self.store.read_once().await?;
        Ok(checkins::of_user(&mut tx, caller.user).await?)
    }
}
