//! Moves spilled telemetry to where it belongs.

use mayday_app::{App, AppError};

/// Steps per round at most, so that a shutdown never waits for long.
const MAX_STEPS: usize = 20;

pub(super) async fn run(app: &App) -> Result<(), AppError> {
    for _ in 0..MAX_STEPS {
        let moved = app.move_spilled_telemetry().await?;
        if moved.rows > 0 {
            tracing::info!(rows = moved.rows, "spilled telemetry was moved");
        }
        if !moved.more {
            break;
        }
    }
    Ok(())
}
