//! Marks sessions that have ended by themselves, and lets go of what is left of old
//! ones.

use mayday_core::sso::EndReason;
use mayday_store::Lane;
use mayday_store::sessions::{self, PruneSessions, Which};

use crate::{App, AppError};

impl App {
    /// One round. Answers how many rows went. While the time is doubted nothing
    /// happens for its age.
    pub async fn sweep_sessions(&self) -> Result<u64, AppError> {
        if self.doubts_ages() {
            return Ok(0);
        }
        let overdue = {
            let mut tx = self.store.read().await?;
            sessions::overdue(&mut tx).await?
        };
        for user in overdue {
            self.end_sessions(user, Which::Overdue, EndReason::Expired)
                .await?;
        }
        let mut gone = 0;
        loop {
            let step = self.store.write(Lane::Rest, PruneSessions).await?;
            if step == 0 {
                return Ok(gone);
            }
            gone += step;
        }
    }
}
