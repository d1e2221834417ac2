//! A partner ends its user's sessions.

use std::net::IpAddr;

use mayday_core::identity::ExternalUserId;
use mayday_core::ids::AppUuid;
use mayday_core::partner_key;
use mayday_core::sso::EndReason;
use mayday_store::sessions::Which;
use mayday_store::{partner_keys, users};

use crate::{App, AppError};

impl App {
    /// The app whose backend shows this key. Who guesses is limited by address; a good
    /// key passes whatever others did.
    pub async fn partner_app(&self, key: Option<&str>, peer: IpAddr) -> Result<AppUuid, AppError> {
        let Some(key) = key else {
            return Err(self.unreadable_proof(peer));
        };
        let mut tx = self.store.read().await?;
        let found = partner_keys::app_of(&mut tx, &partner_key::digest(key)).await?;
        drop(tx);
        match found {
            None => Err(self.unreadable_proof(peer)),
            Some((_, false)) => Err(AppError::AppInactive),
            Some((app, true)) => Ok(app),
        }
    }

    /// Ends all sessions of a user by the partner's id; answers how many were live. A
    /// user whom nobody knows here has none, which is what the partner wants.
    pub async fn end_partner_sessions(&self, app: AppUuid, user: &str) -> Result<usize, AppError> {
        let user = ExternalUserId::parse(user)
            .map_err(|error| AppError::field("/user", error.to_string()))?;
        let mut tx = self.store.read().await?;
        let found = users::find(&mut tx, app, &user).await?;
        drop(tx);
        let Some(found) = found else {
            return Ok(0);
        };
        let ended = self
            .end_sessions(found.id, Which::All, EndReason::Revoked)
            .await?;
        Ok(ended.len())
    }
}
