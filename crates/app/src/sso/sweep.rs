//! Marks sessions that have ended by themselves, and lets go of what is left of old
//! ones.

use mayday_core::sso::EndReason;
use mayday_store::Lane;
use mayday_store::sessions::{self, PruneSessions, Which};

use crate::{App, AppError};

impl App {
    /// Ends what has ended by itself: its partner is told and its connections are cut,
    /// on every node. Answers how many sessions that were. While the time is doubted
    /// nothing happens for its age; their tokens are refused nevertheless.
    pub async fn end_overdue_sessions(&self) -> Result<usize, AppError> {
        if self.doubts_ages() {
            return Ok(0);
        }
        let mut ended = 0;
        loop {
            let overdue = {
                let mut tx = self.store.read().await?;
                sessions::overdue(&mut tx).await?
            };
            let before = ended;
            for user in overdue {
                let reason = EndReason::Expired;
                ended += self.end_sessions(user, Which::Overdue, reason).await?.len();
            }
            if ended == before {
                return Ok(ended);
            }
        }
    }

    /// Lets go of what is left of old sessions. Answers how many rows went. While the
    /// time is doubted nothing happens for its age.
    pub async fn prune_sessions(&self) -> Result<u64, AppError> {
        if self.doubts_ages() {
            return Ok(0);
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
