//! Cancels an incident as a false alarm (contract: SOS, Cancel).

use mayday_core::identity::Caller;
use mayday_core::sos::Incident;

use crate::{App, AppError};

/// What became of a cancel request.
#[derive(Clone, Debug)]
pub enum CancelReceipt {
    /// Nothing was open: `{"incident": null}`.
    Nothing,
    /// The caller's own incident, cancelled: shown whole.
    Own(Box<Incident>),
    /// Somebody else's incident: `id`, `state`, `status` and `flags` alone.
    /// Cancelled if the caller relayed it (or the app's policy lets any user);
    /// otherwise still open, flagged `cancel_requested`, and operators are told.
    Foreign(Box<Incident>),
}

impl App {
    /// Cancels the caller's open incident, or that of a device's owner. 400 for
    /// a body that is no JSON object; 409 when the owner's open incident does
    /// not involve the device; 422 when the app does not know it.
    pub async fn cancel_sos(
        &self,
        caller: &Caller,
        body: &[u8],
    ) -> Result<CancelReceipt, AppError> {
        let _ = (caller, body);
        Err(AppError::Internal {
            source: "the store is not connected".into(),
        })
    }
}
