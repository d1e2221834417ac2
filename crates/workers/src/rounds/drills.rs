//! Ends drills that have shown what they can.

use mayday_app::{App, AppError};

pub(super) async fn run(app: &App) -> Result<(), AppError> {
    let ended = app.end_finished_drills().await?;
    if ended > 0 {
        tracing::info!(drills = ended, "drills are over");
    }
    Ok(())
}
