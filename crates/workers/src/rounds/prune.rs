//! Lets go of data that is older than it is kept.

use mayday_app::{App, AppError};

pub(super) async fn run(app: &App) -> Result<(), AppError> {
    let gone = app.prune_telemetry().await?;
    if gone > 0 {
        tracing::info!(gone, "old telemetry was removed");
    }
    Ok(())
}
