//! Apps: create, list, activate, deactivate, policy.

use mayday_core::identity::signing::LiveSecret;
use mayday_core::identity::{AppSecret, CancelPolicy};
use mayday_core::ids::{AppUuid, SecretId};
use mayday_core::telemetry::RETENTION_DAYS;
use mayday_core::text;
use mayday_store::Lane;
use mayday_store::apps::{
    self, AppCreation, AppRow, CreateApp, MAX_APPS, SetAppActive, SetAppPolicy, SetAppRetention,
};

use super::{AdminError, AdminReply, AppCreated, AppView, PrintedSecret, app_id, unknown_app};
use crate::App;

impl App {
    pub(super) async fn create_app(
        &self,
        id: &str,
        name: Option<String>,
    ) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let name = name
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| app_id.to_string());
        text::check_name(&name).map_err(|why| AdminError::Invalid {
            message: format!("the app's {why}"),
        })?;
        let secret = self.new_secret();
        let printed = PrintedSecret(secret.secret.expose().to_owned());
        let secret_id = secret.id;
        let create = CreateApp {
            id: AppUuid::generate(self.clock.as_ref(), self.entropy.as_ref()),
            app_id: app_id.clone(),
            name,
            secret,
        };
        match self.store.write(Lane::Rest, create).await? {
            AppCreation::Created(row) => Ok(AdminReply::AppCreated(AppCreated {
                app: view(row),
                secret_id,
                secret: printed,
            })),
            AppCreation::Taken => Err(AdminError::Conflict {
                message: format!(
                    "the app {app_id} exists already: choose another id, or add a secret to it with `mayday app secret add --id {app_id}`"
                ),
            }),
            AppCreation::TooMany => Err(AdminError::Conflict {
                message: format!("there are {MAX_APPS} apps already, the most a server serves"),
            }),
        }
    }

    /// A secret that has yet to be stored.
    pub(super) fn new_secret(&self) -> LiveSecret {
        LiveSecret {
            id: SecretId::generate(self.clock.as_ref(), self.entropy.as_ref()),
            secret: AppSecret::generate(self.entropy.as_ref()),
        }
    }

    pub(super) async fn list_apps(&self) -> Result<AdminReply, AdminError> {
        let mut tx = self.store.read().await?;
        let rows = apps::all(&mut tx).await?;
        Ok(AdminReply::Apps {
            apps: rows.into_iter().map(view).collect(),
        })
    }

    pub(super) async fn show_app(&self, id: &str) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let mut tx = self.store.read().await?;
        let row = apps::find(&mut tx, &app_id).await?;
        row.map(|row| AdminReply::App(view(row)))
            .ok_or_else(|| unknown_app(&app_id))
    }

    pub(super) async fn set_app_active(
        &self,
        id: &str,
        active: bool,
    ) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let set = SetAppActive {
            app_id: app_id.clone(),
            active,
        };
        let row = self.store.write(Lane::Rest, set).await?;
        row.map(|row| AdminReply::App(view(row)))
            .ok_or_else(|| unknown_app(&app_id))
    }

    pub(super) async fn set_app_policy(
        &self,
        id: &str,
        require_expiring: Option<bool>,
        cancel: Option<CancelPolicy>,
        cancel_signature: Option<bool>,
    ) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let set = SetAppPolicy {
            app_id: app_id.clone(),
            require_expiring,
            cancel,
            cancel_signature,
        };
        let row = self.store.write(Lane::Rest, set).await?;
        row.map(|row| AdminReply::App(view(row)))
            .ok_or_else(|| unknown_app(&app_id))
    }
}

impl App {
    pub(super) async fn set_app_retention(
        &self,
        id: &str,
        days: Option<u32>,
    ) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        if let Some(days) = days.filter(|days| !RETENTION_DAYS.contains(days)) {
            let (least, most) = (RETENTION_DAYS.start(), RETENTION_DAYS.end());
            return Err(AdminError::Invalid {
                message: format!("telemetry is kept for {least} to {most} days, not {days}"),
            });
        }
        let set = SetAppRetention {
            app_id: app_id.clone(),
            days,
        };
        let row = self.store.write(Lane::Rest, set).await?;
        row.map(|row| AdminReply::App(view(row)))
            .ok_or_else(|| unknown_app(&app_id))
    }
}

fn view(row: AppRow) -> AppView {
    AppView {
        id: row.id,
        app_id: row.app_id.to_string(),
        name: row.name,
        active: row.deactivated_at.is_none(),
        policy: row.policy,
        live_secrets: row.live_secrets,
        retention_days: row.telemetry_days,
        created_at: row.created_at,
    }
}
