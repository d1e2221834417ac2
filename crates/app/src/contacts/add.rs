//! Adds a contact.

use mayday_core::contact::{Contact, ContactDraft};
use mayday_core::identity::Caller;

use crate::{App, AppError};

impl App {
    /// Adds a contact at the wished place, or at the end.
    pub async fn add_contact(
        &self,
        caller: &Caller,
        draft: ContactDraft,
    ) -> Result<Contact, AppError> {
        let _ = (caller, draft);
        Err(AppError::Unauthorized)
    }
}
