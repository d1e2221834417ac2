//! Ends drills that nobody answered or stopped, and that still ask people.

use mayday_store::{Lane, drills};

use crate::{App, AppError};

/// Drills ended at a time; the others have their turn next time.
const BATCH: u32 = 200;

impl App {
    /// Ends drills that have run for too long. Returns how many.
    pub async fn end_long_drills(&self) -> Result<u64, AppError> {
        let mut tx = self.store.read().await?;
        let found = drills::too_long(&mut tx, BATCH).await?;
        drop(tx);
        let mut ended = 0;
        for end in found {
            ended += u64::from(self.store.write(Lane::Job, end).await?);
        }
        Ok(ended)
    }
}
