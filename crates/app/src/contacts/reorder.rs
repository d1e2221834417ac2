//! Reorders the caller's contacts.

use mayday_core::identity::Caller;
use mayday_core::ids::ContactId;

use crate::{App, AppError};

impl App {
    /// Puts the contacts into this order, which must name each of them once.
    pub async fn reorder_contacts(
        &self,
        caller: &Caller,
        order: Vec<ContactId>,
    ) -> Result<(), AppError> {
        let _ = (caller, order);
        Err(AppError::Unauthorized)
    }
}
