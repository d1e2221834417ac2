//! The profile and the settings of a session's user.

use mayday_core::identity::Caller;
use mayday_core::sso::settings::{SettingsPatch, UserSettings};
use mayday_store::user_settings::{self, UpdateSettings};
use mayday_store::{Lane, signatures, users};

use crate::identity::require_full;
use crate::{App, AppError};

/// A session's user, as the app shows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SsoProfile {
    /// The name.
    pub name: Option<String>,
    /// The address that the app's server vouches for; of a user for whom it never did,
    /// the one that they wrote in their profile.
    pub email: Option<String>,
    /// What they set.
    pub settings: UserSettings,
    /// Whether they have a PIN.
    pub has_pin: bool,
}

impl App {
    /// The caller's profile with their settings.
    pub async fn sso_profile(&self, caller: &Caller) -> Result<SsoProfile, AppError> {
        require_full(caller)?;
        let mut tx = self.store.read().await?;
        let user = users::get(&mut tx, caller.user).await?;
        let user = user.ok_or(AppError::Unauthorized)?;
        Ok(SsoProfile {
            email: user.address().map(str::to_owned),
            name: user.profile.name,
            settings: user_settings::get(&mut tx, caller.user).await?,
            has_pin: signatures::get(&mut tx, caller.user).await?.is_some(),
        })
    }

    /// Changes what is given of the caller's settings.
    pub async fn update_settings(
        &self,
        caller: &Caller,
        patch: SettingsPatch,
    ) -> Result<UserSettings, AppError> {
        require_full(caller)?;
        patch.check().map_err(AppError::fields)?;
        let update = UpdateSettings {
            user: caller.user,
            patch,
        };
        Ok(self.store.write(Lane::Rest, update).await?)
    }
}
