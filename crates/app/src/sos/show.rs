//! Shows the caller's open incident.

use mayday_core::identity::Caller;
use mayday_core::sos::Incident;

use crate::{App, AppError};

impl App {
    /// The caller's open incident with the newest known position, or `None`.
    /// A stale proof may read it too.
    pub async fn current_sos(&self, caller: &Caller) -> Result<Option<Incident>, AppError> {
        let _ = caller;
        Err(AppError::Internal {
            source: "the store is not connected".into(),
        })
    }
}
