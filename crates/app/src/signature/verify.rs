//! Says whether a PIN is the user's.

use mayday_core::identity::Caller;
use mayday_store::Lane;

use crate::identity::require_full;
use crate::{App, AppError};

impl App {
    /// Verifies a PIN; the one for duress is as good. See [`App::check_pin`] for what
    /// it answers else.
    pub async fn verify_signature(&self, caller: &Caller, typed: &str) -> Result<(), AppError> {
        require_full(caller)?;
        let pin = super::read_pin("/signature", typed)?;
        match self.check_pin(caller.user, &pin, Lane::Session).await? {
            Some(_) => Ok(()),
            None => Err(AppError::conflict("no signature is set: set one first")),
        }
    }
}
