//! Lets go of the samples of apps that keep them for less time than the server.

use mayday_app::{App, AppError};

/// Steps per round at most, so that a shutdown never waits for long.
const MAX_STEPS: usize = 100;

pub(super) async fn run(app: &App) -> Result<(), AppError> {
    let mut rows = 0;
    for _ in 0..MAX_STEPS {
        let step = app.expire_telemetry().await?;
        rows += step.rows;
        if !step.more {
            break;
        }
    }
    if rows > 0 {
        tracing::info!(
            rows,
            "samples were let go that their app keeps for a shorter time"
        );
    }
    Ok(())
}
