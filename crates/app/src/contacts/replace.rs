//! Replaces a contact.

use mayday_core::contact::{Contact, ContactDraft};
use mayday_core::identity::Caller;
use mayday_core::ids::ContactId;
use mayday_store::Lane;
use mayday_store::contacts::ReplaceContact;

use super::NOT_FOUND;
use crate::identity::require_full;
use crate::{App, AppError};

impl App {
    /// Replaces a contact whole; without a priority it keeps its place.
    pub async fn replace_contact(
        &self,
        caller: &Caller,
        id: ContactId,
        draft: ContactDraft,
    ) -> Result<Contact, AppError> {
        require_full(caller)?;
        let replace = ReplaceContact {
            id,
            user: caller.user,
            contact: draft.check().map_err(AppError::fields)?,
        };
        self.store
            .write(Lane::Rest, replace)
            .await?
            .ok_or(NOT_FOUND)
    }
}
