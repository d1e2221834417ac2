//! Tells of phones in distress that are silent, speak again or run out of battery.

use mayday_app::{App, AppError};

pub(super) async fn run(app: &App) -> Result<(), AppError> {
    app.listen_to_phones().await?;
    Ok(())
}
