//! Keys of radio networks: set, generate, rotate, show, remove. Only
//! fingerprints are ever shown.

use mayday_core::identity::AppId;
use mayday_core::ids::SecretId;
use mayday_core::network_key::{KeyScope, NetworkKey};
use mayday_store::Lane;
use mayday_store::network_keys::{
    self, Before, KeyPut, NetworkKeyRow, PutNetworkKey, RemoveNetworkKey,
};

use super::secrets::known_app;
use super::{AdminError, AdminReply, NetworkKeyView, PrintedSecret, app_id, unknown_app};
use crate::App;

impl App {
    pub(super) async fn set_network_key(
        &self,
        app: Option<&str>,
        key: &PrintedSecret,
    ) -> Result<AdminReply, AdminError> {
        let key = NetworkKey::parse(&key.0).map_err(|error| AdminError::Invalid {
            message: error.to_string(),
        })?;
        self.put_network_key(app, key, Before::Any).await
    }

    pub(super) async fn generate_network_key(
        &self,
        app: Option<&str>,
        replace: bool,
    ) -> Result<AdminReply, AdminError> {
        let before = if replace {
            Before::AKey
        } else {
            Before::Nothing
        };
        let key = NetworkKey::generate(self.entropy.as_ref());
        self.put_network_key(app, key, before).await
    }

    async fn put_network_key(
        &self,
        app: Option<&str>,
        key: NetworkKey,
        before: Before,
    ) -> Result<AdminReply, AdminError> {
        let app_id = app.map(app_id).transpose()?;
        let put = PutNetworkKey {
            id: SecretId::generate(self.clock.as_ref(), self.entropy.as_ref()),
            app_id: app_id.clone(),
            key,
            before,
        };
        let whose = whose(app_id.as_ref());
        match (self.store.write(Lane::Rest, put).await?, app_id) {
            (KeyPut::Stored(row), app_id) => Ok(AdminReply::NetworkKey(view(app_id, row))),
            (KeyPut::UnknownApp, Some(app_id)) => Err(unknown_app(&app_id)),
            (KeyPut::UnknownApp | KeyPut::Missing, _) => Err(AdminError::Conflict {
                message: format!("{whose} has no network key to rotate: make one with `generate`"),
            }),
            (KeyPut::Exists, _) => Err(AdminError::Conflict {
                message: format!("{whose} has a network key already: replace it with `rotate`"),
            }),
        }
    }

    pub(super) async fn show_network_key(
        &self,
        app: Option<&str>,
    ) -> Result<AdminReply, AdminError> {
        let app_id = app.map(app_id).transpose()?;
        let mut tx = self.store.read().await?;
        if let Some(app_id) = &app_id {
            known_app(&mut tx, app_id).await?;
        }
        let found = network_keys::show(&mut tx, app_id.as_ref()).await?;
        let row = found.ok_or_else(|| missing(app_id.as_ref()))?;
        Ok(AdminReply::NetworkKey(view(app_id, row)))
    }

    pub(super) async fn remove_network_key(
        &self,
        app: Option<&str>,
    ) -> Result<AdminReply, AdminError> {
        let app_id = app.map(app_id).transpose()?;
        let remove = RemoveNetworkKey {
            app_id: app_id.clone(),
        };
        if self.store.write(Lane::Rest, remove).await? {
            Ok(AdminReply::Removed)
        } else {
            Err(missing(app_id.as_ref()))
        }
    }
}

fn whose(app: Option<&AppId>) -> String {
    app.map_or_else(
        || "the global slot".to_owned(),
        |app| format!("the app {app}"),
    )
}

fn missing(app: Option<&AppId>) -> AdminError {
    AdminError::NotFound {
        message: format!(
            "{} has no network key: make one with `mayday network-key generate`",
            whose(app)
        ),
    }
}

fn view(app: Option<AppId>, row: NetworkKeyRow) -> NetworkKeyView {
    let scope = if app.is_some() {
        KeyScope::App
    } else {
        KeyScope::Global
    };
    NetworkKeyView {
        scope: scope.as_str().to_owned(),
        app_id: app.map(|app| app.to_string()),
        fingerprint: row.fingerprint,
        created_at: row.created_at,
    }
}
