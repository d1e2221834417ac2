//! A partner ends its user's sessions.

use std::net::IpAddr;

use mayday_core::identity::ExternalUserId;
use mayday_core::partner_key;
use mayday_core::sso::EndReason;
use mayday_store::partner_keys::LiveKey;
use mayday_store::sessions::Which;
use mayday_store::{partner_keys, users};

use crate::{App, AppError};

/// An app's backend that showed a key that is good.
#[derive(Clone, Copy, Debug)]
pub struct PartnerBackend(LiveKey);

impl App {
    /// The backend that shows this key. Who guesses is limited by address; a good key
    /// passes whatever others did.
    pub async fn partner_backend(
        &self,
        key: Option<&str>,
        peer: IpAddr,
    ) -> Result<PartnerBackend, AppError> {
        let Some(key) = key.filter(|key| partner_key::is_shaped(key)) else {
            return Err(self.unreadable_proof(peer));
        };
        let mut tx = self.store.read().await?;
        let found = partner_keys::live(&mut tx, &partner_key::digest(key)).await?;
        drop(tx);
        match found {
            None => Err(self.unreadable_proof(peer)),
            Some(key) if !key.active => Err(AppError::AppInactive),
            Some(key) => Ok(PartnerBackend(key)),
        }
    }

    /// Ends all sessions of a user by the partner's id; answers how many were live. A
    /// user whom nobody knows here has none, which is what the partner wants.
    pub async fn end_partner_sessions(
        &self,
        backend: &PartnerBackend,
        user: &str,
    ) -> Result<usize, AppError> {
        let PartnerBackend(LiveKey { id: key, app, .. }) = *backend;
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
        tracing::info!(
            app.id = %app,
            partner_key.id = %key,
            user.id = %found.id,
            sessions.ended = ended.len(),
            "an app's backend ended a user's sessions"
        );
        Ok(ended.len())
    }
}
