//! Closes the caller's incident as handled (contract: SOS, Resolve).

use mayday_core::identity::Caller;
use mayday_core::sos::Incident;

use crate::{App, AppError};

impl App {
    /// Resolves the caller's open incident; `None` when nothing was open.
    pub async fn resolve_sos(&self, caller: &Caller) -> Result<Option<Incident>, AppError> {
        let _ = caller;
        Err(AppError::Internal {
            source: "the store is not connected".into(),
        })
    }
}
