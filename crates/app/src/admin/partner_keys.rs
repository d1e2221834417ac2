//! Keys with which an app's backend calls us: create, rotate, list, revoke.

use std::time::Duration;

use mayday_core::ids::SecretId;
use mayday_core::partner_key::PartnerApiKey;
use mayday_core::text;
use mayday_core::time::Timestamp;
use mayday_store::Lane;
use mayday_store::partner_keys::{
    self, CreatePartnerKey, MAX_LIVE, PartnerKeyCreated, PartnerKeyRow, RevokePartnerKey,
};
use serde::{Deserialize, Serialize};

use super::secrets::known_app;
use super::{AdminError, AdminReply, PrintedSecret, app_id, unknown_app};
use crate::App;

/// The longest time for which a key that is replaced stays good.
const MAX_OVERLAP_HOURS: u32 = 24 * 30;

/// About the keys of an app's backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum PartnerKeyRequest {
    /// Makes a key: [`AdminReply::PartnerKeyCreated`].
    Create {
        /// The app's public id.
        app_id: String,
        /// A name for people.
        name: Option<String>,
        /// It replaces all others of the app, which stay good for so many hours.
        replaces_within_hours: Option<u32>,
    },
    /// The app's keys, newest first: [`AdminReply::PartnerKeys`].
    List {
        /// The app's public id.
        app_id: String,
    },
    /// Revokes a key for ever: [`AdminReply::PartnerKey`].
    Revoke {
        /// The app's public id.
        app_id: String,
        /// The key's id, as listed.
        key_id: String,
    },
}

/// A key without the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartnerKeyView {
    /// Its id.
    pub key_id: SecretId,
    /// The app's public id.
    pub app_id: String,
    /// A name for people.
    pub name: String,
    /// Whether it is good now.
    pub live: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself, because another one replaces it.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked; `None` while it is good.
    pub revoked_at: Option<Timestamp>,
}

impl App {
    pub(super) async fn administer_partner_keys(
        &self,
        request: PartnerKeyRequest,
    ) -> Result<AdminReply, AdminError> {
        match request {
            PartnerKeyRequest::Create {
                app_id,
                name,
                replaces_within_hours,
            } => {
                self.create_partner_key(&app_id, name, replaces_within_hours)
                    .await
            }
            PartnerKeyRequest::List { app_id: id } => {
                let app_id = app_id(&id)?;
                let mut tx = self.store.read().await?;
                let app = known_app(&mut tx, &app_id).await?;
                let rows = partner_keys::of_app(&mut tx, app).await?;
                Ok(AdminReply::PartnerKeys {
                    keys: rows
                        .into_iter()
                        .map(|row| self.key_view(&id, row))
                        .collect(),
                })
            }
            PartnerKeyRequest::Revoke { app_id, key_id } => {
                self.revoke_partner_key(&app_id, &key_id).await
            }
        }
    }

    async fn create_partner_key(
        &self,
        id: &str,
        name: Option<String>,
        hours: Option<u32>,
    ) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let name = name.filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| "backend".to_owned());
        text::check_name(&name).map_err(|why| AdminError::Invalid {
            message: format!("the key's {why}"),
        })?;
        if hours.is_some_and(|hours| hours > MAX_OVERLAP_HOURS) {
            return Err(AdminError::Invalid {
                message: format!("the old keys stay good for 0 to {MAX_OVERLAP_HOURS} hours"),
            });
        }
        let key = PartnerApiKey::generate(self.entropy.as_ref());
        let create = CreatePartnerKey {
            id: SecretId::generate(self.clock.as_ref(), self.entropy.as_ref()),
            app_id: app_id.clone(),
            name,
            digest: key.digest(),
            replaces: hours.map(|hours| Duration::from_hours(hours.into())),
        };
        match self.store.write(Lane::Rest, create).await? {
            PartnerKeyCreated::Created(row) => Ok(AdminReply::PartnerKeyCreated {
                key: self.key_view(id, row),
                secret: PrintedSecret(key.expose().to_owned()),
            }),
            PartnerKeyCreated::UnknownApp => Err(unknown_app(&app_id)),
            PartnerKeyCreated::TooMany => Err(AdminError::Conflict {
                message: format!(
                    "there are {MAX_LIVE} live keys, the most an app may have: revoke one first"
                ),
            }),
        }
    }

    async fn revoke_partner_key(&self, id: &str, key_id: &str) -> Result<AdminReply, AdminError> {
        let missing = || AdminError::NotFound {
            message: format!(
                "{id} has no key {key_id}: `mayday sso key list --app {id}` shows all"
            ),
        };
        let revoke = RevokePartnerKey {
            app_id: app_id(id)?,
            id: key_id.parse().map_err(|_| missing())?,
        };
        let row = self.store.write(Lane::Rest, revoke).await?;
        row.map(|row| AdminReply::PartnerKey(self.key_view(id, row)))
            .ok_or_else(missing)
    }

    fn key_view(&self, app_id: &str, row: PartnerKeyRow) -> PartnerKeyView {
        let now = self.clock.now();
        PartnerKeyView {
            key_id: row.id,
            app_id: app_id.to_owned(),
            name: row.name,
            live: row.revoked_at.is_none() && row.expires_at.is_none_or(|at| at > now),
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
        }
    }
}
