//! Reorders the caller's contacts.

use mayday_core::identity::Caller;
use mayday_core::ids::ContactId;
use mayday_store::Lane;
use mayday_store::contacts::{ReorderContacts, Reordering};

use super::NOT_FOUND;
use crate::identity::require_full;
use crate::{App, AppError};

impl App {
    /// Puts the contacts into this order, which must name each of them once;
    /// otherwise nothing changes.
    pub async fn reorder_contacts(
        &self,
        caller: &Caller,
        order: Vec<ContactId>,
    ) -> Result<(), AppError> {
        require_full(caller)?;
        let reorder = ReorderContacts {
            user: caller.user,
            order,
        };
        match self.store.write(Lane::Rest, reorder).await? {
            Reordering::Done => Ok(()),
            Reordering::NoContacts => Err(NOT_FOUND),
            Reordering::Incomplete => Err(AppError::field(
                "/order",
                "order must hold the id of each contact once",
            )),
        }
    }
}
