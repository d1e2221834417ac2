//! Ends drills that have run for too long.

use mayday_app::{App, AppError};

pub(super) async fn run(app: &App) -> Result<(), AppError> {
    let ended = app.end_long_drills().await?;
    if ended > 0 {
        tracing::info!(drills = ended, "drills were ended for their length");
    }
    Ok(())
}
