//! Moves samples from the spill table to where they belong.

use mayday_store::telemetry::Moved;

use crate::{App, AppError};

impl App {
    /// Moves some spilled samples; call again while there are more.
    pub async fn move_spilled_telemetry(&self) -> Result<Moved, AppError> {
        Ok(self.telemetry.move_spilled().await?)
    }
}
