//! Lists the caller's contacts.

use mayday_core::contact::Contact;
use mayday_core::identity::Caller;
use mayday_store::contacts;

use crate::identity::require_full;
use crate::{App, AppError};

impl App {
    /// The caller's contacts by ascending priority.
    pub async fn contacts(&self, caller: &Caller) -> Result<Vec<Contact>, AppError> {
        require_full(caller)?;
        let mut tx = self.store.read().await?;
        Ok(contacts::list(&mut tx, caller.user).await?)
    }
}
