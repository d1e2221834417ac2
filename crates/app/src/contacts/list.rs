//! Lists the caller's contacts.

use mayday_core::contact::Contact;
use mayday_core::identity::Caller;

use crate::{App, AppError};

impl App {
    /// The caller's contacts by ascending priority.
    pub async fn contacts(&self, caller: &Caller) -> Result<Vec<Contact>, AppError> {
        let _ = caller;
        Err(AppError::Unauthorized)
    }
}
