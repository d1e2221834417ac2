//! The run of an escalation: what was sent to whom, who answered what, and the
//! links that were handed out (contract: Escalation).
//!
//! Nothing in here says what is due: `mayday_core::escalation::plan` does, from
//! what these tables hold. Every command locks the row of the incident's user
//! first, so that sending, answering and ending take turns.

pub mod acknowledge;
pub mod attempts;
pub mod decline;
pub(crate) mod opened;
pub mod tokens;

use mayday_core::ids::IncidentId;
use mayday_core::sos::Incident;

pub use acknowledge::{Acknowledge, AcknowledgeOutcome, AcknowledgementRow, By, Means};
pub use attempts::AttemptRow;
pub use decline::{Decline, DeclineOutcome};
pub use opened::NoteOpened;
pub use tokens::{RevokeTokens, TokenRow};

use crate::error::StoreError;
use crate::tx::Tx;
use crate::{incidents, users};

/// Locks the user whose incident this is and reads the incident as it is then;
/// `None`: there is no such incident (any more).
async fn lock(tx: &mut Tx<'_>, id: IncidentId) -> Result<Option<Incident>, StoreError> {
    let Some(seen) = incidents::get(tx, id).await? else {
        return Ok(None);
    };
    users::lock(tx, seen.user).await?;
    incidents::get(tx, id).await
}

#[cfg(test)]
mod tests;
