//! A contact says by phone that they help.

use mayday_store::escalation::{AcknowledgeOutcome, AttemptRow, By, Means, is_still_asked};

use crate::{App, AppError};

/// What somebody's answer is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// They help.
    Helps,
    /// It is over.
    Over,
    /// The person in distress lists them no more, or not with that number.
    NotListed,
}

impl App {
    /// Acknowledges in the name of whom an attempt went to.
    pub(super) async fn contact_helps(
        &self,
        asked: &AttemptRow,
        means: Means,
    ) -> Result<Worth, AppError> {
        let mut tx = self.store.read().await?;
        let counts = is_still_asked(&mut tx, asked).await?;
        drop(tx);
        if !counts {
            return Ok(Worth::NotListed);
        }
        let by = By::Contact(asked.attempt.key.contact, means);
        let said = self.acknowledge(asked.incident, by, None).await?;
        Ok(match said {
            AcknowledgeOutcome::Now(_) | AcknowledgeOutcome::Again(_) => Worth::Helps,
            AcknowledgeOutcome::Ended | AcknowledgeOutcome::Unknown => Worth::Over,
        })
    }
}
