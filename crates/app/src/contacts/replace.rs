//! Replaces a contact.

use mayday_core::contact::{Contact, ContactDraft};
use mayday_core::identity::Caller;
use mayday_core::ids::ContactId;

use crate::{App, AppError};

impl App {
    /// Replaces a contact whole; without a priority it keeps its place.
    pub async fn replace_contact(
        &self,
        caller: &Caller,
        id: ContactId,
        draft: ContactDraft,
    ) -> Result<Contact, AppError> {
        let _ = (caller, id, draft);
        Err(AppError::Unauthorized)
    }
}
