//! A contact says that they cannot help.

use mayday_core::ids::{ContactId, IncidentId};
use mayday_store::Lane;
use mayday_store::escalation::{Decline, DeclineOutcome};

use crate::{App, AppError};

impl App {
    /// Records that a contact cannot help: it is the next one's turn at once.
    pub async fn decline(
        &self,
        incident: IncidentId,
        contact: ContactId,
    ) -> Result<DeclineOutcome, AppError> {
        let said = Decline { incident, contact };
        Ok(self.store.write(Lane::Sos, said).await?)
    }
}
