//! Removes a contact.

use mayday_core::identity::Caller;
use mayday_core::ids::ContactId;
use mayday_store::Lane;
use mayday_store::contacts::RemoveContact;

use super::NOT_FOUND;
use crate::identity::require_full;
use crate::{App, AppError};

impl App {
    /// Removes a contact; those behind it move up.
    pub async fn remove_contact(&self, caller: &Caller, id: ContactId) -> Result<(), AppError> {
        require_full(caller)?;
        let remove = RemoveContact {
            id,
            user: caller.user,
        };
        if self.store.write(Lane::Rest, remove).await? {
            Ok(())
        } else {
            Err(NOT_FOUND)
        }
    }
}
