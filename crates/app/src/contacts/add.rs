//! Adds a contact.

use mayday_core::contact::{Contact, ContactDraft, MAX_CONTACTS};
use mayday_core::identity::Caller;
use mayday_core::ids::ContactId;
use mayday_store::Lane;
use mayday_store::contacts::{AddContact, ContactAddition};

use crate::identity::require_full;
use crate::{App, AppError};

impl App {
    /// Adds a contact at the wished place, or at the end.
    pub async fn add_contact(
        &self,
        caller: &Caller,
        draft: ContactDraft,
    ) -> Result<Contact, AppError> {
        require_full(caller)?;
        let add = AddContact {
            id: ContactId::generate(self.clock.as_ref(), self.entropy.as_ref()),
            user: caller.user,
            contact: draft.check().map_err(AppError::fields)?,
        };
        match self.store.write(Lane::Rest, add).await? {
            ContactAddition::Added(contact) => Ok(contact),
            ContactAddition::TooMany => Err(AppError::field(
                "",
                format!(
                    "there are {MAX_CONTACTS} contacts already, the most a user may have: remove one first"
                ),
            )),
        }
    }
}
