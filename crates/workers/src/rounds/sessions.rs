//! Ends sessions that nobody used for too long, or that are as old as they may become.

use mayday_app::{App, AppError};

pub(super) async fn run(app: &App) -> Result<(), AppError> {
    app.end_overdue_sessions().await.map(drop)
}
