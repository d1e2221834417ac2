//! What administrators ask and are answered about what devices are provisioned
//! with: configurations by country and network keys.

use mayday_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{AdminError, AdminReply, PrintedSecret};
use crate::App;

/// About what an app tells its devices by country; no country is the default
/// entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum DeviceConfigRequest {
    /// Sets an entry: [`AdminReply::DeviceConfig`].
    Set {
        /// The public id.
        app_id: String,
        /// Two letters.
        country: Option<String>,
        /// Any members.
        config: Map<String, Value>,
    },
    /// The entries: [`AdminReply::DeviceConfigs`].
    List {
        /// The public id.
        app_id: String,
    },
    /// One entry: [`AdminReply::DeviceConfig`].
    Show {
        /// The public id.
        app_id: String,
        /// Two letters.
        country: Option<String>,
    },
    /// Removes an entry: [`AdminReply::Removed`].
    Remove {
        /// The public id.
        app_id: String,
        /// Two letters.
        country: Option<String>,
    },
}

/// About the key of a radio network; no app is the global key. Answered by
/// [`AdminReply::NetworkKey`] or [`AdminReply::Removed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum NetworkKeyRequest {
    /// Sets a key that was made elsewhere, whatever was there.
    Set {
        /// The public id.
        app_id: Option<String>,
        /// 64 hexadecimal digits.
        key: PrintedSecret,
    },
    /// Makes the first key.
    Generate {
        /// The public id.
        app_id: Option<String>,
    },
    /// Makes a key in place of the one that is there.
    Rotate {
        /// The public id.
        app_id: Option<String>,
    },
    /// Tells the fingerprint.
    Show {
        /// The public id.
        app_id: Option<String>,
    },
    /// Removes the key.
    Remove {
        /// The public id.
        app_id: Option<String>,
    },
}

impl NetworkKeyRequest {
    /// Whether it stores a key, sealed with the master key.
    pub(super) const fn seals(&self) -> bool {
        match self {
            Self::Set { .. } | Self::Generate { .. } | Self::Rotate { .. } => true,
            Self::Show { .. } | Self::Remove { .. } => false,
        }
    }
}

/// An entry as listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceConfigEntry {
    /// Two upper-case letters, or `default`.
    pub country: String,
    /// Characters of its JSON.
    pub characters: u32,
    /// When it was set.
    pub updated_at: Timestamp,
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceConfigView {
    /// The app's public id.
    pub app_id: String,
    /// Two upper-case letters, or `default`.
    pub country: String,
    /// What devices are answered.
    pub config: Map<String, Value>,
    /// When it was set.
    pub updated_at: Timestamp,
}

/// A network key, without the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkKeyView {
    /// `app` or `global`.
    pub scope: String,
    /// The app's public id; `None` for the global key.
    pub app_id: Option<String>,
    /// What tells it from another key.
    pub fingerprint: String,
    /// When it was set.
    pub created_at: Timestamp,
}

impl App {
    pub(super) async fn administer_device_configs(
        &self,
        request: DeviceConfigRequest,
    ) -> Result<AdminReply, AdminError> {
        use DeviceConfigRequest::{List, Remove, Set, Show};
        match request {
            Set {
                app_id,
                country,
                config,
            } => {
                self.set_device_config(&app_id, country.as_deref(), &config)
                    .await
            }
            List { app_id } => self.list_device_configs(&app_id).await,
            Show { app_id, country } => self.show_device_config(&app_id, country.as_deref()).await,
            Remove { app_id, country } => {
                self.remove_device_config(&app_id, country.as_deref()).await
            }
        }
    }

    pub(super) async fn administer_network_keys(
        &self,
        request: NetworkKeyRequest,
    ) -> Result<AdminReply, AdminError> {
        use NetworkKeyRequest::{Generate, Remove, Rotate, Set, Show};
        match request {
            Set { app_id, key } => self.set_network_key(app_id.as_deref(), &key).await,
            Generate { app_id } => self.generate_network_key(app_id.as_deref(), false).await,
            Rotate { app_id } => self.generate_network_key(app_id.as_deref(), true).await,
            Show { app_id } => self.show_network_key(app_id.as_deref()).await,
            Remove { app_id } => self.remove_network_key(app_id.as_deref()).await,
        }
    }
}
