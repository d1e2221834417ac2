//! Shows the caller's open incident.

use mayday_core::identity::Caller;
use mayday_core::ids::UserId;
use mayday_core::sos::Incident;
use mayday_core::telemetry::Position;
use mayday_store::incidents;

use crate::{App, AppError};

impl App {
    /// The caller's open incident with the newest known position, or `None`.
    /// A stale proof may read it too.
    pub async fn current_sos(&self, caller: &Caller) -> Result<Option<Incident>, AppError> {
        let mut tx = self.store.read().await?;
        let open = incidents::open_of(&mut tx, caller.user).await?;
        drop(tx);
        let Some(incident) = open else {
            return Ok(None);
        };
        Ok(Some(*self.with_newest_position(Box::new(incident)).await))
    }

    /// An incident with the position that telemetry has brought since it was
    /// opened.
    pub(crate) async fn with_newest_position(&self, mut incident: Box<Incident>) -> Box<Incident> {
        if let Some(newest) = self.newest_position(incident.user).await {
            incident.show_latest(&newest);
        }
        incident
    }

    /// Where a user was last. Telemetry that cannot be read hides no incident.
    pub(crate) async fn newest_position(&self, user: UserId) -> Option<Position> {
        self.latest_position(user).await.unwrap_or_else(|error| {
            tracing::warn!(user.id = %user, %error, "the newest position cannot be read");
            None
        })
    }
}
