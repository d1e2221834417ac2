//! Keys with which an operator's programs call the admin API: create, list, revoke.

use mayday_core::admin_key::AdminKey;
use mayday_core::ids::SecretId;
use mayday_core::text;
use mayday_core::time::Timestamp;
use mayday_store::Lane;
use mayday_store::admin_keys::{
    self, AdminKeyCreated, AdminKeyRow, CreateAdminKey, MAX_LIVE, RevokeAdminKey,
};
use serde::{Deserialize, Serialize};

use super::{AdminError, AdminReply, PrintedSecret, app_id, unknown_app};
use crate::App;

/// About the keys of the admin API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum AdminKeyRequest {
    /// Makes a key: [`AdminReply::AdminKeyCreated`].
    Create {
        /// The public id of the one app that it is good for; `None` for all.
        app_id: Option<String>,
        /// A name for people.
        name: Option<String>,
        /// Whether it changes nothing.
        read_only: bool,
    },
    /// All keys, newest first: [`AdminReply::AdminKeys`].
    List,
    /// Revokes a key for ever: [`AdminReply::AdminKey`].
    Revoke {
        /// The key's id, as listed.
        key_id: String,
    },
}

/// A key without the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminKeyView {
    /// Its id.
    pub key_id: SecretId,
    /// The public id of the one app that it is good for; `None` for all.
    pub app_id: Option<String>,
    /// A name for people.
    pub name: String,
    /// Whether it changes nothing.
    pub read_only: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked; `None` while it is good.
    pub revoked_at: Option<Timestamp>,
}

impl App {
    pub(super) async fn administer_admin_keys(
        &self,
        request: AdminKeyRequest,
    ) -> Result<AdminReply, AdminError> {
        match request {
            AdminKeyRequest::Create {
                app_id,
                name,
                read_only,
            } => {
                self.create_admin_key(app_id.as_deref(), name, read_only)
                    .await
            }
            AdminKeyRequest::List => {
                let mut tx = self.store.read().await?;
                let rows = admin_keys::all(&mut tx).await?;
                Ok(AdminReply::AdminKeys {
                    keys: rows.into_iter().map(view).collect(),
                })
            }
            AdminKeyRequest::Revoke { key_id } => self.revoke_admin_key(&key_id).await,
        }
    }

    async fn create_admin_key(
        &self,
        app: Option<&str>,
        name: Option<String>,
        read_only: bool,
    ) -> Result<AdminReply, AdminError> {
        let app_id = app.map(app_id).transpose()?;
        let name = name.filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| "operator".to_owned());
        text::check_name(&name).map_err(|why| AdminError::Invalid {
            message: format!("the key's {why}"),
        })?;
        let key = AdminKey::generate(self.entropy.as_ref());
        let create = CreateAdminKey {
            id: SecretId::generate(self.clock.as_ref(), self.entropy.as_ref()),
            app_id: app_id.clone(),
            name,
            digest: key.digest(),
            read_only,
        };
        match (self.store.write(Lane::Rest, create).await?, app_id) {
            (AdminKeyCreated::Created(row), _) => Ok(AdminReply::AdminKeyCreated {
                key: view(row),
                secret: PrintedSecret(key.expose().to_owned()),
            }),
            (AdminKeyCreated::UnknownApp, Some(app_id)) => Err(unknown_app(&app_id)),
            (AdminKeyCreated::UnknownApp | AdminKeyCreated::TooMany, _) => {
                Err(AdminError::Conflict {
                    message: format!(
                        "there are {MAX_LIVE} live keys, the most there may be: revoke one first"
                    ),
                })
            }
        }
    }

    async fn revoke_admin_key(&self, key_id: &str) -> Result<AdminReply, AdminError> {
        let missing = || AdminError::NotFound {
            message: format!("there is no admin key {key_id}: `mayday admin-key list` shows all"),
        };
        let id = key_id.parse().map_err(|_| missing())?;
        let revoke = RevokeAdminKey { id };
        let row = self.store.write(Lane::Rest, revoke).await?;
        row.map(|row| AdminReply::AdminKey(view(row)))
            .ok_or_else(missing)
    }
}

fn view(row: AdminKeyRow) -> AdminKeyView {
    AdminKeyView {
        key_id: row.id,
        app_id: row.app_id,
        name: row.name,
        read_only: row.read_only,
        created_at: row.created_at,
        revoked_at: row.revoked_at,
    }
}
