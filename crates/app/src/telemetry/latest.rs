//! Where a user is.

use mayday_core::ids::UserId;
use mayday_core::telemetry::Position;

use crate::{App, AppError};

impl App {
    /// The newest known position of a user by the phone's clock; a late sample
    /// never takes a newer one's place.
    pub async fn latest_position(&self, user: UserId) -> Result<Option<Position>, AppError> {
        Ok(self.telemetry.latest(user).await?)
    }
}
