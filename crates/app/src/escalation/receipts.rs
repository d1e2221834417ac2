//! The receipt ladder: how far the cry for help got, per contact and channel.

use mayday_core::escalation::Ladder;
use mayday_core::sos::Incident;
use mayday_store::escalation::ladder;

use crate::{App, AppError};

impl App {
    /// How far the cry for help got: stored, queued, accepted, delivered, opened,
    /// acknowledged, each with its time.
    pub async fn receipts(&self, incident: &Incident) -> Result<Ladder, AppError> {
        let mut tx = self.store.read().await?;
        Ok(ladder(&mut tx, incident).await?)
    }
}
