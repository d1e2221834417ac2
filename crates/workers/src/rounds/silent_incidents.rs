//! Raises open incidents without a sign of life to operators (contract: SOS,
//! "a second cry is heard").

use mayday_app::{App, AppError};

pub(super) async fn run(app: &App) -> Result<(), AppError> {
    let raised = app.raise_silent_incidents().await?;
    if raised > 0 {
        tracing::warn!(incidents = raised, "open incidents have gone silent");
    }
    Ok(())
}
