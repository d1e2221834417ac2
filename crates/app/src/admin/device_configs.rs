//! What apps tell their devices by country: set, list, show, remove.

use mayday_core::country::CountryCode;
use mayday_core::device_config::{self, DEFAULT_ENTRY};
use mayday_core::identity::AppId;
use mayday_store::Lane;
use mayday_store::device_configs::{self, SetDeviceConfig};
use serde_json::{Map, Value};

use super::secrets::known_app;
use super::{AdminError, AdminReply, DeviceConfigEntry, DeviceConfigView, app_id, unknown_app};
use crate::App;

impl App {
    pub(super) async fn set_device_config(
        &self,
        id: &str,
        country: Option<&str>,
        config: &Map<String, Value>,
    ) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let entry = entry(country)?;
        let body = device_config::compact(config).map_err(|error| AdminError::Invalid {
            message: error.to_string(),
        })?;
        let set = SetDeviceConfig {
            app_id: app_id.clone(),
            entry,
            body: Some(body),
        };
        match self.store.write(Lane::Rest, set).await? {
            None => Err(unknown_app(&app_id)),
            Some(_) => self.show_device_config(id, country).await,
        }
    }

    pub(super) async fn list_device_configs(&self, id: &str) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let mut tx = self.store.read().await?;
        let app = known_app(&mut tx, &app_id).await?;
        let entries = device_configs::of_app(&mut tx, app).await?;
        let entries = entries.into_iter().map(|entry| DeviceConfigEntry {
            country: entry.country,
            characters: entry.characters,
            updated_at: entry.updated_at,
        });
        Ok(AdminReply::DeviceConfigs {
            entries: entries.collect(),
        })
    }

    pub(super) async fn show_device_config(
        &self,
        id: &str,
        country: Option<&str>,
    ) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let entry = entry(country)?;
        let mut tx = self.store.read().await?;
        let app = known_app(&mut tx, &app_id).await?;
        let found = device_configs::find(&mut tx, app, &entry).await?;
        let found = found.ok_or_else(|| missing(&app_id, &entry))?;
        let config = serde_json::from_str(&found.body).map_err(|error| {
            tracing::error!(%error, "a stored device configuration is no JSON");
            AdminError::Internal
        })?;
        Ok(AdminReply::DeviceConfig(DeviceConfigView {
            app_id: app_id.to_string(),
            country: found.country,
            config,
            updated_at: found.updated_at,
        }))
    }

    pub(super) async fn remove_device_config(
        &self,
        id: &str,
        country: Option<&str>,
    ) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let entry = entry(country)?;
        let remove = SetDeviceConfig {
            app_id: app_id.clone(),
            entry: entry.clone(),
            body: None,
        };
        match self.store.write(Lane::Rest, remove).await? {
            None => Err(unknown_app(&app_id)),
            Some(false) => Err(missing(&app_id, &entry)),
            Some(true) => Ok(AdminReply::Removed),
        }
    }
}

/// The entry that is meant: a country's, or the default one.
fn entry(country: Option<&str>) -> Result<String, AdminError> {
    match country {
        None => Ok(DEFAULT_ENTRY.to_owned()),
        Some(text) => CountryCode::parse(text)
            .map(|code| code.to_string())
            .map_err(|error| AdminError::Invalid {
                message: error.to_string(),
            }),
    }
}

fn missing(app: &AppId, entry: &str) -> AdminError {
    AdminError::NotFound {
        message: format!(
            "the app {app} has no device configuration for {entry}: `mayday device-config list --app {app}` shows all"
        ),
    }
}
