//! A tracking link was opened: perhaps by the contact, perhaps by a preview.

use crate::command::Command;
use crate::error::StoreError;
use crate::tx::Tx;

use super::known::Shown;
use super::{announce, tokens};

/// Notes that a link was opened, and nothing more: it acknowledges nothing, and is no
/// sign of life of one who promised help, because a messenger or a scanner opens links,
/// too, again and again (contract: Escalation, Tracking page). Output: `false` for a
/// link that is unknown or revoked.
#[derive(Clone, Copy, Debug)]
pub struct NoteOpened {
    /// [`TrackingToken::lookup_key`](mayday_core::escalation::TrackingToken::lookup_key).
    pub lookup_key: [u8; 32],
}

impl Command for NoteOpened {
    type Output = bool;
    const NAME: &'static str = "escalation.note_opened";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let Some(token) = tokens::find(tx, &self.lookup_key).await? else {
            return Ok(false);
        };
        let Some(mut incident) = super::lock(tx, token.incident).await? else {
            return Ok(false);
        };
        if token.revoked_at.is_some() {
            return Ok(false);
        }
        tokens::note_opened(tx, &self.lookup_key).await?;
        // The receipts say so; the event has whoever watches read them.
        if token.opened_at.is_none() && incident.state.is_open() {
            let shown = Shown::read(tx, &incident).await?;
            announce::moved(tx, &mut incident, &shown).await?;
        }
        Ok(true)
    }
}
