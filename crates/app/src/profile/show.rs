//! Shows the caller's profile.

use mayday_core::identity::Caller;
use mayday_core::profile::User;

use crate::{App, AppError};

impl App {
    /// The caller's profile, with how well prepared they are.
    pub async fn me(&self, caller: &Caller) -> Result<User, AppError> {
        let _ = caller;
        Err(AppError::Unauthorized)
    }
}
