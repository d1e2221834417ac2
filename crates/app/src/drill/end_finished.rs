//! Ends drills that have shown what they can.

use mayday_store::{Lane, drills};

use crate::{App, AppError};

/// Drills looked at in one read.
const BATCH: u32 = 200;

impl App {
    /// Ends drills that were acknowledged, exhausted or are too long. Returns how
    /// many.
    pub async fn end_finished_drills(&self) -> Result<u64, AppError> {
        let (mut after, mut ended) = (None, 0);
        loop {
            let mut tx = self.store.read().await?;
            let (over, last) = drills::over(&mut tx, after, BATCH).await?;
            drop(tx);
            for end in over {
                ended += u64::from(self.store.write(Lane::Job, end).await?);
            }
            if last.is_none() {
                return Ok(ended);
            }
            after = last;
        }
    }
}
