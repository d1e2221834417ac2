//! Closes the caller's incident as handled (contract: SOS, Resolve).

use mayday_core::identity::Caller;
use mayday_core::sos::Incident;
use mayday_store::Lane;
use mayday_store::incidents::ResolveSos;

use crate::identity::require_full;

use crate::{App, AppError};

impl App {
    /// Resolves the caller's open incident; `None` when nothing was open.
    pub async fn resolve_sos(&self, caller: &Caller) -> Result<Option<Incident>, AppError> {
        require_full(caller)?;
        let command = ResolveSos { user: caller.user };
        let Some(incident) = self.store.write(Lane::Sos, command).await? else {
            return Ok(None);
        };
        self.metrics.sos_ended("resolved");
        Ok(Some(*self.with_newest_position(Box::new(incident)).await))
    }
}
