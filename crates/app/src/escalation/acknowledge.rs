//! Somebody says that they help: on the tracking page, by a digit, by SMS, or an
//! operator in the console. One way for all of them.

use mayday_core::ids::IncidentId;
use mayday_store::Lane;
use mayday_store::escalation::{Acknowledge, AcknowledgeOutcome, By};

use crate::{App, AppError};

impl App {
    /// Records that somebody helps and stops the escalation. `name` is the name that
    /// they gave; without one the contact's or the operator's is shown. The same
    /// person saying it again is the same success.
    pub async fn acknowledge(
        &self,
        incident: IncidentId,
        by: By,
        name: Option<String>,
    ) -> Result<AcknowledgeOutcome, AppError> {
        let said = Acknowledge { incident, by, name };
        Ok(self.store.write(Lane::Sos, said).await?)
    }
}
