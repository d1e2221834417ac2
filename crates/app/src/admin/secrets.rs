//! Secrets of apps: add, list, retire.

use mayday_core::identity::AppId;
use mayday_core::ids::{AppUuid, SecretId};
use mayday_store::apps::{self, AddSecret, RetireSecret, SecretAddition, SecretRow};
use mayday_store::{Lane, Tx};

use super::{AdminError, AdminReply, PrintedSecret, SecretAdded, SecretView, app_id, unknown_app};
use crate::App;

impl App {
    pub(super) async fn add_secret(&self, id: &str) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let secret = self.new_secret();
        let added = SecretAdded {
            app_id: app_id.to_string(),
            secret_id: secret.id,
            secret: PrintedSecret(secret.secret.expose().to_owned()),
        };
        let add = AddSecret {
            app_id: app_id.clone(),
            secret,
        };
        match self.store.write(Lane::Rest, add).await? {
            SecretAddition::Added => Ok(AdminReply::SecretAdded(added)),
            SecretAddition::UnknownApp => Err(unknown_app(&app_id)),
            SecretAddition::TooMany => Err(AdminError::Conflict {
                message: format!(
                    "the app {app_id} has two live secrets, the most it may have: retire one first (`mayday app secret list --id {app_id}`)"
                ),
            }),
        }
    }

    pub(super) async fn list_secrets(&self, id: &str) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let mut tx = self.store.read().await?;
        let app = known_app(&mut tx, &app_id).await?;
        let rows = apps::secrets_of(&mut tx, app).await?;
        Ok(AdminReply::Secrets {
            secrets: rows.iter().map(view).collect(),
        })
    }

    pub(super) async fn retire_secret(
        &self,
        id: &str,
        secret_id: &str,
    ) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let missing = || AdminError::NotFound {
            message: format!(
                "the app {app_id} has no secret {secret_id}: `mayday app secret list --id {app_id}` shows all"
            ),
        };
        let retire = RetireSecret {
            app_id: app_id.clone(),
            secret: secret_id.parse::<SecretId>().map_err(|_| missing())?,
        };
        if let Some(row) = self.store.write(Lane::Rest, retire).await? {
            return Ok(AdminReply::Secret(view(&row)));
        }
        let mut tx = self.store.read().await?;
        known_app(&mut tx, &app_id).await?;
        Err(missing())
    }
}

/// The internal id of an app, or that there is none.
pub(crate) async fn known_app(tx: &mut Tx<'_>, app_id: &AppId) -> Result<AppUuid, AdminError> {
    let row = apps::find(tx, app_id).await?;
    row.map(|row| row.id).ok_or_else(|| unknown_app(app_id))
}

fn view(row: &SecretRow) -> SecretView {
    SecretView {
        secret_id: row.id,
        created_at: row.created_at,
        retired_at: row.retired_at,
    }
}
