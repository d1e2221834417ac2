//! Changes the caller's profile.

use mayday_core::identity::Caller;
use mayday_core::profile::{ProfilePatch, User};
use mayday_store::Lane;
use mayday_store::users::UpdateProfile;

use crate::identity::require_full;
use crate::{App, AppError};

impl App {
    /// Changes the named fields of the caller's profile; an empty text clears.
    pub async fn update_me(&self, caller: &Caller, patch: ProfilePatch) -> Result<User, AppError> {
        require_full(caller)?;
        patch.check().map_err(AppError::fields)?;
        let update = UpdateProfile {
            user: caller.user,
            patch,
        };
        self.store.write(Lane::Rest, update).await?;
        self.me(caller).await
    }
}
