//! Shows the caller's profile.

use mayday_core::identity::Caller;
use mayday_core::profile::User;
use mayday_core::readiness::Readiness;
use mayday_store::users::UserRow;

use crate::identity::require_full;
use crate::{App, AppError};

impl App {
    /// The caller's profile, with how well prepared they are.
    pub async fn me(&self, caller: &Caller) -> Result<User, AppError> {
        require_full(caller)?;
        // This is what every start of an app asks for.
        let counted = self.look_ups.get(caller.user).await?;
        let counted = counted.ok_or(AppError::Unauthorized)?;
        let readiness = self.readiness(&counted).await?;
        Ok(user(caller, counted.row, readiness))
    }
}

fn user(caller: &Caller, row: UserRow, readiness: Readiness) -> User {
    User {
        id: row.id,
        app_id: caller.app_id.clone(),
        // As the caller proved it: the user may have another one beside it.
        external_user_id: caller.external_id.clone(),
        profile: row.profile,
        readiness,
    }
}
