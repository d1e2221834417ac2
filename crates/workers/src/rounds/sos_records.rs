//! Lets go of old events, closed alerts and bodies of unattributed SOS.

use mayday_app::{App, AppError};

/// Steps per round at most, so that a shutdown never waits for long.
const MAX_STEPS: usize = 100;

pub(super) async fn run(app: &App) -> Result<(), AppError> {
    let mut rows = 0;
    for _ in 0..MAX_STEPS {
        match app.prune_sos_records().await? {
            0 => break,
            some => rows += some,
        }
    }
    if rows > 0 {
        tracing::info!(rows, "old records about SOS were let go");
    }
    Ok(())
}
