//! Changes the caller's profile.

use mayday_core::identity::Caller;
use mayday_core::profile::{ProfilePatch, User};

use crate::{App, AppError};

impl App {
    /// Changes the named fields of the caller's profile; an empty text clears.
    pub async fn update_me(&self, caller: &Caller, patch: ProfilePatch) -> Result<User, AppError> {
        let _ = (caller, patch);
        Err(AppError::Unauthorized)
    }
}
