//! Removes a contact.

use mayday_core::identity::Caller;
use mayday_core::ids::ContactId;

use crate::{App, AppError};

impl App {
    /// Removes a contact; those behind it move up.
    pub async fn remove_contact(&self, caller: &Caller, id: ContactId) -> Result<(), AppError> {
        let _ = (caller, id);
        Err(AppError::Unauthorized)
    }
}
