//! Keys of external MQTT brokers: create, list, revoke.

use mayday_core::broker_key::BrokerKey;
use mayday_core::ids::SecretId;
use mayday_core::text;
use mayday_core::time::Timestamp;
use mayday_store::Lane;
use mayday_store::broker_keys::{
    self, BrokerKeyCreated, BrokerKeyRow, CreateBrokerKey, MAX_LIVE, RevokeBrokerKey,
};
use serde::{Deserialize, Serialize};

use super::{AdminError, AdminReply, PrintedSecret, app_id, unknown_app};
use crate::App;

/// About the keys of external brokers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum BrokerKeyRequest {
    /// Makes a key: [`AdminReply::BrokerKeyCreated`].
    Create {
        /// The public id of the one app that the broker serves; `None` for all.
        app_id: Option<String>,
        /// A name for people.
        name: Option<String>,
    },
    /// All keys, newest first: [`AdminReply::BrokerKeys`].
    List,
    /// Revokes a key for ever: [`AdminReply::BrokerKey`].
    Revoke {
        /// The key's id, as listed.
        key_id: String,
    },
}

/// A key without the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerKeyView {
    /// Its id.
    pub key_id: SecretId,
    /// The public id of the one app that the broker serves; `None` for all.
    pub app_id: Option<String>,
    /// A name for people.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked; `None` while it is good.
    pub revoked_at: Option<Timestamp>,
}

impl App {
    pub(super) async fn administer_broker_keys(
        &self,
        request: BrokerKeyRequest,
    ) -> Result<AdminReply, AdminError> {
        match request {
            BrokerKeyRequest::Create { app_id, name } => {
                self.create_broker_key(app_id.as_deref(), name).await
            }
            BrokerKeyRequest::List => {
                let mut tx = self.store.read().await?;
                let rows = broker_keys::all(&mut tx).await?;
                Ok(AdminReply::BrokerKeys {
                    keys: rows.into_iter().map(view).collect(),
                })
            }
            BrokerKeyRequest::Revoke { key_id } => self.revoke_broker_key(&key_id).await,
        }
    }

    async fn create_broker_key(
        &self,
        app: Option<&str>,
        name: Option<String>,
    ) -> Result<AdminReply, AdminError> {
        let app_id = app.map(app_id).transpose()?;
        let name = name.filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| "broker".to_owned());
        text::check_name(&name).map_err(|why| AdminError::Invalid {
            message: format!("the key's {why}"),
        })?;
        let key = BrokerKey::generate(self.entropy.as_ref());
        let create = CreateBrokerKey {
            id: SecretId::generate(self.clock.as_ref(), self.entropy.as_ref()),
            app_id: app_id.clone(),
            name,
            digest: key.digest(),
        };
        match (self.store.write(Lane::Rest, create).await?, app_id) {
            (BrokerKeyCreated::Created(row), _) => Ok(AdminReply::BrokerKeyCreated {
                key: view(row),
                secret: PrintedSecret(key.expose().to_owned()),
            }),
            (BrokerKeyCreated::UnknownApp, Some(app_id)) => Err(unknown_app(&app_id)),
            (BrokerKeyCreated::UnknownApp | BrokerKeyCreated::TooMany, _) => {
                Err(AdminError::Conflict {
                    message: format!(
                        "there are {MAX_LIVE} live keys, the most there may be: revoke one first"
                    ),
                })
            }
        }
    }

    async fn revoke_broker_key(&self, key_id: &str) -> Result<AdminReply, AdminError> {
        let missing = || AdminError::NotFound {
            message: format!("there is no broker key {key_id}: `mayday broker-key list` shows all"),
        };
        let id = key_id.parse().map_err(|_| missing())?;
        let revoke = RevokeBrokerKey { id };
        let row = self.store.write(Lane::Rest, revoke).await?;
        row.map(|row| AdminReply::BrokerKey(view(row)))
            .ok_or_else(missing)
    }
}

fn view(row: BrokerKeyRow) -> BrokerKeyView {
    BrokerKeyView {
        key_id: row.id,
        app_id: row.app_id,
        name: row.name,
        created_at: row.created_at,
        revoked_at: row.revoked_at,
    }
}
