//! A contact says by phone that they help.

use mayday_store::escalation::{AcknowledgeOutcome, AttemptRow, By, Means};

use crate::{App, AppError};

impl App {
    /// Acknowledges in the name of whom an attempt went to; `false` when it is over.
    pub(super) async fn contact_helps(
        &self,
        asked: &AttemptRow,
        means: Means,
    ) -> Result<bool, AppError> {
        let by = By::Contact(asked.attempt.key.contact, means);
        let said = self.acknowledge(asked.incident, by, None).await?;
        Ok(matches!(
            said,
            AcknowledgeOutcome::Now(_) | AcknowledgeOutcome::Again(_)
        ))
    }
}
