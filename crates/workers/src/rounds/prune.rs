//! Lets go of data that is older than it is kept.

use mayday_app::{App, AppError};

pub(super) async fn run(app: &App) -> Result<(), AppError> {
    let telemetry = app.prune_telemetry().await?;
    let triggers = app.forget_old_triggers().await?;
    if telemetry > 0 || triggers > 0 {
        tracing::info!(telemetry, triggers, "old data was removed");
    }
    Ok(())
}
